"""Pixel pre-training: the generator alone, for mean absolute or squared error.

Read from top to bottom: set up, check, then batch, forward, loss, step, log, validate, save.
Started by ``torchrun``, several processes share each batch.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from srgan.errors import UsageError
from srgan.losses.pixel import distance, luma_distance
from srgan.metrics.stlpips import available
from srgan.training.checkpoint import (
    load_checkpoint,
    network_tensors,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from srgan.training.config import PretrainConfig
from srgan.training.distributed import average_gradients, mean, wait
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
    optimiser_for,
    set_up,
)
from srgan.training.teacher import Teacher
from srgan.training.watch import Watch


@explaining
def pretrain(
    config: PretrainConfig,
    *,
    data: Sequence[Path],
    out: Path,
    device: str = "auto",
    resume: bool = False,
) -> Path:
    """Train a generator for pixel error; returns its weights file.

    Args:
        config: the recipe.
        data: folders of photos, or packs made by :func:`srgan.training.packing.prepare`.
        out: the run's folder: ``checkpoint.safetensors``, ``generator.safetensors`` (the averaged
            generator), ``best.safetensors``, ``log.jsonl``, ``tensorboard/``, ``samples/``,
            ``run.png``.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` ...
        resume: go on from the folder's checkpoint.

    Raises:
        TrainingStopped: something is wrong with the pairs, the losses or the loader, memory ran
            out, or there is nothing to resume.
        UsageError: ``out`` holds a run already and ``resume`` was not asked for, the device does
            not exist, or ``config.best`` wants a measure that is not installed.
        DataRefused: there are too few photos, or too small ones.
        ModelRefused: the generator to start from, or the teacher, cannot be used.
        OutputFailed: the run's folder cannot be written, or another run is in it.
        SystemExit: 143 after SIGTERM, 130 after SIGINT, when the checkpoint is saved.
    """
    code = commit()
    if config.best == "perceptual" and not available():
        raise UsageError(
            "recipe.best = 'perceptual': wants ST-LPIPS; add it with: "
            'pip install "srgan[metrics]"'
        )
    setup = set_up(config, data=data, out=out, device=device, resume=resume)
    dev, processes, batches = setup.processes.device, setup.processes, setup.batches
    low, high = config.output_range

    generator = generator_of(config.generator).to(dev)
    if config.start and not resume:
        start_from(generator, config.start, architecture=config.generator.architecture)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = average_of(generator)
    forward = compiled(config, generator)
    teacher = teacher_of(config, dev)
    adam = optimiser_for(generator, config, dev, method=config.method)

    update = 0
    state: dict[str, Any] = {}
    if resume:
        tensors, state = load_checkpoint(setup.checkpoint, config.kind, updates=config.updates)
        load_tensors(generator, part(tensors, "generator."), setup.checkpoint)
        load_tensors(average, part(tensors, "average."), setup.checkpoint)
        restore_optimiser(adam, generator, "adam", tensors)
        update = state["update"]

    def step_loss(lr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        with autocast(config, dev):
            if teacher is not None:
                hr = teacher(lr, update)
            sr = forward(lr)
        loss = distance(sr, hr, config.loss)
        if config.luma:
            loss = loss + config.luma * luma_distance(sr, hr, config.loss)
        return loss

    def save() -> None:
        if processes.first:
            save_checkpoint(
                setup.checkpoint,
                {
                    **network_tensors(generator, "generator"),
                    **network_tensors(average, "average"),
                    **optimiser_tensors(adam, generator, "adam"),
                },
                {
                    "update": update,
                    "recipe": config.name,
                    "kind": config.kind,
                    **watch.kept(),
                },
            )
        wait(processes)

    if update == 0:
        lr, hr = batches(0)
        scale = config.generator.scale
        check_batch(*batches.first(SAMPLES), scale=scale, output_range=config.output_range)
        untouched = copy.deepcopy(generator.state_dict())
        with eagerly(config):
            check_losses(generator, {"pixel": step_loss(lr, hr)})
        generator.load_state_dict(untouched)  # batch normalisation has seen the batch

    with guarded(processes) as termination:
        watch = Watch(
            config,
            setup,
            state=state,
            card={"commit": code, **({"teacher": Path(config.teacher).stem} if teacher else {})},
        )
        for lr, hr in batches.iterate(update, config.updates):
            begin_update(config)
            set_norms(generator, config, update)
            for group in adam.param_groups:
                group["lr"] = learning_rate(config.optimiser, update, config.updates)
            loss = step_loss(lr, hr)
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            average_gradients(generator, processes)

            seen = [loss.detach(), gradient_norm(generator)]
            seen += [mismatched_pairs(lr, (hr - low) / (high - low))]
            seen += [torch.full((), float(termination.asked), device=dev)]
            update += 1
            watch.readings.add(
                update, ["loss"], mean(torch.stack(seen), processes), {"lr": lr, "hr": hr}
            )
            scored, saved = watch.due(update)
            asked = watch.look(everything=scored or saved)

            adam.step()
            follow(average, generator, config.ema)

            if scored:
                watch.score(update, average)
            if saved or asked:
                save()
            if asked:
                watch.leave(update, termination)
        watch.log.close()
    return setup.weights


def teacher_of(config: PretrainConfig, device: torch.device) -> Teacher | None:
    """The generator whose results a recipe trains towards, if it names one."""
    if not config.teacher:
        return None
    return Teacher(
        config.teacher,
        positions=config.positions,
        seed=config.seed,
        scale=config.generator.scale,
        output_range=config.output_range,
        device=device,
    )
