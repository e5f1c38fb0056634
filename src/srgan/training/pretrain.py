"""Pixel pre-training: the generator alone, for mean absolute or squared error.

Read from top to bottom: set up, then batch, forward, loss, step, log, validate, save.
"""

import copy
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from srgan.errors import TrainingStopped, UsageError
from srgan.networks.srresnet import SRResNet
from srgan.training.checkpoint import (
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from srgan.training.config import PretrainConfig
from srgan.training.data import Crops, Downscale, Pack, split
from srgan.training.generator import (
    commit,
    follow,
    learning_rate,
    load_tensors,
    part,
    save_generator,
)
from srgan.training.log import log_line
from srgan.training.validation import validate


def pretrain(
    config: PretrainConfig, *, data: Path, out: Path, device: str = "cpu", resume: bool = False
) -> Path:
    """Train a generator for pixel error; returns its weights file.

    Args:
        config: the recipe.
        data: a pack made by :func:`srgan.training.data.prepare`.
        out: the run's folder: ``checkpoint.safetensors``, ``log.jsonl``, ``generator.safetensors``.
        device: where to train, such as ``"cpu"`` or ``"cuda"``.
        resume: go on from the folder's checkpoint.

    Raises:
        TrainingStopped: the loss is no longer a number, or there is nothing to resume.
        UsageError: ``out`` holds a run already and ``resume`` was not asked for.
    """
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise UsageError(f"{out}: holds a run already; go on with --resume or choose another --out")
    torch.manual_seed(config.seed)
    dev = torch.device(device)
    low, high = config.output_range

    generator = SRResNet(**asdict(config.generator)).to(dev)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(generator).requires_grad_(False)
    optimiser = torch.optim.Adam(
        generator.parameters(), betas=(config.optimiser.beta1, config.optimiser.beta2)
    )
    pack = Pack(data)
    use, held_out = split(len(pack), config.data.held_out, config.data.held_out_seed)
    scale = config.generator.scale
    crops = Crops(pack, use, crop=config.data.crop, scale=scale, seed=config.seed)
    downscale = Downscale(scale, config.data.crop, dev)
    margin = 2 * scale

    started_at = commit()
    update = 0
    if resume:
        tensors, state = load_checkpoint(checkpoint)
        load_tensors(generator, part(tensors, "generator."), checkpoint)
        load_tensors(average, part(tensors, "average."), checkpoint)
        restore_optimiser(optimiser, generator, "adam", tensors)
        update = state["update"]

    started, first = time.monotonic(), update
    running = 0.0
    while update < config.updates:
        hr_bytes = crops.batch(update * config.data.batch, config.data.batch).to(dev)
        lr = downscale(hr_bytes) / 255.0
        hr = hr_bytes[:, :, margin:-margin, margin:-margin].float() / 255.0 * (high - low) + low

        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config.optimiser, update, config.updates)
        with torch.autocast(dev.type, dtype=torch.bfloat16):
            sr = generator(lr.contiguous(memory_format=torch.channels_last))
        error = sr.float() - hr
        loss = error.abs().mean() if config.loss == "l1" else error.square().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        value = float(loss.detach())
        if not np.isfinite(value):
            raise TrainingStopped(
                f"update {update}: the loss is {value}; the checkpoint before it is kept. "
                "Lower optimiser.learning_rate"
            )
        follow(average, generator, config.ema)
        update += 1

        running = value if update == first + 1 else 0.98 * running + 0.02 * value
        if update % 50 == 0:
            rate = (update - first) / (time.monotonic() - started)
            log_line(out, {"update": update, "loss": round(running, 6), "rate": round(rate, 3)})
        if update % config.checkpoint_every == 0 or update == config.updates:
            save_checkpoint(
                checkpoint,
                {
                    **{f"generator.{k}": v for k, v in generator.state_dict().items()},
                    **{f"average.{k}": v for k, v in average.state_dict().items()},
                    **optimiser_tensors(optimiser, generator, "adam"),
                },
                {"update": update, "recipe": config.name},
            )
        if update % config.validate_every == 0 or update == config.updates:
            scores = validate(average, pack, held_out, scale=scale, output_range=(low, high))
            log_line(out, {"update": update, **asdict(scores)})
            card = {
                "updates": update,
                "commit": started_at,
                "device": str(dev),
                "held_out": asdict(scores),
            }
            save_generator(out / "generator.safetensors", average, config, card)
    return out / "generator.safetensors"
