"""The loops on a simulated GPU: nothing lies on the wrong device, nothing waits for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from srgan.networks.blocks import PReLU
from srgan.training.checkpoint import load_checkpoint
from srgan.training.config import GanConfig, LumaConfig, PretrainConfig, load_recipe
from srgan.training.gan import train_gan
from srgan.training.luma import train_luma
from srgan.training.pretrain import pretrain
from training.simulated_gpu import OnGPU, sends, simulated_gpu

Pixel = Callable[..., PretrainConfig]
Gan = Callable[..., GanConfig]

BETWEEN = {"check_batch", "check_losses", "save_checkpoint", "save_generator", "enlarge"}
"""Where a loop may wait for the GPU: before its first update, and where it validates and saves."""

MOVED = {"pretrain", "train_gan", "__init__", "_tensor"}
"""What lies on the GPU from the start is sent there by these, and what is validated."""

DAMAGE = {"clean": 0.3, "noise_share": 0.5, "jpeg_share": 0.7}


@pytest.fixture(autouse=True)
def same_prelu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU takes PyTorch's gradient, whose bits are others than those of ours for CPUs."""
    monkeypatch.setattr(PReLU, "forward", nn.PReLU.forward)


def learnt(run: Path) -> dict[str, torch.Tensor]:
    tensors, _ = load_checkpoint(run / "checkpoint.safetensors")
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("rng.")}


def waited_in_between(waits: list[str]) -> list[str]:
    """Who waited while updates are under way."""
    return [place for place in waits if place not in BETWEEN]


def assert_learnt_alike(one: Path, other: Path) -> None:
    a, b = learnt(one), learnt(other)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_the_simulation_refuses_what_a_gpu_refuses_and_sees_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with simulated_gpu(monkeypatch) as waits:
        there, here = torch.ones(2, device="cuda:0"), torch.ones(2)
        assert there.device.type == "cuda"
        assert isinstance(there, OnGPU)
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert (there + here.to("cuda:0") + 1.0).tolist() == [3.0, 3.0]
        assert waits == ["the test"]
        assert bool((there > 0).all())
        assert there.to("cpu", non_blocking=True).numpy().sum() == 2.0
        assert waits == ["the test"] * 2
    assert not torch.cuda.is_available()


@pytest.mark.parametrize("changes", [{}, {"method": "muon", "luma": 1.0}, {"degradation": DAMAGE}])
def test_pixel_training_learns_there_what_it_learns_here(
    changes: dict[str, Any],
    pack: Path,
    tmp_path: Path,
    pretrain_config: Pixel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = pretrain_config(**changes)
    pretrain(config, data=[pack], out=tmp_path / "cpu", device="cpu")
    with simulated_gpu(monkeypatch) as waits:
        pretrain(config, data=[pack], out=tmp_path / "gpu", device="cuda:0")
    assert_learnt_alike(tmp_path / "cpu", tmp_path / "gpu")
    assert set(waits) >= BETWEEN
    assert waited_in_between(waits) == []
    assert set(sends) <= MOVED


@pytest.mark.parametrize(
    "changes",
    [
        {"adversarial": {"discriminator": "paper", "channels": 2, "game": "relativistic"}},
        {"grid": 1.0, "overshoot": 1.0, "total_variation": 1e-6, "degradation": DAMAGE},
    ],
)
def test_gan_training_learns_there_what_it_learns_here(
    changes: dict[str, Any],
    pack: Path,
    tmp_path: Path,
    pretrain_config: Pixel,
    gan_config: Gan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = pretrain(pretrain_config(), data=[pack], out=tmp_path / "p", device="cpu")
    # PyTorch has a slower, deterministic way for some things on GPUs alone.
    config = gan_config(start=str(start), device={"deterministic": False}, **changes)
    train_gan(config, data=[pack], out=tmp_path / "cpu", device="cpu")
    with simulated_gpu(monkeypatch) as waits:
        train_gan(config, data=[pack], out=tmp_path / "gpu", device="cuda:0")
    assert_learnt_alike(tmp_path / "cpu", tmp_path / "gpu")
    assert waited_in_between(waits) == ["unit_of"]  # to calibrate, before the first update
    assert set(sends) <= MOVED


def test_a_run_is_resumed_there(
    pack: Path,
    tmp_path: Path,
    pretrain_config: Pixel,
    gan_config: Gan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = {"precision": "bf16", "deterministic": True}
    with simulated_gpu(monkeypatch):
        start = pretrain(pretrain_config(), data=[pack], out=tmp_path / "p", device="cuda:0")
        whole = gan_config(start=str(start), device=device)
        train_gan(whole, data=[pack], out=tmp_path / "whole", device="cuda:0")
        half = gan_config(start=str(start), device=device, updates=2)
        train_gan(half, data=[pack], out=tmp_path / "halves", device="cuda:0")
        train_gan(whole, data=[pack], out=tmp_path / "halves", device="cuda:0", resume=True)
    assert_learnt_alike(tmp_path / "whole", tmp_path / "halves")


@pytest.mark.parametrize("method", ["adam", "muon"])
def test_luma_training_learns_there_what_it_learns_here(
    method: str, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["updates=4", "validate_every=2", "checkpoint_every=2", "data.crop=24", "data.batch=2"]
    small += [
        "data.held_out=1",
        "optimiser.decay=2",
        "network.channels=4",
        "network.recursions=2",
        "precision=fp32",
    ]
    recipe = Path(__file__).parents[2] / "recipes" / "drcn-64x9.toml"
    config = load_recipe(recipe, [*small, f"method={method}"])
    assert isinstance(config, LumaConfig)
    train_luma(config, data=[pack], out=tmp_path / "cpu", device="cpu")
    with simulated_gpu(monkeypatch):
        train_luma(config, data=[pack], out=tmp_path / "gpu", device="cuda:0")
    # On a GPU Adam takes all layers at once, which rounds otherwise.
    a, b = learnt(tmp_path / "cpu"), learnt(tmp_path / "gpu")
    for name in a.keys() | b.keys():
        torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-6)
