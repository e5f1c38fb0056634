"""GAN training: generator against discriminator, from a pixel-trained generator on.

Read from top to bottom: set up, calibrate, check, then batch, discriminator, generator, log,
validate, save. Section 2 of https://arxiv.org/abs/1609.04802. Started by ``torchrun``, several
processes share each batch.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srgan.errors import UsageError
from srgan.losses.adversarial import (
    Logits,
    discriminator_loss,
    generator_loss,
    judgements,
)
from srgan.losses.perceptual import ContentLoss
from srgan.losses.pixel import (
    artefact_loss,
    consistency_loss,
    distance,
    grid_loss,
    overshoot_loss,
    total_variation,
)
from srgan.networks.discriminator import FeatureDiscriminator, build_discriminator
from srgan.networks.vgg import load_vgg, maps_of
from srgan.training.checkpoint import (
    load_checkpoint,
    network_tensors,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from srgan.training.config import GanConfig
from srgan.training.distributed import average_gradients, mean, ratio_of_means, wait
from srgan.training.faults import explaining
from srgan.training.flight import gradient_norm, mismatched_pairs
from srgan.training.generator import (
    average_of,
    commit,
    follow,
    generator_of,
    learning_rate,
    load_tensors,
    part,
    set_norms,
    start_from,
)
from srgan.training.preflight import SAMPLES, check_batch, check_losses
from srgan.training.setup import (
    autocast,
    begin_update,
    compiled,
    eagerly,
    guarded,
    narrow,
    optimiser_for,
    set_up,
)
from srgan.training.watch import Watch

CALIBRATION = 128
"""Crops by which the feature loss is weighed at the start.

