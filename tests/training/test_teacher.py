"""A generator as the target: its eight positions, and a pupil that comes near to their mean."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from srgan.errors import ModelRefused, UsageError
from srgan.inference.open import load
from srgan.networks.srresnet import SRResNet
from srgan.training.checkpoint import load_checkpoint
from srgan.training.config import PretrainConfig
from srgan.training.generator import save_generator
from srgan.training.pretrain import pretrain, teacher_of
from srgan.training.teacher import Teacher, turned, turned_back
from srgan.weights.format import load_weights

Pixel = Callable[..., PretrainConfig]
NETWORK = {"channels": 6, "blocks": 1, "batch_norm": False, "skip": "bilinear"}
LR = torch.rand(2, 3, 7, 9, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def weights(tmp_path: Path, pretrain_config: Pixel) -> Path:
    """A teacher that treats each position otherwise, wider than the pupil, with values to -1."""
    torch.manual_seed(1)
    network = SRResNet(scale=4, channels=6, blocks=1, batch_norm=False, skip="bilinear")
    torch.nn.init.normal_(network.tail.weight, std=0.02)
    config = pretrain_config(generator=NETWORK, output_range=[-1.0, 1.0])
    save_generator(tmp_path / "teacher.safetensors", network, config, {})
    return tmp_path / "teacher.safetensors"


def taught_by(weights: Path, positions: int) -> Teacher:
    return Teacher(
        weights,
        positions=positions,
        seed=5,
        scale=4,
        output_range=(0.0, 1.0),
        device=torch.device("cpu"),
    )


def test_eight_positions_that_come_back() -> None:
    seen = {turned(LR, p).numpy().tobytes() for p in range(8)}
    assert len(seen) == 8
    for p in range(8):
        assert torch.equal(turned_back(turned(LR, p), p), LR)


def test_all_positions_are_the_self_ensemble(weights: Path) -> None:
    teacher = taught_by(weights, 8)
    made = teacher(LR, 0)
    assert made.shape == (2, 3, 28, 36)
    ensemble = load(f"{weights}+", precision="fp32", threads=1)
    for one, lr in zip(made, LR, strict=True):
        expected = ensemble(np.ascontiguousarray(lr.permute(1, 2, 0).numpy()))
        np.testing.assert_allclose(one.permute(1, 2, 0).numpy(), expected, atol=1e-4)
    assert (made - taught_by(weights, 1)(LR, 0)).abs().max() > 0.001


def test_positions_are_drawn_by_the_update(weights: Path) -> None:
    teacher = taught_by(weights, 2)
    drawn = [teacher.drawn(update) for update in range(200)]
    assert teacher.drawn(3) == drawn[3]
    assert all(len(set(positions)) == 2 for positions in drawn)
    counts = np.bincount(np.concatenate(drawn), minlength=8)
    assert counts.min() > 30  # of 400, 50 each


def test_a_pupil_comes_near_its_teacher(
    weights: Path, pack: Path, tmp_path: Path, pretrain_config: Pixel
) -> None:
    config = pretrain_config(
        teacher=str(weights), positions=4, updates=60, ema=0.0, optimiser={"learning_rate": 3e-3}
    )
    teacher = teacher_of(config, torch.device("cpu"))
    assert teacher is not None

    def distance(path: Path) -> float:
        tensors, header = load_weights(path)
        pupil = SRResNet(**header.arguments)
        pupil.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()})
        with torch.no_grad():
            whole = taught_by(weights, 8)(LR, 0)
            return float((pupil(LR) - whole).square().mean())

    first = pretrain(pretrain_config(updates=1), data=[pack], out=tmp_path / "a")
    last = pretrain(config, data=[pack], out=tmp_path / "b")
    assert distance(last) < 0.7 * distance(first)
    assert load_weights(last)[1].card["teacher"] == "teacher"


def test_a_taught_run_is_resumed_to_the_bit(
    weights: Path, pack: Path, tmp_path: Path, pretrain_config: Pixel
) -> None:
    taught = {"teacher": str(weights), "positions": 2}
    pretrain(pretrain_config(**taught), data=[pack], out=tmp_path / "whole")
    pretrain(pretrain_config(**taught, updates=2), data=[pack], out=tmp_path / "halves")
    pretrain(pretrain_config(**taught), data=[pack], out=tmp_path / "halves", resume=True)
    whole, _ = load_checkpoint(tmp_path / "whole" / "checkpoint.safetensors")
    halves, _ = load_checkpoint(tmp_path / "halves" / "checkpoint.safetensors")
    assert [name for name in whole if not torch.equal(whole[name], halves[name])] == []


def test_what_cannot_teach_is_refused(weights: Path, pretrain_config: Pixel) -> None:
    with pytest.raises(UsageError, match="positions = 9: must be 1 to 8"):
        pretrain_config(positions=9)
    with pytest.raises(ModelRefused, match="must be a generator"):
        teacher_of(
            pretrain_config(teacher=str(weights), generator={**NETWORK, "scale": 2}),
            torch.device("cpu"),
        )
