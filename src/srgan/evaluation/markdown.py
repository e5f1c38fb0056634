"""A report as Markdown: the tables, for people and repositories."""

from collections.abc import Iterable, Sequence

from srgan.evaluation.literature import COMPARISON, PAPER, comparison_rows, paper_tables
from srgan.evaluation.protocols import MEASURES
from srgan.evaluation.report import (
    COST_COLUMNS,
    COST_NOTE,
    Report,
    best,
    columns,
    cost_cells,
    failures,
    number,
    title_of,
)


def as_markdown(report: Report) -> str:
    """The tables, for people and repositories."""
    lines = [f"# Benchmark, x{report.scale}", "", f"Made by `{report.command}`.", ""]
    lines += [*(f"- {fact}" for fact in report.facts), ""]
    for set_name in report.sets:
        lines += [*_set_table(report, set_name), ""]
    tables = paper_tables(report)
    if tables:
        lines += [f"## {PAPER}", ""]
    for head, *rows in tables:
        lines += [*table(head, rows), ""]
    comparison = comparison_rows(report)
    if comparison:
        lines += ["## Beside other tables", "", *table(COMPARISON, comparison, text=(1, 2, 6)), ""]
    if report.costs:
        costs = [[name, *cost_cells(cost)] for name, cost in report.costs.items()]
        lines += ["## Cost", "", *table(["method", *COST_COLUMNS], costs), ""]
        lines += [COST_NOTE, ""]
    lines += ["## What each column may be compared with", ""]
    lines += [f"- **{MEASURES[m].title}**: {MEASURES[m].compare}" for m in columns(report)]
    failed = failures(report)
    if failed:
        lines += ["", "## Not measured", "", *(f"- {line}" for line in failed)]
    made = sorted({r.set for r in report.records if r.made_lr})
    if made:
        lines += ["", f"LR pictures of {', '.join(made)} were made by MATLAB's bicubic downscale."]
    return "\n".join(lines) + "\n"


def _set_table(report: Report, set_name: str) -> list[str]:
    shown = columns(report)
    rows = []
    for method, row in report.means.get(set_name, {}).items():
        cells = [title_of(report, set_name, method)]
        for measure in shown:
            text = number(measure, row.get(measure))
            cells.append(f"**{text}**" if best(report, set_name, measure) == method else text)
        rows.append(cells)
    head = ["method", *(MEASURES[m].title for m in shown)]
    return [f"## {set_name}", "", *table(head, rows)]


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], text: Sequence[int] = ()
) -> list[str]:
    """A table; its first column and the columns ``text`` stand to the left."""
    marks = ["---" if i == 0 or i in text else "--:" for i in range(len(head))]
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(marks) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows)]
