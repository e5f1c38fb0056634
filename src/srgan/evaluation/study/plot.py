"""Mean opinion scores with their intervals, as SVG."""

from collections.abc import Sequence
from html import escape

from srgan.evaluation.study.analysis import Row

_LEFT, _RIGHT, _TOP, _ROW, _BOTTOM = 150, 30, 34, 30, 48
_WIDTH = 640
_WORDS = ("1 bad", "2 poor", "3 fair", "4 good", "5 excellent")


def plot(rows: Sequence[Row], paper: Sequence[float | None], *, simulated: bool) -> str:
    """A line for each method: the mean, its 95 % interval and the paper's mean.

    Args:
        rows: the methods, best not first but in the study's order.
        paper: of each row the paper's score, or None.
        simulated: whether no person rated; the plot says so.
    """
    height = _TOP + _ROW * len(rows) + _BOTTOM
    bottom = height - _BOTTOM
    kind = "simulated" if simulated else "ours"
    summary = ", ".join(f"{r.method} {r.mos.mean:.2f}" for r in rows)
    parts = [
        f"<div class=wide tabindex=0><svg viewBox='0 0 {_WIDTH} {height}' width={_WIDTH} role=img "
        f"aria-label='Mean opinion score ({kind}): {escape(summary)}'>"
    ]
    for score, words in enumerate(_WORDS, 1):
        x = _across(score)
        parts.append(
            f"<line x1={x:.1f} x2={x:.1f} y1={_TOP - 8} y2={bottom} stroke='#8885'/>"
            f"<text x={x:.1f} y={bottom + 18} text-anchor=middle>{words}</text>"
        )
    for i, (row, theirs) in enumerate(zip(rows, paper, strict=True)):
        y = _TOP + _ROW * i + _ROW // 2
        x = _across(row.mos.mean)
        parts.append(f"<text x={_LEFT - 30} y={y + 4} text-anchor=end>{escape(row.method)}</text>")
        if row.mos.half_width is not None:
            low, high = (
                _across(min(5.2, max(0.8, row.mos.mean + sign * row.mos.half_width)))
                for sign in (-1, 1)
            )
            parts.append(
                f"<line x1={low:.1f} x2={high:.1f} y1={y} y2={y} stroke='#2a7de1' stroke-width=3 />"
            )
        parts.append(f"<circle cx={x:.1f} cy={y} r=5 fill='#2a7de1'/>")
        if theirs is not None:
            parts.append(_diamond(_across(theirs), y))
    parts.append(f"<circle cx={_LEFT} cy={height - 11} r=5 fill='#2a7de1'/>")
    parts.append(f"<text x={_LEFT + 12} y={height - 7}>{kind}, with 95 % interval</text>")
    if any(score is not None for score in paper):
        parts.append(_diamond(_LEFT + 200, height - 11))
        parts.append(f"<text x={_LEFT + 212} y={height - 7}>the paper's raters and networks</text>")
    if simulated:
        parts.append(
            f"<text x={_WIDTH - _RIGHT} y=16 text-anchor=end font-weight=700>SIMULATED</text>"
        )
    return "".join([*parts, "</svg></div>"])


def _across(score: float) -> float:
    return _LEFT + (score - 1) / 4 * (_WIDTH - _LEFT - _RIGHT - 30)


def _diamond(x: float, y: float) -> str:
    return f"<path d='M{x:.1f} {y - 7}l7 7l-7 7l-7-7z' fill=none stroke='#d0733a' stroke-width=2 />"
