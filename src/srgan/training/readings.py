"""The losses of each update on their way from the device."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Reading:
    """What an update gave: its number (from 1), figures by name, and what it was made of."""

    update: int
    losses: dict[str, float]
    gradient: float
    mismatched: float
    asked: bool
    batch: dict[str, Tensor]


class Readings:
    """Gives an update's figures at once, or, on a GPU, while the next one is computed.

    Asking a GPU for a number waits until all that was given it is done, and it then stands idle
    until the next update is prepared. One update late the number is there already.

    Args:
        late: one update late.
    """

    def __init__(self, *, late: bool) -> None:
        self.late = late
        self._due: deque[tuple[int, tuple[str, ...], Tensor, dict[str, Tensor], object]] = deque()

    def add(
        self,
        update: int,
        names: Sequence[str],
        numbers: Tensor,
        batch: dict[str, Tensor],
    ) -> None:
        """Note an update.

        Args:
            update: its number, from 1.
            names: of its losses.
            numbers: 1-D: the losses, the gradient's norm, how many pairs do not match, and
                whether the end was asked for.
            batch: kept for the flight recorder.
        """
        copied = None
        if self.late:
            batch = {name: tensor.detach().clone() for name, tensor in batch.items()}
            if numbers.is_cuda:
                numbers = numbers.to("cpu", non_blocking=True)
                copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
                copied.record()
        self._due.append((update, tuple(names), numbers, batch, copied))

    def ready(self, *, everything: bool) -> Iterator[Reading]:
        """The updates that can be looked at, each once; with ``everything`` the newest too."""
        while len(self._due) > (1 if self.late and not everything else 0):
            update, names, numbers, batch, copied = self._due.popleft()
            if isinstance(copied, torch.cuda.Event):
                copied.synchronize()
            *values, gradient, mismatched, asked = numbers.tolist()
            losses = dict(zip(names, values, strict=True))
            yield Reading(update, losses, gradient, mismatched, asked > 0, batch)
