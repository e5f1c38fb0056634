"""Nothing in an update stays on the CPU when training runs on another device."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from srgan.training import gan, pretrain, setup, watch
from srgan.training.config import GanConfig, LumaConfig, PretrainConfig, load_recipe
from srgan.training.data import Batches, Downscale
from srgan.training.distributed import Processes
from srgan.training.generator import generator_of
from srgan.training.luma import tensor_luma
from training.tiny import GENERATOR

META = torch.device("meta")
"""A device without values: as on a GPU, PyTorch refuses to mix its tensors with the CPU's."""
RECIPES = Path(__file__).parents[2] / "recipes"
LUMA = [path.stem for path in RECIPES.glob("*.toml") if 'kind = "luma"' in path.read_text("utf-8")]


def unchanged(*asked: Any, **more: Any) -> contextlib.AbstractContextManager[None]:
    """In place of autocast, which knows only real devices."""
    return contextlib.nullcontext()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Training runs on ``META``, without what asks for values; gives the last update."""
    done: list[int] = []

    def batches(*args: Any, **asked: Any) -> Batches:
        return Batches(*args, **asked, resident=asked["degradation"] is None)

    monkeypatch.setattr(torch, "autocast", unchanged)
    monkeypatch.setattr(setup, "join", lambda device: Processes(0, 1, META))
    monkeypatch.setattr(setup, "Batches", batches)
    monkeypatch.setattr(watch.Watch, "look", lambda self, *, everything: False)
    monkeypatch.setattr(watch.Watch, "score", lambda self, update, average: done.append(update))
    for loop in (gan, pretrain):
        for name in ("start_from", "check_batch", "check_losses", "save_checkpoint"):
            monkeypatch.setattr(loop, name, lambda *asked, **more: None)
    monkeypatch.setattr(gan, "ratio_of_means", lambda *asked: 1.0)
    return done


@pytest.mark.parametrize(
    "changes",
    [
        {"luma": 1.0, "loss": "mse"},
        {"method": "muon", "generator": {**GENERATOR, "batch_norm": True}},
        {"degradation": {}},
    ],
)
def test_an_update_for_pixels(
    changes: dict[str, Any],
    elsewhere: list[int],
    pack: Path,
    tmp_path: Path,
    pretrain_config: Callable[..., PretrainConfig],
) -> None:
    pretrain.pretrain(pretrain_config(updates=3, **changes), data=[pack], out=tmp_path)
    assert elsewhere == [3]


@pytest.mark.parametrize(
    ("discriminator", "game", "changes"),
    [
        ("paper", "standard", {}),
        ("pooled", "relativistic", {"shift": 8, "grid": 1.0, "total_variation": 1.0}),
        ("unet", "relativistic", {"degradation": {}, "overshoot": 1.0}),
        ("features", "standard", {"shift": 8}),
    ],
)
def test_an_update_of_a_gan(
    discriminator: str,
    game: str,
    changes: dict[str, Any],
    elsewhere: list[int],
    pack: Path,
    tmp_path: Path,
    gan_config: Callable[..., GanConfig],
) -> None:
    config = gan_config(
        updates=3,
        start="start.safetensors",
        data={"crop": 48, "batch": 2, "held_out": 1},
        adversarial={"discriminator": discriminator, "channels": 4, "game": game},
        **changes,
    )
    gan.train_gan(config, data=[pack], out=tmp_path)
    assert elsewhere == [3]


def test_an_update_of_johnsons_network(
    elsewhere: list[int], pack: Path, tmp_path: Path, gan_config: Callable[..., GanConfig]
) -> None:
    config = gan_config(
        updates=3,
        generator={"architecture": "johnson", "channels": 4, "blocks": 1},
        adversarial={"weight": 0.0},
    )
    gan.train_gan(config, data=[pack], out=tmp_path)
    assert elsewhere == [3]


@pytest.mark.parametrize("name", LUMA)
def test_the_luma_networks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", unchanged)
    config = load_recipe(RECIPES / f"{name}.toml", [])
    assert isinstance(config, LumaConfig)
    network = generator_of(config.network).to(META)
    scale = config.network.scale
    side = 48 + 4 * scale  # with the margin that the downscale reads
    crop = torch.empty(1, 3, side, side, dtype=torch.uint8, device=META)
    lr = tensor_luma(Downscale(scale, 48, META)(crop) / 255.0)
    sr = network(lr)
    assert sr.shape == (1, 1, 48, 48)
    sr.mean().backward()
    assert all(p.grad is not None and p.grad.device == META for p in network.parameters())
