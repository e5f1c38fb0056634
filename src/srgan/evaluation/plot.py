"""Points with names in a plane, as SVG."""

import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 720, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 70, 30, 120, 50


def plot(
    points: Sequence[tuple[str, float, float]], titles: tuple[str, str], *, log_x: bool = False
) -> str:
    """A scatter plot in the page's own colours.

    Args:
        points: name, x and y of each; with ``log_x`` every x is above 0.
        titles: of the axes, x first.
        log_x: equal steps to the right are equal factors.
    """
    placed = [(name, math.log10(x) if log_x else x, y) for name, x, y in points]
    low_x, high_x = _limits([p[1] for p in placed])
    low_y, high_y = _limits([p[2] for p in placed])

    def across(x: float) -> float:
        return _LEFT + (x - low_x) / (high_x - low_x) * (_WIDTH - _LEFT - _RIGHT)

    def up(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - low_y) / (high_y - low_y) * (_HEIGHT - _TOP - _BOTTOM)

    names = escape(", ".join(name for name, _, _ in points))
    parts = [
        f"<div class=wide tabindex=0><svg viewBox='0 0 {_WIDTH} {_HEIGHT}' width={_WIDTH} role=img "
        f"aria-label='{escape(titles[1])}, {escape(titles[0])}: {names}'>"
    ]
    for x, label in (_decades if log_x else _steps)(low_x, high_x):
        parts.append(
            f"<line x1={across(x):.1f} x2={across(x):.1f} y1={_TOP} y2={_HEIGHT - _BOTTOM} "
            f"stroke='#8883'/><text x={across(x):.1f} y={_HEIGHT - _BOTTOM + 18} "
            f"text-anchor=middle>{label}</text>"
        )
    for y, label in _steps(low_y, high_y):
        parts.append(
            f"<line x1={_LEFT} x2={_WIDTH - _RIGHT} y1={up(y):.1f} y2={up(y):.1f} "
            f"stroke='#8883'/><text x={_LEFT - 8} y={up(y) + 4:.1f} text-anchor=end>{label}</text>"
        )
    dots = [(across(x), up(y)) for _, x, y in placed]
    taken: list[tuple[float, float, float]] = []  # labels: left, right, base line
    for (at, height), (name, _, _) in sorted(zip(dots, placed, strict=True)):
        parts.append(f"<circle cx={at:.1f} cy={height:.1f} r=4.5 fill='#2a7de1'/>")
        left, base = _free_place(at, height, 7.0 * len(name), dots, taken)
        taken.append((left, left + 7.0 * len(name), base))
        parts.append(f"<text x={left:.1f} y={base:.1f}>{escape(name)}</text>")
    parts.append(
        f"<text x={(_LEFT + _WIDTH - _RIGHT) / 2} y={_HEIGHT - 8} text-anchor=middle>"
        f"{escape(titles[0])}</text><text x={_LEFT - 50} y=16>{escape(titles[1])}</text>"
        "</svg></div>"
    )
    return "".join(parts)


def _free_place(
    x: float,
    y: float,
    length: float,
    dots: Sequence[tuple[float, float]],
    taken: Sequence[tuple[float, float, float]],
) -> tuple[float, float]:
    """Left end and base line of a dot's label, near it and clear of dots and other labels."""
    right, left, centre = x + 9, x - 9 - length, x - length / 2
    near = [(right, y + 4), (left, y + 4), (centre, y - 9), (centre, y + 18)]
    further = [
        (side, y + 4 + step) for step in (13, -13, 26, -26, 39, -39) for side in (right, left)
    ]
    for start, base in near + further:
        end = start + length
        covers_dot = any(start - 5 < a < end + 5 and base - 15 < b < base + 5 for a, b in dots)
        covers_label = any(
            start < other_end and other_start < end and abs(base - other_base) < 13
            for other_start, other_end, other_base in taken
        )
        if start > _LEFT and end < _WIDTH and not covers_dot and not covers_label:
            return start, base
    return right, y + 4


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.08 or 1.0
    return low - margin, high + margin


def _steps(low: float, high: float) -> list[tuple[float, str]]:
    """At most seven round numbers between the limits, and how they are written."""
    power = math.floor(math.log10((high - low) / 7))
    step = next(10.0**power * n for n in (1, 2, 5, 10) if (high - low) / (10.0**power * n) <= 7)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [(n * step, f"{n * step + 0.0:.{digits}f}") for n in range(first, last + 1)]


def _decades(low: float, high: float) -> list[tuple[float, str]]:
    """1, 2, 5, 10, 20 ... between limits that are decadic logarithms; 1, 10, 100 in wide ones."""
    leading = (1, 2, 5) if high - low < 3.2 else (1,)
    ticks = [
        (power + math.log10(n), f"{n * 10.0**power:.3g}")
        for power in range(math.floor(low), math.ceil(high) + 1)
        for n in leading
    ]
    return [(x, label) for x, label in ticks if low <= x <= high]
