"""The benchmark's HTML page: tables, plots and crops, with everything inside the one file."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from srgan.evaluation.literature import COMPARISON, PAPER, comparison_rows, paper_tables
from srgan.evaluation.plot import plot
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

Picture = NDArray[np.uint8]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: color-mix(in srgb, Canvas, #888 13%); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { margin-top: 2.4rem; font-size: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child, .text { text-align: left; }
th:first-child, td:first-child { position: sticky; left: 0; background: Canvas; }
th { vertical-align: bottom; } td { white-space: nowrap; } tr:hover td { background: var(--soft); }
.best { font-weight: 700; } .muted { opacity: .7; } .bad { color: #d04040; }
.panel { display: flex; flex-wrap: wrap; gap: .8rem; margin: .6rem 0 1.6rem; }
figure { margin: 0; width: min(192px, 50% - .4rem); }
figcaption { font-size: .8rem; line-height: 1.35; }
figure img { width: 100%; image-rendering: pixelated; display: block; }
svg { display: block; } svg text { fill: currentColor; font-size: 12px; }
details summary { cursor: pointer; } code { font-size: .85em; overflow-wrap: anywhere; }
"""
"""The style of every page of figures."""


@dataclass(frozen=True, slots=True)
class Crop:
    """One method's crop and what is written below it."""

    method: str
    pixels: Picture
    caption: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The same crop of one picture by several methods, HR first."""

    title: str
    crops: tuple[Crop, ...]


def page(report: Report, panels: Sequence[Panel]) -> str:
    """The whole page. Names are escaped; nothing is loaded from elsewhere."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<title>srgan benchmark x{report.scale}</title><style>{STYLE}</style>",
        f"<h1>Benchmark, x{report.scale}</h1>",
        f"<p class=muted>Made by <code>{escape(report.command)}</code><br>",
        "<br>".join(escape(fact) for fact in report.facts) + "</p>",
    ]
    parts += [_set_section(report, name) for name in report.sets]
    parts += [_paper(report), _panels(panels), _scatter(report), _speed(report)]
    parts += [_comparison(report)]
    parts += [_costs(report), _legend(report), _failures(report), _pictures(report)]
    return "\n".join(part for part in parts if part) + "\n</html>\n"


