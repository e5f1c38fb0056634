"""The eye that both loops keep on a run: figures are checked and noted, the average scored."""

import math
from dataclasses import asdict
from typing import Any, NoReturn

from torch import nn

from srgan.losses.perceptual import ContentLoss
from srgan.metrics.stlpips import available
from srgan.training.config import Config
from srgan.training.flight import FlightRecorder
from srgan.training.generator import save_generator
from srgan.training.log import RunLog
from srgan.training.readings import Readings
from srgan.training.setup import Setup, Termination, narrow
from srgan.training.validation import fingerprint, validate


class Watch:
    """Looks at the updates of one process; only the first process writes.

    Args:
        config, setup: the run.
        state: the counters of the checkpoint that is resumed; nothing at the start.
        card: what the weights files say of the run besides its device and precision.
        features: the recipe's feature loss, where it has one.
    """

    def __init__(
        self,
        config: Config,
        setup: Setup,
        *,
        state: dict[str, Any],
        card: dict[str, Any],
        features: ContentLoss | None = None,
    ) -> None:
        self.config, self.setup = config, setup
        self.features = features
        self.best_by = best_by(config.best, features)
        self.scored_on = fingerprint(setup.pictures, config.degradation)
        # On other pictures, with other damage or by another measure, figures begin anew; older
        # states do not say.
        before = best_by("psnr" if config.kind == "pretrain" else "perceptual", features)
        same = (
            state.get("scored_on", self.scored_on) == self.scored_on
            and state.get("best_by", before) == self.best_by
        )
        self.best: float = state.get("best", math.inf) if same else math.inf
        device = setup.processes.device
        precision = "bf16" if narrow(config, device) else "fp32"
        self.card = {"device": str(device), "precision": precision, **card}
        out = setup.weights.parent
        self.flight = FlightRecorder(out, rank=setup.processes.rank)
        self.readings = Readings(late=device.type == "cuda")
        self.log = RunLog(
            out,
            first=state.get("update", 0),
            last=config.updates,
            every=config.log_every,
            quiet=not setup.processes.first,
        )

    def kept(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"best": self.best, "best_by": self.best_by, "scored_on": self.scored_on}

    def due(self, update: int) -> tuple[bool, bool]:
        """Whether the average is to be scored after an update, and the run's state saved."""
        last = update == self.config.updates
        return (
            update % self.config.validate_every == 0 or last,
            update % self.config.checkpoint_every == 0 or last,
        )

    def look(self, *, everything: bool) -> bool:
        """Check and note what the last updates gave; whether the end was asked for.

        With ``everything``, or once the end was asked for, the newest update is looked at too.

        Raises:
            TrainingStopped: something is wrong with an update.
        """
        asked = False
        for reading in self.readings.ready(everything=everything):
            self.flight.look(reading)
            self.log.losses(reading.update, reading.losses)
            asked = asked or reading.asked
        if asked and not everything:
            self.look(everything=True)
        return asked

    def leave(self, update: int, termination: Termination) -> NoReturn:
        """End the process, which was asked to; its state is saved.

        Raises:
            SystemExit: always, with the status that the signal means.
        """
        self.log.close()
        termination.leave(update, quiet=not self.setup.processes.first)

    def score(self, update: int, average: nn.Module) -> None:
        """Score the averaged generator, and write it: the newest, and the best so far."""
        if not self.setup.processes.first:
            return
        scores, shown = validate(
            average,
            self.setup.pictures,
            scale=self.config.generator.scale,
            output_range=self.config.output_range,
            features=self.features,
            degradation=self.config.degradation,
        )
        self.log.scores(update, asdict(scores), shown)
        card = {"updates": update, **self.card, "held_out": asdict(scores)}
        save_generator(self.setup.weights, average, self.config, card)
        badness = -scores.psnr_y if self.best_by == "psnr" else scores.badness
        if badness < self.best:
            self.best = badness
            save_generator(self.setup.best, average, self.config, card)


def best_by(best: str, features: ContentLoss | None) -> str:
    """The measure that a recipe's ``best`` stands for, by name.

    Args:
        best: ``"psnr"`` or ``"perceptual"``.
        features: the recipe's feature loss, which takes the place of ST-LPIPS.
    """
    if best == "perceptual" and available():
        return "stlpips"
    return features.name if best == "perceptual" and features is not None else "psnr"
