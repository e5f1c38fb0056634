"""``srgan data``: make photos ready for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

from srgan.cli.fetch import fetch

HELP = "Make photos ready for training; fetch test sets."

data = Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)
data.command()(fetch)


@data.callback()
def _root() -> None:
    """Make photos ready for training; fetch test sets."""


@data.command()
def prepare(
    folders: Annotated[list[Path], Argument(help="Folders of photos, sub-folders included.")],
    out: Annotated[Path, Option("--out", "-o", help="Folder of the pack.")],
    smallest: Annotated[int, Option(help="Leave out photos with a shorter side.")] = 128,
    max_input_mp: Annotated[
        float, Option("--max-input-mp", help="Leave out larger photos, in megapixels.")
    ] = 64.0,
) -> None:
    """Read every photo once and pack it; broken ones are listed in quarantine.json."""
    from srgan.image.limits import Limits
    from srgan.training.packing import prepare
    from srgan.words import counted

    limits = Limits.in_megapixels(max_input_mp, output_mp=1.0)
    made = prepare(folders, out, smallest=smallest, limits=limits)
    print(f"{counted(made.photos, 'photo')}, {made.pixels / 1e6:.1f} megapixels: {out}")
    if made.quarantined:
        left_out = counted(len(made.quarantined), "file")
        print(f"{left_out} left out, see {out / 'quarantine.json'}")
