"""Random networks small enough for any test."""

from typing import Any

import numpy as np

from srgan.inference.layers import STAGES
from srgan.weights.format import Header, Tensors


def tiny(
    *,
    scale: int = 4,
    batch_norm: bool = False,
    skip: str = "bilinear",
    output_range: tuple[float, float] = (0.0, 1.0),
    channels: int = 8,
    blocks: int = 2,
    direct: bool = False,
    seed: int = 0,
) -> tuple[Tensors, Header]:
    """Tensors and header of a random generator whose output varies over its whole reach."""
    draw = np.random.default_rng(seed)
    tensors: dict[str, Any] = {}

    def conv(name: str, out_maps: int, in_maps: int, size: int) -> None:
        std = 1.0 / np.sqrt(in_maps * size * size)
        tensors[f"{name}.weight"] = draw.normal(0.0, std, (out_maps, in_maps, size, size))
        tensors[f"{name}.bias"] = draw.normal(0.0, 0.1, out_maps)

    def norm(name: str) -> None:
        if batch_norm:
            tensors.update(batch_normalisation(name, channels, draw))

    conv("head", channels, 3, 3 if direct else 9)
    tensors["head_act.weight"] = np.array([0.25])
    for i in range(blocks):
        conv(f"blocks.{i}.conv1", channels, channels, 3)
        conv(f"blocks.{i}.conv2", channels, channels, 3)
        norm(f"blocks.{i}.norm1")
        norm(f"blocks.{i}.norm2")
        tensors[f"blocks.{i}.act.weight"] = np.array([-0.1 + 0.7 * i])
    conv("trunk", channels, channels, 3)
    norm("trunk_norm")
    for i, factor in enumerate(() if direct else STAGES[scale]):
        conv(f"upscale.{i}.conv", channels * factor**2, channels, 3)
        tensors[f"upscale.{i}.act.weight"] = np.array([0.3])
    conv("tail", *((3 * scale**2, channels, 3) if direct else (3, channels, 9)))
    arguments = {
        "scale": scale,
        "channels": channels,
        "blocks": blocks,
        "batch_norm": batch_norm,
        "skip": skip,
        "direct": direct,
    }
    arrays = {name: np.asarray(array, np.float32) for name, array in tensors.items()}
    return arrays, Header("srresnet", arguments, scale, output_range)


def batch_normalisation(name: str, maps: int, draw: np.random.Generator) -> dict[str, Any]:
    """The tensors of a random batch normalisation."""
    return {
        f"{name}.weight": draw.uniform(0.5, 1.5, maps),
        f"{name}.bias": draw.normal(0.0, 0.1, maps),
        f"{name}.running_mean": draw.normal(0.0, 0.1, maps),
        f"{name}.running_var": draw.uniform(0.5, 1.5, maps),
        f"{name}.num_batches_tracked": np.array(3),
    }


def johnson(
    *,
    scale: int = 4,
    output_range: tuple[float, float] = (-1.0, 1.0),
    channels: int = 8,
    blocks: int = 2,
) -> tuple[Tensors, Header]:
    """Tensors and header of a random network of Johnson et al."""
    draw = np.random.default_rng(0)
    tensors: dict[str, Any] = {}

    def conv(name: str, maps: tuple[int, int], size: int, norm: str = "") -> None:
        std = 1.0 / np.sqrt(channels * size * size)
        tensors[f"{name}.weight"] = draw.normal(0.0, std, (*maps, size, size))
        tensors[f"{name}.bias"] = draw.normal(0.0, 0.1, 3 if name == "tail" else channels)
        if norm:
            tensors.update(batch_normalisation(norm, channels, draw))

    conv("head", (channels, 3), 9, "head_norm")
    for i in range(blocks):
        for n in (1, 2):
            conv(f"blocks.{i}.conv{n}", (channels, channels), 3, f"blocks.{i}.norm{n}")
    for i in range(len(STAGES[scale])):
        conv(f"upscale.{i}.conv", (channels, channels), 3, f"upscale.{i}.norm")
    conv("tail", (3, channels), 9)
    arguments = {"scale": scale, "channels": channels, "blocks": blocks}
    arrays = {name: np.asarray(array, np.float32) for name, array in tensors.items()}
    return arrays, Header("johnson", arguments, scale, output_range)
