"""Time stamps of frames that are missing or out of order, made anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

_LIKE = Fraction(1, 50)  # what a stream says of its rate is rounder than what its stamps do
_LARGEST = 1_001_000


def better(
    shown: Sequence[int | None], decoding: Sequence[int], step: int, *, reordered: bool
) -> tuple[tuple[int, ...], int]:
    """Time stamps that are better than the frames' own, and how many are made up.

    Args:
        shown: the frames' own.
        decoding: when their packets are to be decoded.
        step: the usual distance of two.
        reordered: whether the packets are not in the order of their own stamps.

    Returns:
        a stamp of each frame, or none where their own are good, and how many are made up.
    """
    known = [pts for pts in shown if pts is not None]
    if len(known) == len(shown) and _rise(known):
        return (), 0
    backwards = any(b < a for a, b in pairwise(known)) or len(known) < len(shown)
    if backwards and not reordered and _rise(decoding) and len(decoding) == len(shown):
        # AVI says when to decode; what is shown follows in the same rhythm.
        return tuple(decoding), 0
    return in_order(shown, step)


def in_order(shown: Sequence[int | None], step: int) -> tuple[tuple[int, ...], int]:
    """Time stamps that rise, as like the given ones as they can be.

    As many as can stay do, of two that are the same the first. A frame between two of them is put
    at an even distance from both, one before the first or after the last a step away.

    Args:
        shown: the frames' stamps, None where there is none.
        step: the usual distance of two.

    Returns:
        a stamp of each frame, and how many are not as they were.
    """
    good = _rising(shown)
    if not good:
        return tuple(i * step for i in range(len(shown))), len(shown)
    first, last = (shown[good[0]] or 0), (shown[good[-1]] or 0)
    made = [first - (good[0] - i) * step for i in range(good[0])]
    for a, b in pairwise(good):
        start, room = shown[a] or 0, (shown[b] or 0) - (shown[a] or 0)
        made += [start + room * i // (b - a) for i in range(b - a)]
    made += [last + i * step for i in range(len(shown) - good[-1])]
    for i in range(1, len(made)):  # where there is no free place between two
        made[i] = max(made[i], made[i - 1] + 1)
    return tuple(made), sum(a != b for a, b in zip(shown, made, strict=True))


def mean_rate(stamps: Sequence[int], time_base: Fraction, said: Fraction) -> Fraction:
    """Mean frames a second.

    Args:
        stamps: of all frames, rising.
        time_base: their unit in seconds.
        said: the rate that the stream itself says, which holds where it is nearly so, and for a
            single frame.
    """
    length = (stamps[-1] - stamps[0]) * time_base
    if not length:
        return said
    mean = (len(stamps) - 1) / length
    if abs(said - mean) <= mean * _LIKE:
        return said
    return max(mean, Fraction(1, _LARGEST)).limit_denominator(_LARGEST)


def _rise(stamps: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(stamps))


def _rising(shown: Sequence[int | None]) -> list[int]:
    """Places of the longest series of stamps that rises."""
    ends: list[int] = []  # the smallest stamp that a series of each length ends with
    places: list[int] = []  # and its place
    before: dict[int, int] = {}
    for i, pts in enumerate(shown):
        if pts is None:
            continue
        length = bisect_left(ends, pts)
        if ends[length : length + 1] == [pts]:
            continue  # of two that are the same, the first stays
        if length:
            before[i] = places[length - 1]
        ends[length : length + 1] = [pts]
        places[length : length + 1] = [i]
    found = places[-1:]
    while found and found[-1] in before:
        found.append(before[found[-1]])
    return found[::-1]
