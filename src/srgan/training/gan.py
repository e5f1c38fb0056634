"""GAN training: generator against discriminator, from a pixel-trained generator on.

Read from top to bottom: set up, calibrate, then batch, discriminator, generator, log, validate,
save. Section 2 of https://arxiv.org/abs/1609.04802.
"""

import copy
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srgan.errors import TrainingStopped, UsageError
from srgan.losses.adversarial import discriminator_loss, generator_loss
from srgan.losses.perceptual import ContentLoss
from srgan.losses.pixel import artefact_loss, consistency_loss, distance, total_variation
from srgan.networks.discriminator import build_discriminator
from srgan.networks.srresnet import SRResNet
from srgan.networks.vgg import load_vgg
from srgan.training.checkpoint import (
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from srgan.training.config import ContentConfig, GanConfig
from srgan.training.data import Crops, Downscale, Pack, split
from srgan.training.generator import (
    commit,
    follow,
    learning_rate,
    load_tensors,
    part,
    save_generator,
    start_from,
)
from srgan.training.log import log_line
from srgan.training.validation import validate


def train_gan(
    config: GanConfig, *, data: Path, out: Path, device: str = "cpu", resume: bool = False
) -> Path:
    """Train a generator against a discriminator; returns its weights file.

    Args:
        config: the recipe.
        data: a pack made by :func:`srgan.training.data.prepare`.
        out: the run's folder: ``checkpoint.safetensors``, ``log.jsonl``, ``generator.safetensors``.
        device: where to train, such as ``"cpu"`` or ``"cuda"``.
        resume: go on from the folder's checkpoint.

    Raises:
        TrainingStopped: a loss is no longer a number, or there is nothing to resume.
        UsageError: ``out`` holds a run already and ``resume`` was not asked for.
        ModelRefused: the generator to start from, or the feature network, cannot be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise UsageError(f"{out}: holds a run already; go on with --resume or choose another --out")
    torch.manual_seed(config.seed)
    dev = torch.device(device)
    low, high = config.output_range
    scale, batch = config.generator.scale, config.data.batch

    generator = SRResNet(**asdict(config.generator)).to(dev)
    if config.start:
        start_from(generator, config.start)
    elif not resume:
        raise UsageError("a GAN starts from a pixel-trained generator: --set start=WEIGHTS")
    game = config.adversarial
    discriminator = build_discriminator(
        game.discriminator, crop=config.data.crop, channels=game.channels
    ).to(dev)
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(generator).requires_grad_(False)
    betas = (config.optimiser.beta1, config.optimiser.beta2)
    g_adam = torch.optim.Adam(generator.parameters(), betas=betas)
    d_adam = torch.optim.Adam(discriminator.parameters(), betas=betas)
    d_schedule = replace(config.optimiser, learning_rate=game.learning_rate)
    content = content_loss(config.content).to(dev) if config.content.weight else None

    pack = Pack(data)
    use, held_out = split(len(pack), config.data.held_out, config.data.held_out_seed)
    crops = Crops(pack, use, crop=config.data.crop, scale=scale, seed=config.seed)
    downscale = Downscale(scale, config.data.crop, dev)
    margin = 2 * scale
    matrix = downscale.matrix[:, margin:-margin]  # of a crop alone; its edge is not compared

    def draw(first: int) -> tuple[Tensor, Tensor]:
        """LR in [0, 1] and HR in the output range, from sample number ``first`` on."""
        hr_bytes = crops.batch(first, batch).to(dev)
        lr = (downscale(hr_bytes) / 255.0).contiguous(memory_format=torch.channels_last)
        hr = hr_bytes[:, :, margin:-margin, margin:-margin].float() / 255.0 * (high - low) + low
        return lr, hr.contiguous(memory_format=torch.channels_last)

    def unit(image: Tensor) -> Tensor:
        """From the output range to [0, 1]."""
        return (image.float() - low) / (high - low)

    started_at = commit()
    update = 0
    content_weight = config.content.weight
    if resume:
        tensors, state = load_checkpoint(checkpoint)
        load_tensors(generator, part(tensors, "generator."), checkpoint)
        load_tensors(average, part(tensors, "average."), checkpoint)
        load_tensors(discriminator, part(tensors, "discriminator."), checkpoint)
        restore_optimiser(g_adam, generator, "adam", tensors)
        restore_optimiser(d_adam, discriminator, "adam_d", tensors)
        update, content_weight = state["update"], state["content_weight"]
    elif content is not None and config.content.calibrate:
        with torch.no_grad(), torch.autocast(dev.type, dtype=torch.bfloat16):
            lr, hr = draw(0)
            sr = average(lr)
            pixel = distance(sr, hr, config.pixel.loss)
            content_weight *= float(pixel / content(unit(sr), unit(hr)))
        print(f"content loss: {content.name} weighs {content_weight:.4g} (calibrated)", flush=True)

    begun, first = time.monotonic(), update
    means: dict[str, float] = {}
    while update < config.updates:
        lr, hr = draw(update * batch)
        for group in g_adam.param_groups:
            group["lr"] = learning_rate(config.optimiser, update, config.updates)
        for group in d_adam.param_groups:
            group["lr"] = learning_rate(d_schedule, update, config.updates)
        with torch.autocast(dev.type, dtype=torch.bfloat16):
            sr = generator(lr)

        # The discriminator learns to tell HR from SR ...
        losses: dict[str, Tensor] = {}
        if game.weight:
            discriminator.requires_grad_(True)
            with torch.autocast(dev.type, dtype=torch.bfloat16):
                real, fake = discriminator(hr), discriminator(sr.detach())
            losses["discriminator"] = discriminator_loss(real, fake, game.game)
            d_adam.zero_grad(set_to_none=True)
            losses["discriminator"].backward()  # type: ignore[no-untyped-call]
            d_adam.step()
            discriminator.requires_grad_(False)

        # ... and the generator to deceive it, near the HR picture.
        terms: dict[str, tuple[float, Tensor]] = {}
        if config.pixel.weight:
            terms["pixel"] = (config.pixel.weight, distance(sr, hr, config.pixel.loss))
        if content is not None:
            with torch.autocast(dev.type, dtype=torch.bfloat16):
                terms["content"] = (content_weight, content(unit(sr), unit(hr)))
        if game.weight and update >= game.warm_up:
            with torch.autocast(dev.type, dtype=torch.bfloat16):
                judged = discriminator(sr)
            terms["adversarial"] = (game.weight, generator_loss(real.detach(), judged, game.game))
        if config.artefacts:
            with torch.no_grad(), torch.autocast(dev.type, dtype=torch.bfloat16):
                averaged = average(lr)
            loss = artefact_loss(unit(sr), unit(hr), unit(averaged))
            terms["artefacts"] = (config.artefacts, loss)
        if config.consistency:
            terms["consistency"] = (config.consistency, consistency_loss(unit(sr), lr, matrix))
        if config.total_variation:
            terms["variation"] = (config.total_variation, total_variation(sr.float()))
        total = torch.stack([weight * loss for weight, loss in terms.values()]).sum()
        g_adam.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        g_adam.step()
        follow(average, generator, config.ema)
        update += 1

        losses |= {name: loss for name, (_, loss) in terms.items()}
        for name, loss in losses.items():
            value = float(loss.detach())
            if value != value or abs(value) == float("inf"):
                raise TrainingStopped(
                    f"update {update}: the {name} loss is {value}; the checkpoint before it is "
                    "kept. Lower optimiser.learning_rate"
                )
            means[name] = 0.95 * means.get(name, value) + 0.05 * value
        if update % 25 == 0:
            rate = (update - first) / (time.monotonic() - begun)
            rounded = {name: round(value, 6) for name, value in means.items()}
            log_line(out, {"update": update, **rounded, "rate": round(rate, 3)})
        if update % config.checkpoint_every == 0 or update == config.updates:
            save_checkpoint(
                checkpoint,
                {
                    **{f"generator.{k}": v for k, v in generator.state_dict().items()},
                    **{f"average.{k}": v for k, v in average.state_dict().items()},
                    **{f"discriminator.{k}": v for k, v in discriminator.state_dict().items()},
                    **optimiser_tensors(g_adam, generator, "adam"),
                    **optimiser_tensors(d_adam, discriminator, "adam_d"),
                },
                {"update": update, "recipe": config.name, "content_weight": content_weight},
            )
        if update % config.validate_every == 0 or update == config.updates:
            scores = validate(
                average,
                pack,
                held_out,
                scale=scale,
                output_range=config.output_range,
                features=content,
            )
            log_line(out, {"update": update, **asdict(scores)})
            card: dict[str, Any] = {
                "updates": update,
                "commit": started_at,
                "device": str(dev),
                "features": "" if content is None else content.name,
                "held_out": asdict(scores),
            }
            save_generator(out / "generator.safetensors", average, config, card)
    return out / "generator.safetensors"


def content_loss(config: ContentConfig) -> ContentLoss:
    """The feature loss of a recipe, in bfloat16."""
    vgg = load_vgg(config.network, config.file, config.layers, activated=config.activated)
    vgg.convs.to(torch.bfloat16)
    vgg.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ContentLoss(vgg, config.layer_weights, kind=config.loss, normalised=config.normalised)
