"""A run of the benchmark as JSON, Markdown and one HTML page that needs no other file."""

import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from srgan.errors import OutputFailed
from srgan.evaluation.benchmark import Record, Values, means
from srgan.evaluation.cost import Cost
from srgan.evaluation.protocols import MEASURES


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report shows. ``facts`` are lines about the machine and the run."""

    scale: int
    command: str
    facts: tuple[str, ...]
    records: tuple[Record, ...]
    costs: dict[str, Cost]

    @property
    def methods(self) -> list[str]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(r.method for r in self.records))

    @property
    def sets(self) -> list[str]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(r.set for r in self.records))

    @property
    def means(self) -> dict[str, dict[str, Values]]:
        """Set → method → measure → mean."""
        return means(self.records)


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure and where it stands."""

    value: float
    source: str


def published(scale: int) -> dict[tuple[str, str, str], Figure]:
    """(set, method, measure) → the figure in the literature that may stand beside ours."""
    if scale != 4:
        return {}
    text = (files("srgan.evaluation") / "published.toml").read_text()
    found: dict[tuple[str, str, str], Figure] = {}
    for table in tomllib.loads(text)["table"]:
        for set_name, methods in table.items():
            if isinstance(methods, dict):
                for method, values in methods.items():
                    for measure, value in zip(table["measure"], values, strict=True):
                        figure = Figure(value, table["source"])
                        found[set_name, method, measure] = figure
    return found


def columns(report: Report) -> list[str]:
    """The measures that some record has a value of."""
    used = {m for r in report.records for m, v in r.values.items() if v is not None}
    return [m for m in MEASURES if m in used]


def number(measure: str, value: float | None) -> str:
    """A value with as many digits as mean something."""
    return "–" if value is None else f"{value:.{MEASURES[measure].digits}f}"


def difference(measure: str, value: float, figure: Figure) -> str:
    """Ours less the published figure, signed; never "-0.00"."""
    digits = MEASURES[measure].digits
    return f"{round(value - figure.value, digits) + 0.0:+.{digits}f}"


def best(report: Report, set_name: str, measure: str) -> str | None:
    """The method with the best mean."""
    rows = report.means.get(set_name, {})
    values = {m: v for m, row in rows.items() if (v := row.get(measure)) is not None}
    if len(values) < 2:
        return None
    choose = max if MEASURES[measure].better == "higher" else min
    return choose(values, key=lambda m: values[m])


def as_json(report: Report) -> str:
    """Everything, for programs."""
    return json.dumps(
        {
            "scale": report.scale,
            "command": report.command,
            "facts": report.facts,
            "measures": {m: asdict(MEASURES[m]) for m in columns(report)},
            "means": report.means,
            "costs": {name: asdict(cost) for name, cost in report.costs.items()},
            "records": [asdict(r) for r in report.records],
        },
        indent=1,
    )


def as_markdown(report: Report) -> str:
    """The tables, for people and repositories."""
    lines = [f"# Benchmark, x{report.scale}", "", f"Made by `{report.command}`.", ""]
    lines += [*(f"- {fact}" for fact in report.facts), ""]
    for set_name in report.sets:
        lines += [*_set_table(report, set_name), ""]
    comparison = _comparison(report)
    if comparison:
        lines += ["## Beside the literature", "", *comparison, ""]
    if report.costs:
        lines += ["## Cost", "", *_cost_table(report.costs), ""]
    lines += ["## What each column may be compared with", ""]
    lines += [f"- **{MEASURES[m].title}**: {MEASURES[m].compare}" for m in columns(report)]
    failed = [r for r in report.records if r.error is not None]
    if failed:
        lines += ["", "## Not measured", ""]
        lines += [f"- {r.set} {r.picture}, {r.method}: {r.error}" for r in failed]
    made = sorted({r.set for r in report.records if r.made_lr})
    if made:
        lines += ["", f"LR pictures of {', '.join(made)} were made by MATLAB's bicubic downscale."]
    return "\n".join(lines) + "\n"


def _set_table(report: Report, set_name: str) -> list[str]:
    shown = columns(report)
    rows = report.means.get(set_name, {})
    head = ["method", *(MEASURES[m].title for m in shown)]
    lines = [f"## {set_name}", "", "| " + " | ".join(head) + " |"]
    lines.append("|---" + "|--:" * len(shown) + "|")
    for method, row in rows.items():
        cells = []
        for measure in shown:
            text = number(measure, row.get(measure))
            cells.append(f"**{text}**" if best(report, set_name, measure) == method else text)
        lines.append("| " + " | ".join([method, *cells]) + " |")
    return lines


def comparison_rows(report: Report) -> list[tuple[str, str, str, float, Figure]]:
    """(set, method, measure, ours, published) wherever both are known."""
    figures = published(report.scale)
    return [
        (set_name, method, measure, value, figure)
        for set_name, rows in report.means.items()
        for method, row in rows.items()
        for measure in MEASURES
        if (value := row.get(measure)) is not None
        and (figure := figures.get((set_name, method, measure))) is not None
    ]


def _comparison(report: Report) -> list[str]:
    rows = comparison_rows(report)
    if not rows:
        return []
    lines = ["| set | method | measure | ours | published | difference | source |"]
    lines.append("|---|---|---|--:|--:|--:|---|")
    for set_name, method, measure, value, figure in rows:
        digits = MEASURES[measure].digits
        lines.append(
            f"| {set_name} | {method} | {MEASURES[measure].title} | {value:.{digits}f} "
            f"| {figure.value:.{digits}f} | {difference(measure, value, figure)} "
            f"| {figure.source} |"
        )
    return lines


def _cost_table(costs: dict[str, Cost]) -> list[str]:
    lines = ["| method | s per output megapixel | parameters | multiply-adds per LR pixel | MB |"]
    lines.append("|---|--:|--:|--:|--:|")
    for name, cost in costs.items():
        lines.append("| " + " | ".join([name, *cost_cells(cost)]) + " |")
    return lines


def cost_cells(cost: Cost) -> list[str]:
    """The cost as text: seconds, parameters, multiply-adds, megabytes."""
    return [
        "–" if cost.seconds is None else f"{cost.seconds:.3g}",
        "–" if cost.parameters is None else f"{cost.parameters:,}",
        "–" if cost.multiply_adds is None else f"{cost.multiply_adds:,}",
        "–" if cost.memory_mb is None else f"{cost.memory_mb:.0f}",
    ]


def write(report: Report, folder: Path, page: str) -> None:
    """Write ``report.json``, ``report.md`` and ``report.html``.

    Raises:
        OutputFailed: the folder cannot be written.
    """
    texts: Iterable[tuple[str, str]] = (
        ("report.json", as_json(report)),
        ("report.md", as_markdown(report)),
        ("report.html", page),
    )
    for name, text in texts:
        part = folder / f"{name}.part"
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(folder / name)
        except OSError as error:
            raise OutputFailed(
                f"{folder / name}: cannot be written: {error.strerror or error}"
            ) from error


def as_page(report: Report, panels: Iterable[Any] = ()) -> str:
    """The HTML page; see :mod:`srgan.evaluation.page`."""
    from srgan.evaluation.page import page

    return page(report, list(panels))
