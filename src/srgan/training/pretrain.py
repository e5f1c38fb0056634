"""Pixel pre-training: the generator alone, for mean absolute or squared error.

Read from top to bottom: set up, then batch, forward, loss, step, log, validate, save.
"""

import copy
import json
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srgan.errors import TrainingStopped, UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.metrics.psnr import psnr
from srgan.networks.srresnet import SRResNet
from srgan.training.checkpoint import (
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from srgan.training.config import OptimiserConfig, PretrainConfig
from srgan.training.data import Crops, Downscale, Pack, split
from srgan.weights.format import Header, save_weights


def learning_rate(config: OptimiserConfig, update: int, updates: int) -> float:
    """The rate of update number ``update`` (from 0) of ``updates``."""
    rate = config.learning_rate * min(1.0, (update + 1) / max(1, config.warm_up))
    if config.schedule == "decay":
        left = (updates - update) / max(1, config.decay)
        rate *= min(1.0, 0.02 + 0.98 * left)
    return rate


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
    use, held_out = split(len(pack), config.data.held_out, config.seed)
    scale = config.generator.scale
    crops = Crops(pack, use, crop=config.data.crop, scale=scale, seed=config.seed)
    downscale = Downscale(scale, config.data.crop, dev)
    margin = 2 * scale

    update = 0
    if resume:
        tensors, state = load_checkpoint(checkpoint)
        generator.load_state_dict(_part(tensors, "generator."))
        average.load_state_dict(_part(tensors, "average."))
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
        _follow(average, generator, config.ema)
        update += 1

        running = value if update == first + 1 else 0.98 * running + 0.02 * value
        if update % 50 == 0:
            rate = (update - first) / (time.monotonic() - started)
            _log(out, {"update": update, "loss": round(running, 6), "rate": round(rate, 3)})
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
            scores = {
                "update": update,
                "psnr_y": round(validate(generator, pack, held_out, config), 4),
                "psnr_y_average": round(validate(average, pack, held_out, config), 4),
            }
            _log(out, scores)
            card = {
                "recipe": json.dumps(asdict(config)),
                "updates": update,
                "commit": _commit(),
                "device": str(dev),
                "held_out_psnr_y": scores["psnr_y_average"],
            }
            _save(out / "generator.safetensors", average, config, card)
    return out / "generator.safetensors"


def validate(
    generator: SRResNet, pack: Pack, held_out: list[int], config: PretrainConfig, side: int = 256
) -> float:
    """Mean Y-PSNR in dB over the centres of photos that are never trained on."""
    low, high = config.output_range
    scale = config.generator.scale
    scores = []
    for i in held_out:
        photo = pack.photo(i)
        y, x = max(0, photo.shape[0] - side) // 2, max(0, photo.shape[1] - side) // 2
        hr = np.ascontiguousarray(photo[y : y + side, x : x + side])
        hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
        lr = imresize(hr, scale=1.0 / scale)
        sr = enlarge(generator, lr, low, high)
        scores.append(psnr(luma(sr), luma(hr), data_range=255, border=scale))
    return float(np.mean(scores))


@torch.no_grad()
def enlarge(generator: SRResNet, lr: Any, low: float, high: float) -> Any:
    """Run the generator on one uint8 RGB picture: (H, W, 3) → (H * scale, W * scale, 3)."""
    generator.eval()
    device = next(generator.parameters()).device
    x = torch.from_numpy(lr).to(device).permute(2, 0, 1)[None].float() / 255.0
    sr: Tensor = (generator(x)[0] - low) / (high - low)
    generator.train()
    out = (sr.clamp(0, 1) * 255.0 + 0.5).floor().byte()
    return out.permute(1, 2, 0).cpu().numpy()


def _follow(average: torch.nn.Module, generator: torch.nn.Module, decay: float) -> None:
    with torch.no_grad():
        for a, g in zip(average.parameters(), generator.parameters(), strict=True):
            a.lerp_(g, 1.0 - decay)
        for mean, now in zip(average.buffers(), generator.buffers(), strict=True):
            mean.copy_(now)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def _log(out: Path, entry: dict[str, Any]) -> None:
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")


def _commit() -> str:
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


def _save(path: Path, generator: SRResNet, config: PretrainConfig, card: dict[str, Any]) -> None:
    header = Header(
        architecture="srresnet",
        arguments=asdict(config.generator),
        scale=config.generator.scale,
        output_range=config.output_range,
        card={"name": config.name, **card},
    )
    tensors = {k: v.float().cpu().numpy() for k, v in generator.state_dict().items()}
    save_weights(path, tensors, header)
