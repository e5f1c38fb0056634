"""Training of the small networks that enlarge luma alone: SRCNN, ESPCN, DRCN ...

Read from top to bottom: set up, then batch, forward, loss, step, log, validate, save. They were
published with mean squared error on luma, which is what they get here.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from srgan.errors import ModelRefused, TrainingStopped, UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.losses.pixel import LUMA
from srgan.metrics.psnr import psnr
from srgan.networks.cscn import CSCN
from srgan.training.checkpoint import (
    load_checkpoint,
    network_tensors,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from srgan.training.config import LumaConfig
from srgan.training.data import Downscale, crops_of, open_photos
from srgan.training.distributed import join, leave
from srgan.training.faults import explaining
from srgan.training.generator import (
    average_of,
    commit,
    follow,
    generator_of,
    learning_rate,
    load_tensors,
    part,
    save_generator,
    start_from,
)
from srgan.training.log import drop_lines_beyond, log_line
from srgan.training.muon import Muon
from srgan.training.setup import VALIDATION_SIDE, checkpoint_in, guarded, keep_freed_memory
from srgan.training.validation import Bytes, held_out_pictures
from srgan.weights.format import read_header

_OFFSET = 16.0 / 255.0


@explaining
def train_luma(
    config: LumaConfig,
    *,
    data: Sequence[Path],
    out: Path,
    device: str = "cpu",
    resume: bool = False,
) -> Path:
    """Train a luma network for squared error; returns its weights file.

    Args:
        config: the recipe.
        data: folders of photos, or packs made by :func:`srgan.training.packing.prepare`.
        out: the run's folder: ``checkpoint.safetensors``, ``log.jsonl``, ``generator.safetensors``.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` ...
        resume: go on from the folder's checkpoint.

    Raises:
        TrainingStopped: the loss is no longer a number, or there is nothing to resume.
        UsageError: ``out`` holds a run already and ``resume`` was not asked for, the device does
            not exist, or several processes were started.
        DataRefused: there are too few photos, or too small ones.
        OutputFailed: the run's folder cannot be written, or another run is in it.
        ModelRefused: the recipe's network cannot be built, or is not the checkpoint's or
            that of ``start``.
        SystemExit: 143 after SIGTERM, 130 after SIGINT, when the checkpoint is saved.
    """
    processes = join(device)
    if processes.world > 1:
        leave(processes)
        raise UsageError("a luma network is trained by one process; start it without torchrun")
    checkpoint = checkpoint_in(out, resume=resume)
    keep_freed_memory()
    torch.manual_seed(config.seed)
    # PyTorch would take TF32 on a GPU, with which the bicubic enlargement is not exact.
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    dev = processes.device
    scale = config.network.scale
    network = generator_of(config.network)
    if config.start and not resume:
        start_luma(network, config)
    network.to(dev)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = average_of(network)
    # SRCNN's own rule: the last layer, whose noise is the picture's noise, learns ten times slower.
    stages = list(network.stages) if isinstance(network, CSCN) else [network]
    ends = [p for stage in stages for p in list(stage.parameters())[-2:]]
    body = [p for p in network.parameters() if not any(p is end for end in ends)]
    groups = [{"params": body, "factor": 1.0}, {"params": ends, "factor": 0.1}]
    betas, narrow = (config.optimiser.beta1, config.optimiser.beta2), config.precision == "bf16"
    optimiser = (
        Muon(groups, betas=betas, narrow=narrow)
        if config.method == "muon"
        else torch.optim.Adam(groups, betas=betas)
    )
    pack, use, held_out = open_photos(config.data, data, out / "pack", anew=not resume)
    crops = crops_of(config.data, pack, use, scale=scale, seed=config.seed)
    pictures = held_out_pictures(pack, held_out, scale=scale, side=VALIDATION_SIDE)
    downscale = Downscale(scale, config.data.crop, dev)
    margin = 2 * scale

    update = 0
    if resume:
        tensors, state = load_checkpoint(checkpoint, config.kind, updates=config.updates)
        load_tensors(network, part(tensors, "generator."), checkpoint, section="network")
        load_tensors(average, part(tensors, "average."), checkpoint, section="network")
        restore_optimiser(optimiser, network, "adam", tensors)
        update = state["update"]
    drop_lines_beyond(out, update)

    started, first = time.monotonic(), update
    running = 0.0
    with guarded(processes) as termination:
        while update < config.updates:
            hr_bytes = crops.batch(update * config.data.batch, config.data.batch).to(dev)
            lr = tensor_luma(downscale(hr_bytes) / 255.0)  # (N, 1, H, W)
            hr = tensor_luma(hr_bytes[:, :, margin:-margin, margin:-margin].float() / 255.0)

            for group in optimiser.param_groups:
                rate = learning_rate(config.optimiser, update, config.updates)
                group["lr"] = rate * group["factor"]
            with torch.autocast(dev.type, torch.bfloat16, enabled=config.precision == "bf16"):
                sr = network(lr.contiguous(memory_format=torch.channels_last))
            loss = (sr.float() - hr).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            value = float(loss.detach())
            if not np.isfinite(value):
                raise TrainingStopped(
                    f"update {update}: the loss is {value}; the checkpoint before it is kept. "
                    "Lower optimiser.learning_rate"
                )
            follow(average, network, config.ema)
            update += 1

            running = value if update == first + 1 else 0.98 * running + 0.02 * value
            if update % 50 == 0:
                speed = (update - first) / (time.monotonic() - started)
                log_line(
                    out, {"update": update, "loss": round(running, 7), "rate": round(speed, 3)}
                )
            if update % config.validate_every == 0 or update == config.updates:
                scores = validate_luma(average, pictures, scale=scale)
                log_line(out, {"update": update, "psnr_y_average": round(scores, 4)})
                card = {
                    "updates": update,
                    "commit": commit(),
                    "device": str(dev),
                    "held_out_psnr_y": round(scores, 4),
                    "parameters": sum(p.numel() for p in network.parameters()),
                }
                save_generator(out / "generator.safetensors", average, config, card)
            asked = termination.asked
            if update % config.checkpoint_every == 0 or update == config.updates or asked:
                save_checkpoint(
                    checkpoint,
                    {
                        **network_tensors(network, "generator"),
                        **network_tensors(average, "average"),
                        **optimiser_tensors(optimiser, network, "adam"),
                    },
                    {"update": update, "recipe": config.name, "kind": config.kind},
                )
            if asked:
                termination.leave(update)
    return out / "generator.safetensors"


def start_luma(network: nn.Module, config: LumaConfig) -> None:
    """Fill the network from ``config.start``, or each stage of a cascade from one SCN.

    Raises:
        ModelRefused: the file cannot be used, or is of another network or, for a stage, scale.
    """
    architecture, parts = config.network.architecture, [network]
    header = read_header(config.start)
    if isinstance(network, CSCN) and header.architecture == "scn":
        if header.scale != 2:  # whose kernels would fit all the same
            raise ModelRefused(
                f"{config.start}: holds scn x{header.scale}; each stage of a cscn starts from a "
                "scn x2: train recipes/scn-x2.toml"
            )
        architecture, parts = "scn", list(network.stages)
    for module in parts:
        start_from(module, config.start, architecture=architecture, section="network")


def tensor_luma(rgb: Tensor) -> Tensor:
    """MATLAB's luma: (N, 3, H, W) RGB in [0, 1] → (N, 1, H, W) in [16/255, 235/255]."""
    weights = torch.tensor(LUMA, device=rgb.device).view(1, 3, 1, 1)
    return (rgb * weights).sum(dim=1, keepdim=True) + _OFFSET


@torch.no_grad()
def validate_luma(network: nn.Module, pictures: Sequence[Bytes], *, scale: int) -> float:
    """Mean Y-PSNR in dB over pictures that are never trained on."""
    device = next(network.parameters()).device
    scores = []
    for hr in pictures:
        lr = np.asarray(imresize(hr, scale=1.0 / scale))
        rgb = torch.from_numpy(lr).to(device).permute(2, 0, 1)[None].float() / 255.0
        sr = network(tensor_luma(rgb))[0, 0].cpu().numpy() * 255.0
        sr = np.clip(np.floor(sr + 0.5), 0, 255).astype(np.uint8)
        scores.append(psnr(sr, luma(hr), data_range=255, border=scale))
    return float(np.mean(scores))
