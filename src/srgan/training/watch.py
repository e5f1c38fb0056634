"""The eye that both loops keep on a run: figures are checked and noted, the average scored."""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

from torch import nn

from srgan.losses.perceptual import ContentLoss
from srgan.training.config import Config
from srgan.training.flight import FlightRecorder
from srgan.training.generator import save_generator
from srgan.training.log import RunLog
from srgan.training.readings import Readings
from srgan.training.setup import Setup, Termination, narrow
from srgan.training.validation import Scores, fingerprint, validate


class Watch:
    """Looks at the updates of one process; only the first process writes.

    Args:
        config, setup: the run.
        state: the counters of the checkpoint that is resumed; nothing at the start.
        badness: what the best weights have least of.
        card: what the weights files say of the run besides its device and precision.
        features: the recipe's feature loss, where it has one.
    """

    def __init__(
        self,
        config: Config,
        setup: Setup,
        *,
        state: dict[str, Any],
        badness: Callable[[Scores], float],
        card: dict[str, Any],
        features: ContentLoss | None = None,
    ) -> None:
        self.config, self.setup = config, setup
        self.badness, self.features = badness, features
        self.scored_on = fingerprint(setup.pictures, config.degradation)
        # On other pictures, or with other damage, figures begin anew; older states do not say.
        same = state.get("scored_on", self.scored_on) == self.scored_on
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
        return {"best": self.best, "scored_on": self.scored_on}

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
        if self.badness(scores) < self.best:
            self.best = self.badness(scores)
            save_generator(self.setup.best, average, self.config, card)
