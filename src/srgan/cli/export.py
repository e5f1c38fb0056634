"""``srgan export``: a network as a file for other programs, and the check of what it can bear."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from srgan.errors import ImageRefused, LimitExceeded, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def export(
    model: Annotated[str, Argument(help="A name of `srgan models`, or a weights file.")],
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            help="The file, or a folder for it. Default: MODEL.onnx, MODEL-4x.param and .bin, "
            "or MODEL-4x.safetensors.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        Option(
            "--format",
            metavar="FORMAT",
            help="onnx; ncnn, for Upscayl and realesrgan-ncnn-vulkan; or safetensors, for ComfyUI "
            "and all that reads by spandrel. Default: as the output's suffix says, else onnx.",
        ),
    ] = None,
    realism: Annotated[
        float | None,
        Option("--realism", help="The place on the dial of srgan or srgan-photo, 0 to 1."),
    ] = None,
    fp32: Annotated[
        bool, Option("--fp32", help="ncnn: weights in float32, twice the size of float16.")
    ] = False,
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
    """Write a network for other programs, compared with what it gives here."""
    if check is not None:
        from srgan.inference.open import find_weights

        if output is not None or format is not None or realism is not None or fp32:
            raise UsageError(
                "--check exports nothing; leave out -o, --format, --realism and --fp32"
            )
        _check(find_weights(model), check, references or check, count)
        return
    from srgan.export.target import target

    kind, path = target(model, output, format, realism)
    if fp32 and kind != "ncnn":
        raise UsageError(f"--fp32 is for ncnn; {kind} has float32 anyway")
    if kind == "ncnn":
        from srgan.export.ncnn import export_ncnn

        difference = export_ncnn(model, path, realism=realism, half=not fp32, overwrite=overwrite)
        paths = [path, path.with_suffix(".bin")]
        told = _told(difference, "our own fp32", "ncnn")
    elif kind == "safetensors":
        from srgan.export.weights import export_weights

        export_weights(model, path, realism=realism, overwrite=overwrite)
        paths, told = [path], "the weights with their header"
    else:
        from srgan.export.onnx import export_onnx

        difference = export_onnx(model, path, realism=realism, overwrite=overwrite)
        paths, told = [path], _told(difference, "PyTorch", "PyTorch")
    size = sum(path.stat().st_size for path in paths)
    print(f"{' and '.join(map(str, paths))}: {size / 1e6:.1f} MB; {told}", file=sys.stderr)


def _told(difference: float | None, other: str, package: str) -> str:
    if difference is None:
        return f"not compared, for {package} is not there"
    return f"differs from {other} by at most {difference:.1e}"


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
    from srgan.image.files import read_first

    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name one with pictures")
    # The test sets hold each picture twice: what is to be enlarged has LR in its name.
    names = [path for path in sorted(folder.iterdir()) if "_LR" not in path.stem]
    found: list[NDArray[Any]] = []
    for path in names[:: max(1, len(names) // count)]:
        try:
            frame = read_first(path)
        except (ImageRefused, LimitExceeded):
            continue
        if frame.colour.dtype == "uint8" and frame.colour.shape[2] == 3:
            found.append(frame.colour)
    return found[:count]
