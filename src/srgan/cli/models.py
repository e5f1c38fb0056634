"""``srgan models``: what there is to choose from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

from typer import Option


def models(
    json_: Annotated[bool, Option("--json", help="One JSON array on stdout.")] = False,
) -> None:
    """List the models: what each is for, its size, its scores and its licence."""
    from srgan.weights.catalog import DEFAULT
    from srgan.weights.catalog import models as catalog

    rows = catalog()
    if json_:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("model", "for", "licence"):
        table.add_column(name)
    for name in ("size", *SETS, PERCEPTUAL):
        table.add_column(name, justify="right")
    for row in rows:
        size = f"{row.parameters / 1e6:.2f} M" if row.parameters else "–"
        scores = [f"{row.scores[s]:.2f}" if s in row.scores else "" for s in SETS]
        look = f"{row.perceptual[SETS[0]]:.4f}" if SETS[0] in row.perceptual else ""
        name = row.name + (" *" if row.name == DEFAULT else "")
        table.add_row(name, row.summary, row.licence, size, *scores, look)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)
    console.print(
        "\n* the default. Size in parameters; Y-PSNR in dB, higher is nearer to the original;\n"
        "ST-LPIPS on Set5, lower looks more like it. More in docs/models.md."
    )


PERCEPTUAL = "ST-LPIPS"
SETS = ("Set5 x4", "Set14 x4", "BSD100 x4")