With seven seeds the factor of recipes/srgan-photo.toml ranged by 1.7 to 1 over 8 crops, and by
1.1 to 1 over 128.
"""


@explaining
def train_gan(
    config: GanConfig,
    *,
    data: Sequence[Path],
    out: Path,
    device: str = "auto",
    resume: bool = False,
) -> Path:
    """Train a generator against a discriminator; returns its weights file.

    Args, files and errors are those of :func:`srgan.training.pretrain.pretrain`; besides:

    Raises:
        UsageError: the recipe has a discriminator and names no generator to start from.
        ModelRefused: the generator to start from, or the feature network, cannot be used.
    """
    code = commit()
    if not config.start and not resume and config.adversarial.weight:
        raise UsageError("a GAN starts from a pixel-trained generator: --set start=WEIGHTS")
    content = content_loss(config)
    setup = set_up(config, data=data, out=out, device=device, resume=resume)
    dev, processes, batches = setup.processes.device, setup.processes, setup.batches
    low, high = config.output_range
    game = config.adversarial

    generator = generator_of(config.generator).to(dev)
    if config.start and not resume:
        start_from(generator, config.start, architecture=config.generator.architecture)
    discriminator = build_discriminator(
        game.discriminator,
        crop=config.data.crop,
        channels=game.channels,
        maps=[] if content is None else [maps_of(layer) for layer in content.vgg.layers],
    ).to(dev)
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = average_of(generator)
    generate, judge = compiled(config, generator), compiled(config, discriminator)
    g_adam = optimiser_for(generator, config, dev, method=config.method)
    d_adam = optimiser_for(discriminator, config, dev)
    by_features = game.discriminator == "features"
    d_schedule = replace(config.optimiser, learning_rate=game.learning_rate)
    # The downscale of a crop alone: without the margin that the batches are shrunk with.
    margin = 2 * config.generator.scale
    matrix = batches.downscale.matrix[:, margin:-margin]

    def unit(image: Tensor) -> Tensor:
        """From the output range to [0, 1]."""
        return (image.float() - low) / (high - low)

    def features(image: Tensor) -> list[Tensor]:
        """Those of the window of an update; none without a feature loss."""
        if content is None:
            return []
        seen: list[Tensor] = content.vgg(unit(image[window(config, update)]))
        return seen

    def of_both(sr: Tensor, hr: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The features of the result, and those of HR, without a gradient."""
        with torch.no_grad():
            wanted = features(hr)
        return features(sr), wanted

    def judged(image: Tensor, seen: list[Tensor]) -> Logits:
        """What the discriminator thinks of the window, or of its features."""
        logits: Logits = judge(seen if by_features else cut(image, window(config, update)))
        return logits

    def generator_losses(
        lr: Tensor,
        hr: Tensor,
        sr: Tensor,
        real: Logits | None,
        seen: tuple[list[Tensor], list[Tensor]],
    ) -> dict[str, Tensor]:
        """All that the generator is to make small, not yet weighted.

        ``seen`` are the features of SR and HR, where the discriminator judges those.
        """
        losses: dict[str, Tensor] = {}
        if config.pixel.weight:
            losses["pixel"] = distance(sr, hr, config.pixel.loss)
        with autocast(config, dev):
            found, wanted = seen if by_features else of_both(sr, hr)
            if content is not None:
                losses["content"] = content.between(found, wanted)
            if real is not None:
                losses["adversarial"] = generator_loss(real, judged(sr, found), game.game)
            if config.artefacts:
                with torch.no_grad():
                    averaged = average(lr)
                losses["artefacts"] = artefact_loss(unit(sr), unit(hr), unit(averaged))
        small = lr
        if config.degradation is not None and (config.consistency or config.overshoot):
            # What was damaged is no target: then the clean LR picture is.
            small = matrix @ unit(hr) @ matrix.T
        if config.consistency:
            losses["consistency"] = consistency_loss(unit(sr), small, matrix)
        if config.grid:
            losses["grid"] = grid_loss(unit(sr), unit(hr), scale=config.generator.scale)
        if config.overshoot:
            losses["overshoot"] = overshoot_loss(unit(sr), unit(hr), lr, small)
        if config.total_variation:
            losses["variation"] = total_variation(sr.float())
        return losses

    def unit_of(content: ContentLoss) -> float:
        """How many feature losses one pixel loss of the generator is, at the start."""
        sums = torch.zeros(2, device=dev)
        with eagerly(config), torch.no_grad():
            for first in range(-(-CALIBRATION // config.data.batch)):
                lr, hr = batches(first)
                with autocast(config, dev):
                    sr = generator(lr)
                    between = content.between(*of_both(sr, hr))
                sums += torch.stack([distance(sr, hr, config.pixel.loss), between])
        return float(ratio_of_means(sums[0], sums[1], processes))

    weights = {
        "pixel": config.pixel.weight,
        "content": config.content.weight,
        "adversarial": game.weight,
        "artefacts": config.artefacts,
        "consistency": config.consistency,
        "grid": config.grid,
        "overshoot": config.overshoot,
        "variation": config.total_variation,
    }
    update = 0
    state: dict[str, Any] = {}
    if content is not None:
        content.to(dev)
        if narrow(config, dev):
            content.vgg.convs.to(torch.bfloat16)
    if resume:
        tensors, state = load_checkpoint(setup.checkpoint, config.kind, updates=config.updates)
        load_tensors(generator, part(tensors, "generator."), setup.checkpoint)
        load_tensors(average, part(tensors, "average."), setup.checkpoint)
        load_tensors(
            discriminator, part(tensors, "discriminator."), setup.checkpoint, section="adversarial"
        )
        restore_optimiser(g_adam, generator, "adam", tensors)
        restore_optimiser(d_adam, discriminator, "adam_d", tensors)
        update = state["update"]
        if config.content.calibrate:
            weights["content"] = calibrated_before(config, state)
    else:
        lr, hr = batches(0)
        scale = config.generator.scale
        check_batch(*batches.first(SAMPLES), scale=scale, output_range=config.output_range)
        if isinstance(discriminator, FeatureDiscriminator):
            with autocast(config, dev), torch.no_grad():
                squares = torch.stack([f.float().square().mean() for f in features(hr)])
            discriminator.sizes.copy_(mean(squares, processes).sqrt())
        untouched = copy.deepcopy((generator.state_dict(), discriminator.state_dict()))
        if content is not None and config.content.calibrate:
            weights["content"] = config.content.weight * unit_of(content)
        discriminator.requires_grad_(False)
        with eagerly(config):
            with autocast(config, dev):
                sr = generator(lr)
                seen = of_both(sr, hr) if by_features else ([], [])
                real = judged(hr, seen[1]) if game.weight else None
            losses = generator_losses(lr, hr, sr, real, seen)
        # The averaged generator still equals the generator, so no artefact can be told yet, and
        # nothing need overshoot.
        later = ("artefacts", "overshoot")
        check_losses(generator, {k: v for k, v in losses.items() if k not in later})
        generator.load_state_dict(untouched[0])  # batch normalisation has seen the batch
        discriminator.load_state_dict(untouched[1])
    if processes.first and content is not None and config.content.calibrate:
        print(
            f"content loss: {content.name} weighs {weights['content']:.4g}, "
            f"{config.content.weight:g} times the pixel loss at the start",
            flush=True,
        )

    def save() -> None:
        if processes.first:
            save_checkpoint(
                setup.checkpoint,
                {
                    **network_tensors(generator, "generator"),
                    **network_tensors(average, "average"),
                    **network_tensors(discriminator, "discriminator"),
                    **optimiser_tensors(g_adam, generator, "adam"),
                    **optimiser_tensors(d_adam, discriminator, "adam_d"),
                },
                {
                    "update": update,
                    "recipe": config.name,
                    "kind": config.kind,
                    "content_weight": weights["content"],
                    "content_asked": config.content.weight if config.content.calibrate else 0.0,
                    **watch.kept(),
                },
            )
        wait(processes)

    with guarded(processes) as termination:
        watch = Watch(
            config,
            setup,
            state=state,
            card={
                "commit": code,
                "features": "" if content is None else content.name,
                "content_weight": weights["content"],
            },
            features=content,
        )
        for lr, hr in batches.iterate(update, config.updates):
            begin_update(config)
            set_norms(generator, config, update)
            for group in g_adam.param_groups:
                group["lr"] = learning_rate(config.optimiser, update, config.updates)
            for group in d_adam.param_groups:
                group["lr"] = learning_rate(d_schedule, update, config.updates)
            with autocast(config, dev):
                sr = generate(lr)
                seen = of_both(sr, hr) if by_features else ([], [])

            # The discriminator learns to tell HR from SR ...
            losses, real = {}, None
            if game.weight:
                discriminator.requires_grad_(True)
                with autocast(config, dev):
                    real = judged(hr, seen[1])
                    fake = judged(sr.detach(), [f.detach() for f in seen[0]])
                losses["discriminator"] = discriminator_loss(real, fake, game.game)
                d_adam.zero_grad(set_to_none=True)
                losses["discriminator"].backward()  # type: ignore[no-untyped-call]
                average_gradients(discriminator, processes)
                d_adam.step()
                discriminator.requires_grad_(False)
                real = [r.detach() for r in judgements(real)] if update >= game.warm_up else None

            # ... and the generator to deceive it, near the HR picture.
            terms = generator_losses(lr, hr, sr, real, seen)
            total = torch.stack([weights[name] * loss for name, loss in terms.items()]).sum()
            g_adam.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            average_gradients(generator, processes)

            losses |= terms
            numbers = [loss.detach().float() for loss in losses.values()]
            numbers += [gradient_norm(generator), mismatched_pairs(lr, unit(hr))]
            numbers += [torch.full((), float(termination.asked), device=dev)]
            update += 1
            watch.readings.add(
                update,
                list(losses),
                mean(torch.stack(numbers), processes),
                {"lr": lr, "hr": hr, "sr": sr},
            )
            scored, saved = watch.due(update)
            asked = watch.look(everything=scored or saved)

            g_adam.step()
            follow(average, generator, config.ema)

            if scored:
                watch.score(update, average)
            if saved or asked:
                save()
            if asked:
                watch.leave(update, termination)
        watch.log.close()
    return setup.weights


def window(config: GanConfig, update: int) -> tuple[slice, ...]:
    """What feature network and discriminator see of the crops (N, 3, H, W) in an update."""
    draw = np.random.Generator(np.random.Philox(key=[config.seed + (2 << 32), update]))
    y, x = (int(n) for n in draw.integers(0, max(config.shift, 1), 2))
    side = config.data.crop - config.shift
    return slice(None), slice(None), slice(y, y + side), slice(x, x + side)


def cut(image: Tensor, seen: tuple[slice, ...]) -> Tensor:
    """The window as a picture of its own.

    CUDA graphs know a part of another graph's result by its address: each place of the window
    would be recorded as a graph of its own.
    """
    return image[seen].contiguous(memory_format=torch.channels_last)


def content_loss(config: GanConfig) -> ContentLoss | None:
    """The feature loss of a recipe, or nothing where it has no weight."""
    c = config.content
    if not c.weight:
        return None
    vgg = load_vgg(c.network, c.file, c.layers, activated=c.activated)
    vgg.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ContentLoss(vgg, c.layer_weights, kind=c.loss, normalised=c.normalised)


def calibrated_before(config: GanConfig, state: dict[str, Any]) -> float:
    """The feature loss's factor in a resumed run, in proportion to ``content.weight``.

    Raises:
        UsageError: the run went without a calibrated feature loss, so that nothing was measured.
    """
    factor, wanted = float(state["content_weight"]), config.content.weight
    before: float = state.get("content_asked", wanted)
    if wanted == before:
        return factor
    if not before:
        raise UsageError(
            f"recipe.content.weight = {wanted}: the run went without a feature loss that is "
            "calibrated, which is done at the start; say content.calibrate = false, or begin "
            "another run"
        )
    return factor * wanted / before
