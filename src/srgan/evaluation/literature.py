"""Figures of the literature beside ours."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from srgan.evaluation.protocols import MEASURES
from srgan.evaluation.report import Report, number

PAPER = "The SRGAN paper's table 2, repeated"


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure and where it stands."""

    value: float
    source: str


def published(scale: int) -> dict[tuple[str, str, str], Figure]:
    """(set, method, measure) → the figure in the literature that may stand beside ours."""
    text = (files("srgan.evaluation") / "published.toml").read_text(encoding="utf-8")
    found: dict[tuple[str, str, str], Figure] = {}
    for table in tomllib.loads(text)["table"]:
        if table["scale"] != scale:
            continue
        for set_name, methods in table.items():
            if isinstance(methods, dict):
                for method, values in methods.items():
                    for measure, value in zip(table["measure"], values, strict=True):
                        figure = Figure(value, table["source"])
                        found[set_name, method, measure] = figure
    return found


def difference(measure: str, value: float, figure: Figure) -> str:
    """Ours less the published figure, signed; never "-0.00"."""
    digits = MEASURES[measure].digits
    return f"{round(value - figure.value, digits) + 0.0:+.{digits}f}"


def paper_tables(report: Report) -> list[list[list[str]]]:
    """A table a set, rows of text with its head first: the paper's methods across that were
    measured, below each our PSNR and SSIM, the paper's and the difference.
    """
    figures = published(report.scale)
    tables = []
    for set_name in report.sets:
        rows = report.means.get(set_name, {})
        methods = [
            m
            for s, m, k in figures
            if (s, k) == (set_name, "psnr_daala") and rows.get(m, {}).get(k) is not None
        ]
        if not methods:
            continue
        table = [[set_name, *methods]]
        for measure in ("psnr_daala", "ssim_daala"):
            ours = [rows[m].get(measure) for m in methods]
            theirs = [figures[set_name, m, measure] for m in methods]
            pairs = list(zip(ours, theirs, strict=True))
            table += [
                [MEASURES[measure].title, *(number(measure, v) for v in ours)],
                ["published", *(number(measure, figure.value) for figure in theirs)],
                [
                    "difference",
                    *("–" if v is None else difference(measure, v, f) for v, f in pairs),
                ],
            ]
        tables.append(table)
    return tables


COMPARISON = ["set", "method", "measure", "ours", "published", "difference", "source"]


def comparison_rows(report: Report) -> list[list[str]]:
    """Rows of text under :data:`COMPARISON`, wherever a figure is known and not in
    :func:`paper_tables`.
    """
    figures = published(report.scale)
    return [
        [
            *(set_name, method, MEASURES[measure].title),
            *(number(measure, value), number(measure, figure.value)),
            *(difference(measure, value, figure), figure.source),
        ]
        for set_name, rows in report.means.items()
        for method, row in rows.items()
        for measure in MEASURES
        if not measure.endswith("_daala")
        and (value := row.get(measure)) is not None
        and (figure := figures.get((set_name, method, measure))) is not None
    ]
