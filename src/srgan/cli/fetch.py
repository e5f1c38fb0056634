"""``srgan data fetch``: download a published test set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fetch(
    names: Annotated[list[str], typer.Argument(help="Sets, such as Set5 Set14 BSD100.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the sets.")] = Path(
        "data"
    ),
    catalog: Annotated[
        Path | None, typer.Option(help="A JSON file of further sets, with their sha256.")
    ] = None,
) -> None:
    """Download test sets, every file checked by its sha256; what is there is kept."""
    import sys

    from srgan.errors import UsageError
    from srgan.evaluation.fetch import fetch as fetch_set
    from srgan.evaluation.fetch import sources

    known = sources(catalog)
    for name in names:
        if name not in known:
            raise UsageError(f"there is no set {name!r} to fetch; there are {', '.join(known)}")
    for name in names:

        def say(done: int, total: int, name: str = name) -> None:
            if sys.stderr.isatty():
                print(f"\r{name}: {done}/{total}", end="", file=sys.stderr, flush=True)

        count = fetch_set(known[name], output, progress=say)
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        print(f"{name}: {count} files fetched to {output / name} ({known[name].credit})")
