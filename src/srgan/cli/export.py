"""``srgan export``: a network as an ONNX file, and the check of what it can bear."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from srgan.errors import ImageRefused, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def export(
    model: Annotated[str, Argument(help="A name of `srgan models`, or a weights file.")],
    output: Annotated[
        Path | None, Option("-o", "--output", help="The ONNX file. Default: MODEL.onnx.")
    ] = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a file that exists.")] = False,
    check: Annotated[
        Path | None,
        Option(
            "--check",
            metavar="PHOTOS",
            help="Instead of exporting, measure tile margin, bf16 and int8 on this folder of "
            "photos, and write what was found into the weights file.",
        ),
    ] = None,
    references: Annotated[
        Path | None,
        Option(
            "--references",
            metavar="FOLDER",
            help="High-resolution pictures for the check's cost in dB, such as Set5. "
            "Default: the photos.",
        ),
    ] = None,
    count: Annotated[int, Option("--count", help="Photos that the check uses.")] = 24,
) -> None:
    """Write a network as ONNX for other programs, compared with PyTorch where it is installed."""
    from srgan.inference.open import find_weights

    weights = find_weights(model)
    if check is not None:
        _check(weights, check, references or check, count)
        return
    from srgan.export.onnx import export_onnx

    path = output or Path(f"{weights.stem}.onnx")
    difference = export_onnx(weights, path, overwrite=overwrite)
    told = "PyTorch is not installed: not compared with it"
    if difference is not None:
        told = f"differs from PyTorch by at most {difference:.1e}"
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB; {told}", file=sys.stderr)


def _check(weights: Path, photos: Path, references: Path, count: int) -> None:
    from srgan.export.check import check, record

    found = check(weights, photos=_pictures(photos, count), references=_pictures(references, count))
    record(weights, found)
    print(f"tile margin: {found.tile_margin} pixels", file=sys.stderr)
    for name, figures in found.precision_figures.items():
        verdict = "kept" if name in found.precisions else "refused"
        print(
            f"{name}: {verdict}; {figures.changed:.3%} of samples change by more than one level, "
            f"{figures.likeness_db:.1f} dB against fp32, costs {figures.cost_db:.4f} dB",
            file=sys.stderr,
        )


def _pictures(folder: Path, count: int) -> list[NDArray[Any]]:
    from srgan.image.files import read_picture

    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name one with pictures")
    # The test sets hold each picture twice: what is to be enlarged has LR in its name.
    names = [path for path in sorted(folder.iterdir()) if "_LR" not in path.stem]
    found: list[NDArray[Any]] = []
    for path in names[:: max(1, len(names) // count)]:
        try:
            frame = read_picture(path).frames[0]
        except ImageRefused:
            continue
        if frame.colour.dtype == "uint8" and frame.colour.shape[2] == 3:
            found.append(frame.colour)
    return found[:count]
