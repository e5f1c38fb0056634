"""The generator on its way through a run: its schedule, its average, its weights file."""

import copy
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from srgan.errors import ModelRefused
from srgan.networks.build import build
from srgan.training.config import (
    Config,
    GeneratorConfig,
    LumaConfig,
    LumaNetworkConfig,
    OptimiserConfig,
)
from srgan.weights.format import ARGUMENTS, Header, load_weights, save_weights

N = TypeVar("N", bound=nn.Module)


def generator_of(config: GeneratorConfig | LumaNetworkConfig) -> nn.Module:
    """The generator or luma network of a recipe, with fresh weights."""
    return build(config.architecture, arguments_of(config))


def arguments_of(config: GeneratorConfig | LumaNetworkConfig) -> dict[str, Any]:
    """What the network's class takes: only what its architecture knows."""
    return {name: getattr(config, name) for name in ARGUMENTS[config.architecture]}


def learning_rate(config: OptimiserConfig, update: int, updates: int) -> float:
    """The rate of update number ``update`` (from 0) of ``updates``."""
    rate = config.learning_rate * min(1.0, (update + 1) / max(1, config.warm_up))
    if config.schedule == "decay":
        left = (updates - update) / max(1, config.decay)
        rate *= min(1.0, 0.02 + 0.98 * left)
    elif config.schedule == "step" and update >= updates - config.decay:
        rate /= 10
    return rate


def set_norms(generator: nn.Module, config: Config, update: int) -> None:
    """Let batch normalisation see the batch of update number ``update`` (from 0), or not.

    Johnson's network takes the batch's mean off at its first layer and has no way round: what
    brightness a picture has, the layers after it learn from how it differs from the batch's others.
    The mean over many batches, which all meet at inference, serves better.
    """
    if not config.freeze_norm:
        return
    frozen = config.freeze_norm <= update + 1
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(not frozen)


@torch.no_grad()
def follow(average: nn.Module, generator: nn.Module, decay: float) -> None:
    """Move the average towards the generator: ``average = decay * average + (1 - decay) * now``.

    So do batch normalisation's running mean and variance, which are then nearer to what the
    averaged weights give than those of the moment; counters are taken over.
    """
    means: list[Tensor] = list(average.parameters())
    now: list[Tensor] = list(generator.parameters())
    for buffer, newest in zip(average.buffers(), generator.buffers(), strict=True):
        if buffer.is_floating_point():
            means.append(buffer)
            now.append(newest)
        else:
            buffer.copy_(newest)
    # All at once: on a GPU hundreds of small calls would cost more than the network.
    torch._foreach_lerp_(means, now, 1.0 - decay)


def average_of(generator: N) -> N:
    """What :func:`follow` moves, at the start: the generator's copy, which does not learn.

    Nor does batch normalisation in it take note of what it is run on, as LDL's loss does.
    """
    average = copy.deepcopy(generator).requires_grad_(False)
    for module in average.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    return average


def load_tensors(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    source: str | Path,
    *,
    section: str = "generator",
) -> None:
    """Fill ``module``, strictly.

    Args:
        module: the network.
        tensors: its weights and buffers.
        source: the file that they are of.
        section: of the recipe, which describes the network.

    Raises:
        ModelRefused: naming the first tensor that is missing, foreign or of another shape.
    """
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        if name not in tensors:
            raise ModelRefused(
                f"{source}: of another network than the recipe's: it lacks {name} "
                f"{tuple(tensor.shape)}; use its own recipe or set [{section}] to match"
            )
        if tensors[name].shape != tensor.shape:
            raise ModelRefused(
                f"{source}: of another network than the recipe's: {name} is "
                f"{tuple(tensors[name].shape)} there and {tuple(tensor.shape)} in the recipe; "
                f"use its own recipe or set [{section}] to match"
            )
    for name, tensor in tensors.items():
        if name not in wanted:
            raise ModelRefused(
                f"{source}: of another network than the recipe's: {name} {tuple(tensor.shape)} "
                f"has no place in it; use its own recipe or set [{section}] to match"
            )
    module.load_state_dict(dict(tensors))


def start_from(
    module: nn.Module,
    weights: str | Path,
    *,
    architecture: str,
    section: str = "generator",
) -> None:
    """Fill ``module`` from a weights file of its ``architecture``.

    Raises:
        ModelRefused: the file cannot be used, or is of another network.
    """
    arrays, header = load_weights(weights)
    if header.architecture != architecture:
        raise ModelRefused(f"{weights}: holds {header.architecture}; start from a {architecture}")
    tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
    load_tensors(module, tensors, weights, section=section)


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries below ``prefix``, without it."""
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def commit() -> str:
    """The commit of the code that runs, ``"unknown"`` outside a repository."""
    try:
        run = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()


def save_generator(
    path: Path, generator: nn.Module, config: Config | LumaConfig, card: dict[str, Any]
) -> None:
    """Write the weights file that inference reads; ``card`` joins the model card."""
    network: GeneratorConfig | LumaNetworkConfig
    if isinstance(config, LumaConfig):
        network, output_range = config.network, (0.0, 1.0)
    else:
        network, output_range = config.generator, config.output_range
    header = Header(
        architecture=network.architecture,
        arguments=arguments_of(network),
        scale=network.scale,
        output_range=output_range,
        card={"name": config.name, "recipe": json.dumps(asdict(config)), **card},
    )
    tensors = {k: v.float().cpu().numpy() for k, v in generator.state_dict().items()}
    save_weights(path, tensors, header)
