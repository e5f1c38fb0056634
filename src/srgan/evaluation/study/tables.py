"""An analysis as tables of text, which the Markdown and the page share.

Of simulated ratings every table says so in its title, whoever prints it.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from srgan.evaluation.study.analysis import SIGNIFICANT, Analysis, Rater, Row, SetResult
from srgan.evaluation.study.statistics import EXACT, Wilcoxon
from srgan.words import counted

PAPER = "MOS of the paper's raters"
PAPER_NOTE = (
    "The paper's figures are of 26 other people and of the paper's own networks (Ledig et al. 2017,"
    " tables 1 and 2, x4)"
)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain text below a head; the columns ``text`` stand to the left."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: tuple[int, ...] = ()
    note: str = ""


def tables(analysis: Analysis) -> list[Table]:
    """All tables in their order."""
    found = []
    for result in analysis.sets:
        found += [_mos(analysis, result), _tests(analysis, result)]
    if analysis.retest:
        found.append(_retest(analysis))
    return [*found, _raters(analysis)]


def title(analysis: Analysis, text: str) -> str:
    """A title that says whether people rated."""
    return f"{text} (simulated ratings)" if analysis.simulated else text


def warning(analysis: Analysis) -> str:
    """What stands on top of a report of simulated ratings; "" where people rated."""
    if not analysis.simulated:
        return ""
    return (
        "SIMULATED: no person rated these pictures, and nothing here says how good a method is. "
        f"The model: {analysis.simulated}."
    )


def facts(analysis: Analysis) -> list[str]:
    """Lines on the study and on what was left out."""
    study = analysis.study
    kept = [r for r in analysis.raters if r.name not in analysis.dropped]
    partial = [f"{r.name} ({r.done} of {r.expected})" for r in kept if r.done < r.expected]
    pictures = {(i.set, i.picture) for i in study.items}
    kind = "simulated rater" if analysis.simulated else "rater"
    lines = [
        f"study {study.id}, made by `{study.command}` of srgan {study.version}, seed {study.seed}",
        f"{counted(len(pictures), 'picture')} of {', '.join(study.sets)} by "
        f"{counted(len(study.methods), 'method')}, x"
        f"{study.scale}; {len(study.retest)} of {len(study.items)} shown twice",
        f"{counted(len(kept), kind)}, {counted(sum(r.done for r in kept), 'rating')}",
    ]
    if analysis.study.without:
        lacking = [f"{s} without {', '.join(m)}" for s, m in analysis.study.without.items()]
        lines.append("; ".join(lacking))
    if partial:
        lines.append(
            f"incomplete sessions: {len(partial)}, used as far as they go: {', '.join(partial)}"
        )
    if analysis.dropped:
        lines.append(f"dropped by --drop: {', '.join(analysis.dropped)}")
    return lines


def doubtful(analysis: Analysis) -> list[str]:
    """A line for each rater in the tables whose ratings look unreliable."""
    return [
        f"{r.name}: {'; '.join(r.remarks)}"
        for r in analysis.raters
        if r.remarks and r.name not in analysis.dropped
    ]


@cache
def paper_mos() -> dict[str, dict[str, float]]:
    """Set → method → the paper's mean opinion score, at x4."""
    text = (files("srgan.evaluation.study") / "mos.toml").read_text(encoding="utf-8")
    return {name: dict(row) for name, row in tomllib.loads(text).items()}


def paper_score(analysis: Analysis, set_name: str, method: str) -> float | None:
    """The paper's score of a method on a set; None where it has none."""
    if analysis.study.scale != 4:
        return None
    return paper_mos().get(set_name, {}).get(method)


def _mos(analysis: Analysis, result: SetResult) -> Table:
    paper = [paper_score(analysis, result.name, row.method) for row in result.rows]
    head = ["method", "MOS", "95 % interval", "average rank", "ratings", *"12345"]
    rows = [_mos_cells(row) for row in result.rows]
    note = f"Ranks over {result.ranked} times that a rater scored a picture by every method."
    if result.name not in analysis.study.sets and analysis.study.without:
        note += " Not every set has every method, so that the rows are of different pictures."
    if any(score is not None for score in paper):
        head.append(PAPER)
        for cells, score in zip(rows, paper, strict=True):
            cells.append("–" if score is None else f"{score:.2f}")
        note += f" {PAPER_NOTE}."
    return Table(
        title(analysis, f"Mean opinion score, {result.name}"),
        tuple(head),
        tuple(map(tuple, rows)),
        note=note,
    )


def _mos_cells(row: Row) -> list[str]:
    half = row.mos.half_width
    return [
        row.method,
        f"{row.mos.mean:.2f}",
        "–" if half is None else f"{row.mos.mean - half:.2f} to {row.mos.mean + half:.2f}",
        "–" if row.rank is None else f"{row.rank:.2f}",
        str(row.ratings),
        *map(str, row.distribution),
    ]


def _tests(analysis: Analysis, result: SetResult) -> Table:
    names = [row.method for row in result.rows]
    rows = [
        (a, *(_p(result.tests[a, b]) if (a, b) in result.tests else "" for b in names[1:]))
        for a in names[:-1]
    ]
    return Table(
        title(analysis, f"Differences between methods, {result.name}"),
        ("p", *names[1:]),
        tuple(rows),
        note=f"Marked *: p < {SIGNIFICANT}, as in the paper. Two-sided Wilcoxon signed-rank test "
        "over all pairs of scores that a rater gave to two versions of a picture, not corrected "
        f"for the number of tests; exact up to {EXACT} unequal pairs, else by the normal "
        "approximation.",
    )


def _p(test: Wilcoxon) -> str:
    text = "< 0.001" if test.p < 0.001 else f"{test.p:.3f}"
    return f"{text} *" if test.p < SIGNIFICANT else text


def _retest(analysis: Analysis) -> Table:
    rows = [
        (
            *(r.method, str(r.pairs), f"{r.mean:+.2f}", f"{r.distance:.2f}"),
            *(f"{100 * r.equal:.0f} %", _p(r.test)),
        )
        for r in analysis.retest
    ]
    return Table(
        title(analysis, "Test and retest"),
        ("method", "pairs", "second less first", "distance", "equal", "p"),
        tuple(rows),
        note="Of pictures that a rater was shown twice. The tables above hold the first scores "
        "alone.",
    )


def _raters(analysis: Analysis) -> Table:
    return Table(
        title(analysis, "Raters"),
        ("rater", "file", "ratings", "mean", "seconds a picture", "retest distance", "remarks"),
        tuple(_rater_cells(analysis, r) for r in analysis.raters),
        text=(1, 6),
        note="Raters with remarks are in the tables all the same; --drop NAME leaves one out.",
    )


def _rater_cells(analysis: Analysis, rater: Rater) -> tuple[str, ...]:
    def number(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    remarks: Sequence[str] = rater.remarks
    if rater.done < rater.expected:
        remarks = ("incomplete", *remarks)
    if rater.name in analysis.dropped:
        remarks = ("dropped", *remarks)
    return (
        *(rater.name, rater.file, f"{rater.done} of {rater.expected}"),
        *(number(rater.mean, 2), number(rater.seconds, 1), number(rater.retest, 2)),
        "; ".join(remarks),
    )


NOTES = (
    "MOS: the mean of all scores, 1 bad to 5 excellent, one score for each rater, picture and "
    "method.",
    "95 % interval: by Student's t over raters, whose scores are not independent of each other; "
    "the pictures are taken as they are. One rater has none.",
    "Average rank: of a rater's scores of one picture, equal scores share their ranks, 1 is best.",
)
"""How the figures were computed."""
