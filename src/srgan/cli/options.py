"""Options that several commands have, each declared once."""

import re
from typing import Annotated

from typer import Option

from srgan.errors import UsageError

Scale = Annotated[
    float | None,
    Option("-s", "--scale", help="Times as large, above 1 up to 16. Default: 4."),
]
Size = Annotated[
    str | None, Option("--size", metavar="WxH", help="Exact size of the result in pixels.")
]
LongEdge = Annotated[
    int | None, Option("--long-edge", metavar="N", help="Longer side of the result in pixels.")
]
Realism = Annotated[
    float | None,
    Option("--realism", help="0 faithful to 1 full texture; srgan and srgan-photo are at 0.875."),
]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace results that exist.")]
AllowDamaged = Annotated[
    bool, Option("--allow-damaged", help="Take what a damaged file still holds.")
]
Device = Annotated[str, Option("--device", help="auto, cpu or cuda.")]
Precision = Annotated[str, Option("--precision", help="auto, fp32, bf16 or int8.")]
Threads = Annotated[int | None, Option("--threads", help="Processor threads.")]
Quiet = Annotated[bool, Option("-q", "--quiet", help="Say nothing but errors.")]
Json = Annotated[bool, Option("--json", help="One JSON object a line on stdout for each input.")]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """``1920x1080`` → (height, width)."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", text.strip().lower())
    if match is None:
        raise UsageError(f"--size wants WIDTHxHEIGHT in pixels, such as 1920x1080, not {text!r}")
    return int(match[2]), int(match[1])


def one_size(scale: float | None, size: str | None, long_edge: int | None) -> None:
    """Refuse more than one of the three.

    Raises:
        UsageError: there is more than one.
    """
    if sum(x is not None for x in (scale, size, long_edge)) > 1:
        raise UsageError("give one of --scale, --size and --long-edge")
