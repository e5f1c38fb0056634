"""The statistics of a rating test: mean with its interval, ranks, Wilcoxon's signed-rank test."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXACT = 50
"""Differences up to which Wilcoxon's p is exact."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and half the width of its 95 % confidence interval; None where one group is all."""

    mean: float
    half_width: float | None


@dataclass(frozen=True, slots=True)
class Wilcoxon:
    """Result of the signed-rank test.

    Attributes:
        statistic: the smaller of the two sums of ranks.
        p: two-sided.
        n: differences that are not 0.
        exact: whether ``p`` is exact, or of the normal approximation.
    """

    statistic: float
    p: float
    n: int
    exact: bool


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1 for the smallest; values that are equal share the mean of their ranks."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for i in order[start:end]:
            result[i] = (start + 1 + end) / 2
        start = end
    return result


def wilcoxon(differences: Sequence[float]) -> Wilcoxon:
    """Wilcoxon's paired signed-rank test, two-sided (Wilcoxon 1945).

    Differences of 0 are left out, as he did. Up to :data:`EXACT` others, p is the share of all
    2^n signs that are at least as far out, given the ranks, also where ranks are tied; beyond,
    it is the normal approximation with the correction for ties and none for continuity.

    Args:
        differences: one for each pair. Without one that is not 0, p is 1.
    """
    kept = [d for d in differences if d != 0]
    n = len(kept)
    if n == 0:
        return Wilcoxon(0.0, 1.0, 0, True)
    sizes = ranks([abs(d) for d in kept])
    plus = sum(r for r, d in zip(sizes, kept, strict=True) if d > 0)
    smaller = min(plus, n * (n + 1) / 2 - plus)
    if n <= EXACT:
        return Wilcoxon(smaller, _exact(sizes, smaller), n, True)
    ties = sum(c**3 - c for c in (sizes.count(r) for r in set(sizes)))
    variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
    z = (smaller - n * (n + 1) / 4) / math.sqrt(variance)
    return Wilcoxon(smaller, math.erfc(abs(z) / math.sqrt(2)), n, False)


def _exact(sizes: Sequence[float], smaller: float) -> float:
    doubled = [round(2 * r) for r in sizes]  # whole, though tied ranks end in a half
    share = np.zeros(sum(doubled) + 1)  # of the signs, by twice their sum of ranks
    share[0] = 1.0
    for rank in doubled:
        with_it = np.concatenate([np.zeros(rank), share[:-rank]])
        share = (share + with_it) / 2
    return min(1.0, 2 * float(share[: round(2 * smaller) + 1].sum()))


def interval(groups: Sequence[Sequence[float]]) -> Interval:
    """Mean of all values, and its 95 % interval by the spread between groups.

    The values of one rater resemble each other, so that raters count as independent and their
    ratings do not: for equal groups this is Student's interval of the groups' means.

    Args:
        groups: the ratings of each rater, in all at least one.
    """
    filled = [g for g in groups if g]
    count = sum(len(g) for g in filled)
    mean = sum(map(sum, filled)) / count
    k = len(filled)
    if k < 2:
        return Interval(mean, None)
    squares = sum((sum(g) - mean * len(g)) ** 2 for g in filled)
    error = math.sqrt(squares * k / (k - 1)) / count
    return Interval(mean, t_quantile(k - 1) * error)


def t_quantile(degrees: int) -> float:
    """The two-sided 95 % point of Student's t with ``degrees`` of freedom, at least 1."""
    low, high = 0.0, 13.0  # 12.71 for one degree
    for _ in range(60):
        middle = (low + high) / 2
        if _t_within(middle, degrees) < 0.95:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _t_within(t: float, degrees: int) -> float:
    """P(-t < T < t), by the finite series of Abramowitz and Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(degrees))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = degrees % 2
    term = cosine if odd else 1.0
    total = 0.0 if degrees == 1 else term
    for k in range(2 + odd, degrees - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
