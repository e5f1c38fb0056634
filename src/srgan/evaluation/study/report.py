"""The report of a study: Markdown, a page and JSON of the same tables."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from html import escape
from typing import Any

from srgan.evaluation import markdown, page
from srgan.evaluation.study.analysis import SIGNIFICANT, Analysis
from srgan.evaluation.study.plot import plot
from srgan.evaluation.study.tables import (
    NOTES,
    doubtful,
    facts,
    paper_score,
    tables,
    title,
    warning,
)

_STYLE = """
.simulated { border: 3px solid #d04040; border-radius: 8px; padding: .6rem 1rem; font-weight: 700; }
td.text { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
"""


def as_markdown(analysis: Analysis, command: str) -> str:
    """The tables, for people and repositories."""
    lines = [f"# {title(analysis, 'Mean-opinion-score test')}", ""]
    if warning(analysis):
        lines += [f"**{_plain(warning(analysis))}**", ""]
    lines += [f"Made by {_code(command)}.", ""]
    lines += [*(f"- {_line(fact, _plain, _code)}" for fact in facts(analysis)), ""]
    if doubtful(analysis):
        lines += [f"## {title(analysis, 'Ratings that look unreliable')}", ""]
        lines += [*(f"- {_plain(line)}" for line in doubtful(analysis)), ""]
    for table in tables(analysis):
        head, *rows = ([_plain(c) for c in row] for row in (table.head, *table.rows))
        lines += [f"## {_plain(table.title)}", ""]
        lines += [*markdown.table(head, rows, text=table.text), ""]
        lines += [_plain(table.note), ""] if table.note else []
    return "\n".join([*lines, "## How it was computed", "", *(f"- {n}" for n in NOTES)]) + "\n"


def as_page(analysis: Analysis, command: str) -> str:
    """The tables with a plot for each set; names are escaped, nothing is loaded from elsewhere."""
    name = escape(title(analysis, "Mean-opinion-score test"))
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<title>{name}</title><style>{page.STYLE}{_STYLE}</style><main><h1>{name}</h1>",
    ]
    if warning(analysis):
        parts.append(f"<p class=simulated role=note>{escape(warning(analysis))}</p>")
    lines = "".join(f"<li>{_line(fact, escape, _html_code)}" for fact in facts(analysis))
    parts.append(f"<p class=muted>Made by <code>{escape(command)}</code></p><ul>{lines}</ul>")
    if doubtful(analysis):
        items = "".join(f"<li class=bad>{escape(line)}" for line in doubtful(analysis))
        heading = escape(title(analysis, "Ratings that look unreliable"))
        parts.append(f"<h2>{heading}</h2><ul>{items}</ul>")
    plots = {title(analysis, f"Mean opinion score, {r.name}"): r for r in analysis.sets}
    for table in tables(analysis):
        head, *rows = ([escape(c) for c in row] for row in (table.head, *table.rows))
        parts.append(f"<h2>{escape(table.title)}</h2>")
        if table.title in plots:
            result = plots[table.title]
            paper = [paper_score(analysis, result.name, row.method) for row in result.rows]
            parts.append(plot(result.rows, paper, simulated=bool(analysis.simulated)))
        parts.append(page.table(head, rows, text=table.text))
        parts.append(f"<p class=muted>{escape(table.note)}</p>" if table.note else "")
    notes = "".join(f"<li>{escape(note)}" for note in NOTES)
    parts.append(f"<h2>How it was computed</h2><ul>{notes}</ul></main></html>")
    text = "\n".join(part for part in parts if part) + "\n"
    return text.encode("utf-8", "replace").decode()  # a name may hold half a surrogate pair


def as_json(analysis: Analysis, command: str) -> str:
    """Everything, for programs; ``simulated`` stands in the whole and in each of its parts."""
    simulated = analysis.simulated or False
    sets: list[dict[str, Any]] = [
        {
            "simulated": simulated,
            "name": result.name,
            "methods": [
                {**asdict(row), "paper_mos": paper_score(analysis, result.name, row.method)}
                for row in result.rows
            ],
            "ranked": result.ranked,
            "wilcoxon": [
                {"a": a, "b": b, **asdict(test), "significant": test.p < SIGNIFICANT}
                for (a, b), test in result.tests.items()
            ],
        }
        for result in analysis.sets
    ]
    return json.dumps(
        {
            "simulated": simulated,
            "command": command,
            "study": analysis.study.id,
            "facts": facts(analysis),
            "sets": sets,
            "retest": [{"simulated": simulated, **asdict(r)} for r in analysis.retest],
            "raters": [{"simulated": simulated, **asdict(r)} for r in analysis.raters],
            "dropped": analysis.dropped,
        },
        indent=1,
    )


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, be it the name of a hostile rater."""
    line = "".join(c if c.isprintable() else " " for c in text)
    line = re.sub(r"&(?=[#\w])", "&amp;", line)
    line = re.sub(r"<(?=[^\s\d=])", "&lt;", line)
    line = re.sub(r"([\\`_\[\]|~])", r"\\\1", line)
    return re.sub(r"\*(?=\S)|(?<=\S)\*", r"\*", line)


def _code(text: str) -> str:
    line = "".join(c if c.isprintable() and c != "`" else " " for c in text)
    return f"`{line}`"


def _html_code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _line(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Every second part between backticks is a command."""
    return "".join(code(p) if i % 2 else plain(p) for i, p in enumerate(text.split("`")))
