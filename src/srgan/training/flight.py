"""The flight recorder: what goes wrong in a run is caught at once and written down."""

import json
import math
from collections import deque
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from srgan.errors import TrainingStopped
from srgan.training.readings import Reading

WINDOW = 200
"""Updates over which a discriminator or a generator must stay dead to count as such."""


class FlightRecorder:
    """Watches the losses and gradients of each update.

    Args:
        out: the run's folder; evidence goes to ``flight/`` in it.
        window: updates to look back.
        rank: of this process, each of which writes down its own share of a batch.
    """

    def __init__(self, out: Path, window: int = WINDOW, *, rank: int = 0) -> None:
        self.folder = out / "flight"
        self.window = window
        self.rank = rank
        self._judge: deque[float] = deque(maxlen=window)
        self._silent = 0

    def look(self, reading: Reading) -> None:
        """Both checks of one update.

        Raises:
            TrainingStopped: as :meth:`check` and :meth:`check_generator`.
        """
        losses = reading.losses | {"mismatched pairs": reading.mismatched}
        self.check(reading.update, losses, reading.batch)
        self.check_generator(reading.update, reading.gradient, reading.losses, reading.batch)

    def check(self, update: int, losses: dict[str, float], batch: dict[str, Tensor]) -> None:
        """Look at the losses before the generator's step is made.

        Raises:
            TrainingStopped: a loss is no number, a pair does not match, or the discriminator has
                told every picture apart (or none, with certainty) for a whole window.
        """
        for name, value in losses.items():
            if not math.isfinite(value):
                self._stop(update, f"the {name} is {value}", losses, batch, _LOWER)
        if losses.get("mismatched pairs", 0.0) > 0.0:
            self._stop(
                update,
                "an LR picture does not show what its HR picture shows",
                losses,
                batch,
                "look at the batch and make the pack again with srgan data prepare",
            )
        if "discriminator" in losses:
            self._judge.append(losses["discriminator"])
            collapsed = len(self._judge) == self.window and max(self._judge) < 1e-4
            lost = len(self._judge) == self.window and min(self._judge) > 20.0
            if collapsed or lost:
                state = "always right" if collapsed else "always wrong"
                self._stop(
                    update,
                    f"the discriminator has been {state} for {self.window} updates",
                    losses,
                    batch,
                    "lower adversarial.learning_rate or raise adversarial.weight",
                )

    def check_generator(
        self, update: int, gradient_norm: float, losses: dict[str, float], batch: dict[str, Tensor]
    ) -> None:
        """Look at the size of the generator's gradient before its step is made.

        Raises:
            TrainingStopped: it is no number, or has been nought for a whole window.
        """
        if not math.isfinite(gradient_norm):
            reason = f"the generator's gradient is {gradient_norm}"
            self._stop(update, reason, losses, batch, _LOWER)
        self._silent = self._silent + 1 if gradient_norm < 1e-12 else 0
        if self._silent >= min(self.window, 20):
            reason = f"the generator has had no gradient for {self._silent} updates"
            self._stop(update, reason, losses, batch, "check the weights of the losses")

    def _stop(
        self,
        update: int,
        reason: str,
        losses: dict[str, float],
        batch: dict[str, Tensor],
        mend: str,
    ) -> None:
        where = "its batch could not be written down"
        name = f"{update}.{self.rank}" if self.rank else f"{update}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            note = {
                "update": update,
                "reason": reason,
                "losses": {k: str(v) for k, v in losses.items()},
            }
            (self.folder / f"{name}.json").write_text(json.dumps(note, indent=1), encoding="utf-8")
            tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in batch.items()}
            save_file(tensors, str(self.folder / f"{name}.safetensors"))
            where = f"its batch is {self.folder / f'{name}.safetensors'}"
        except (OSError, SafetensorError):
            pass  # the disk may be what is wrong
        kept, again = "", "start again"
        if (self.folder.parent / "checkpoint.safetensors").exists():
            kept, again = " and the last checkpoint is kept", "--resume"
        raise TrainingStopped(f"update {update}: {reason}; {where}{kept}: {mend}, then {again}")


_LOWER = "lower optimiser.learning_rate"


def gradient_norm(module: nn.Module) -> Tensor:
    """The Euclidean norm of all gradients of a network, a scalar."""
    return nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])


def mismatched_pairs(lr: Tensor, hr_unit: Tensor) -> Tensor:
    """How many LR pictures differ from their HR averaged down, and are not like it either.

    By over 0.15 of [0, 1] in the mean, with a correlation below 0.3. Bicubic shrinking, blur, noise
    and JPEG stay far below the first but on patterns as fine as LR pixels, which they flatten;
    those still correlate. Another photo or rubbish fails both.
    """
    small = nn.functional.avg_pool2d(hr_unit, hr_unit.shape[-1] // lr.shape[-1])
    apart = (small - lr).abs().mean((1, 2, 3)) > 0.15
    a, b = (x - x.mean((1, 2, 3), keepdim=True) for x in (small, lr))
    alike = (a * b).sum((1, 2, 3)) / (
        (a.square().sum((1, 2, 3)) * b.square().sum((1, 2, 3))).sqrt() + 1e-6
    )
    return (apart & (alike < 0.3)).float().sum()
