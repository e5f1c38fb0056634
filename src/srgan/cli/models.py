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
    for name in ("model", "for", "size", *SETS, "licence"):
        table.add_column(name, justify="right" if name.startswith(("size", "S", "B")) else "left")
    for row in rows:
        scores = [
            f"{row.scores[s]:.2f}" if s in row.scores else "" for s in (f"{x} x4" for x in SETS)
        ]
        size = f"{row.parameters / 1e6:.2f} M" if row.parameters else "–"
        mark = " *" if row.name == DEFAULT else ""
        table.add_row(row.name + mark, row.summary, size, *scores, row.licence)
    console = Console(width=None if Console().is_terminal else 140)
    console.print(table)
    console.print(
        "\n* the default. Sizes in parameters; scores are Y-PSNR in dB at 4x (docs/models.md)."
    )


SETS = ("Set5 x4", "Set14 x4", "BSD100 x4")