def crop_of(hr: Picture, side: int) -> tuple[slice, slice]:
    """Where a picture has the most to enlarge: the square of ``side`` with the most detail."""
    gray = hr.astype(np.float64).mean(axis=2) if hr.ndim == 3 else hr.astype(np.float64)
    side = min(side, *gray.shape)
    energy = np.abs(np.diff(gray, axis=0))[:, :-1] + np.abs(np.diff(gray, axis=1))[:-1]
    sums = np.pad(energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    n = min(side, *energy.shape)
    total = sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]
    y, x = (int(i) for i in np.unravel_index(int(total.argmax()), total.shape))
    y, x = min(y, gray.shape[0] - side), min(x, gray.shape[1] - side)
    return slice(y, y + side), slice(x, x + side)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], text: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; the columns ``text`` stand to the left."""

    def cells(kind: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{kind} class=text>{cell}" if i in text else f"<{kind}>{cell}"
            for i, cell in enumerate(row)
        )

    top = cells("th", head)
    body = "".join("<tr>" + cells("td", row) for row in rows)
    return f"<div class=wide tabindex=0><table><tr>{top}{body}</table></div>"


def _set_section(report: Report, set_name: str) -> str:
    shown = columns(report)
    rows = []
    for method, row in report.means.get(set_name, {}).items():
        cells = [escape(title_of(report, set_name, method))]
        for measure in shown:
            text = number(measure, row.get(measure))
            winner = best(report, set_name, measure) == method
            cells.append(f"<span class=best>{text}</span>" if winner else text)
        rows.append(cells)
    arrows = {"higher": "↑", "lower": "↓"}
    head = ["method", *(f"{MEASURES[m].title}&nbsp;{arrows[MEASURES[m].better]}" for m in shown)]
    return f"<h2>{escape(set_name)}</h2>" + table(head, rows)


def _panels(panels: Sequence[Panel]) -> str:
    if not panels:
        return ""
    parts = ["<h2>Crops</h2>"]
    for panel in panels:
        parts.append(f"<h3>{escape(panel.title)}</h3><div class=panel>")
        for crop in panel.crops:
            parts.append(
                f"<figure><img src='{_data_url(crop.pixels)}' alt='{escape(crop.method)}'>"
                f"<figcaption><b>{escape(crop.method)}</b><br>{escape(crop.caption)}</figcaption>"
                "</figure>"
            )
        parts.append("</div>")
    return "".join(parts)


def _data_url(pixels: Picture) -> str:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _scatter(report: Report) -> str:
    """Distortion against perception, the mean over all pictures of all sets."""
    across, up = "psnr_y", "stlpips" if "stlpips" in columns(report) else "niqe"
    points = []
    for method in report.methods:
        pairs = [
            (a, b)
            for r in report.records
            if r.method == method
            and (a := r.values.get(across)) is not None
            and (b := r.values.get(up)) is not None
        ]
        if pairs:
            x, y = (float(v) for v in np.mean(pairs, axis=0))
            points.append((method, x, y))
    if len(points) < 2:
        return ""
    titles = f"{MEASURES[across].title} (dB) →", f"{MEASURES[up].title}: lower looks better ↓"
    return "<h2>Distortion and perception</h2>" + plot(points, titles)


def _speed(report: Report) -> str:
    """Quality against time, where time was measured."""
    points = []
    for method, cost in report.costs.items():
        values = [
            v
            for r in report.records
            if r.method == method and (v := r.values.get("psnr_y")) is not None
        ]
        if cost.seconds and values:
            points.append((method, cost.seconds, float(np.mean(values))))
    if len(points) < 2:
        return ""
    titles = "seconds per output megapixel →", f"{MEASURES['psnr_y'].title} (dB) ↑"
    return "<h2>Speed and quality</h2>" + plot(points, titles, log_x=True)


def _paper(report: Report) -> str:
    tables = [
        table([escape(cell) for cell in head], [[escape(cell) for cell in row] for row in rows])
        for head, *rows in paper_tables(report)
    ]
    return f"<h2>{escape(PAPER)}</h2>" + "<p></p>".join(tables) if tables else ""


def _comparison(report: Report) -> str:
    rows = [[escape(cell) for cell in row] for row in comparison_rows(report)]
    if not rows:
        return ""
    return "<h2>Beside other tables</h2>" + table(COMPARISON, rows, text=(1, 2, 6))


def _costs(report: Report) -> str:
    if not report.costs:
        return ""
    rows = [[escape(name), *cost_cells(cost)] for name, cost in report.costs.items()]
    note = f"<p class=muted>{escape(COST_NOTE)}</p>"
    return "<h2>Cost</h2>" + table(["method", *COST_COLUMNS], rows) + note


def _legend(report: Report) -> str:
    items = "".join(
        f"<li><b>{MEASURES[m].title}</b>: {escape(MEASURES[m].compare)}" for m in columns(report)
    )
    made = sorted({r.set for r in report.records if r.made_lr})
    note = (
        f"<p>LR pictures of {escape(', '.join(made))} were made by MATLAB's bicubic downscale.</p>"
        if made
        else ""
    )
    return f"<h2>What each column may be compared with</h2><ul>{items}</ul>{note}"


def _failures(report: Report) -> str:
    items = "".join(f"<li class=bad>{escape(line)}" for line in failures(report))
    return f"<h2>Not measured</h2><ul>{items}</ul>" if items else ""


def _pictures(report: Report) -> str:
    """Every picture's values, folded away."""
    shown = columns(report)
    parts = ["<h2>Picture by picture</h2>"]
    for set_name in report.sets:
        rows = [
            [escape(r.picture), escape(r.method), *(number(m, r.values.get(m)) for m in shown)]
            for r in report.records
            if r.set == set_name and r.error is None
        ]
        head = ["picture", "method", *(MEASURES[m].title for m in shown)]
        values = table(head, rows, text=(1,))
        parts.append(f"<details><summary>{escape(set_name)}</summary>{values}</details>")
    return "".join(parts)
