"""The game between generator and discriminator, on logits (section 2.2.2 of the paper)."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Game = Literal["standard", "relativistic"]
Logits = Tensor | Sequence[Tensor]
"""A judgement of any shape, or several, which count alike."""


def discriminator_loss(real: Logits, fake: Logits, game: Game) -> Tensor:
    """Binary cross-entropy of real = 1 and fake = 0.

    ``"relativistic"`` judges whether a real picture is more real than the average fake one and
    the other way round (Jolicoeur-Martineau 2018); the mean of both halves.
    """

    def loss(real: Tensor, fake: Tensor) -> Tensor:
        if game == "relativistic":
            real, fake = real - fake.mean(), fake - real.mean()
            return (_cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0)) / 2
        return _cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0)

    return _mean(loss, real, fake)


def generator_loss(real: Logits, fake: Logits, game: Game) -> Tensor:
    """-log D(G(lr)), the non-saturating form of equation 6, mean over the samples.

    ``real`` only matters to the ``"relativistic"`` game.
    """

    def loss(real: Tensor, fake: Tensor) -> Tensor:
        if game == "relativistic":
            real, fake = real - fake.mean(), fake - real.mean()
            return (_cross_entropy(real, 0.0) + _cross_entropy(fake, 1.0)) / 2
        return _cross_entropy(fake, 1.0)

    return _mean(loss, real, fake)


def judgements(logits: Logits) -> Sequence[Tensor]:
    """All of them, also where there is only one."""
    return [logits] if isinstance(logits, Tensor) else logits


def _mean(loss: Callable[[Tensor, Tensor], Tensor], real: Logits, fake: Logits) -> Tensor:
    pairs = zip(judgements(real), judgements(fake), strict=True)
    return torch.stack([loss(r.float(), f.float()) for r, f in pairs]).mean()


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
