"""``srgan compare``: several methods on one picture, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from srgan.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from srgan.image.picture import Frame
    from srgan.inference.compare import Crop


def compare(
    input_: Annotated[Path, Argument(metavar="INPUT", help="The small picture.")],
    output: Annotated[
        Path | None, Option("-o", "--output", help="Default: photo_compare.png beside the input.")
    ] = None,
    models: Annotated[
        str | None,
        Option(
            "-m",
            "--models",
            metavar="A,B,…",
            help="Default: bicubic, and for scale 4 srresnet, srgan, fast and their kin.",
        ),
    ] = None,
    hr: Annotated[
        Path | None,
        Option("--hr", metavar="REF", help="The original: PSNR and SSIM stand under each method."),
    ] = None,
    crop: Annotated[
        str | None,
        Option(
            "--crop",
            metavar="X,Y,W,H",
            help="What is shown enlarged, in pixels of the result. Default: the busiest square.",
        ),
    ] = None,
    scale: Annotated[int, Option("-s", "--scale", help="2, 3 or 4.")] = 4,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a result that exists.")] = False,
    max_input_mp: Annotated[
        float, Option("--max-input-mp", help="Refuse larger pictures, in megapixels.")
    ] = 64.0,
) -> None:
    """Show several methods side by side with an enlarged crop, as the paper's figure 2 does.

    With --hr, PSNR and SSIM on luma, without a border of --scale pixels, stand under each.
    """
    import numpy as np

    from srgan.cli.methods import labels
    from srgan.image.files import format_for, read_first, write_picture
    from srgan.image.limits import Limits
    from srgan.image.picture import Frame, Metadata, Picture
    from srgan.inference.compare import Panel, busiest_crop, comparison
    from srgan.inference.open import load
    from srgan.inference.upscale import upscale_array
    from srgan.weights.catalog import models as catalog

    if scale not in (2, 3, 4):
        raise UsageError(f"--scale must be 2, 3 or 4, not {scale}")
    limits = Limits.in_megapixels(max_input_mp, output_mp=1.0)
    lr = _rgb8(read_first(input_, limits=limits))
    target = output or input_.with_name(f"{input_.stem}_compare.png")
    format_for(target)
    if target.exists() and not overwrite:
        raise UsageError(f"{target}: exists already; say --overwrite or another --output")
    size = (lr.shape[0] * scale, lr.shape[1] * scale)
    reference = None if hr is None else _rgb8(read_first(hr, limits=limits))
    if reference is not None:
        # The last pixels, which the scale does not divide, may have been cut for the small one.
        if any(not 0 <= reference.shape[i] - size[i] < scale for i in (0, 1)):
            raise UsageError(
                f"{hr}: must be {scale} times {input_} ({size[1]}x{size[0]}), "
                f"not {reference.shape[1]}x{reference.shape[0]}"
            )
        reference = reference[: size[0], : size[1]]
    if models is None:
        networks = [m for m in catalog() if m.kind == "network" and not m.earlier]
        names = ["bicubic", *(m.name for m in networks if m.scale == scale)]
    else:
        names = [name.strip() for name in models.split(",") if name.strip()]
    if not names:
        raise UsageError("--models names none; see `srgan models`")
    called = labels(names)
    box = None if crop is None else _crop(crop, size)
    upscalers = [load(name, scale=scale) for name in names]
    panels = []
    for name, upscaler in zip(names, upscalers, strict=True):
        sr = upscale_array(lr, upscaler, size=size)
        caption = "" if reference is None else _scores(sr, reference, scale)
        label = called[name]
        print(f"{label:<18}{caption}")
        panels.append(Panel(label, sr, caption))
    if reference is not None:
        panels.append(Panel("original", np.ascontiguousarray(reference), "PSNR / SSIM"))
    if box is None:
        box = busiest_crop(panels[-1].image, side=max(16, min(size) // 5))
    sheet = comparison(panels, box)
    write_picture(
        Picture((Frame(sheet, None),), Metadata(), "PNG", ()), target, overwrite=overwrite
    )
    print(target, file=sys.stdout)


def _rgb8(frame: Frame) -> NDArray[Any]:
    """(H, W, 3) uint8, on white where it is transparent."""
    import numpy as np

    from srgan.image.pixels import to_8_bits

    pixels = to_8_bits(frame.colour)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    if frame.alpha is not None:
        alpha = frame.alpha.astype(np.float64)[:, :, None] / np.iinfo(frame.alpha.dtype).max
        pixels = (pixels * alpha + 255.0 * (1.0 - alpha) + 0.5).astype(np.uint8)
    return pixels


def _scores(sr: NDArray[Any], hr: NDArray[Any], scale: int) -> str:
    from srgan.image.colour import luma
    from srgan.metrics.psnr import psnr
    from srgan.metrics.ssim import ssim

    a, b = luma(sr), luma(hr)
    decibels = psnr(a, b, data_range=255, border=scale)
    return f"{decibels:.2f} dB / {ssim(a, b, data_range=255, border=scale):.4f}"


def _crop(text: str, size: tuple[int, int]) -> Crop:
    from srgan.inference.compare import Crop

    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--crop wants X,Y,W,H in pixels, not {text!r}") from None
    inside = min(left, top) >= 0 and min(width, height) >= 8
    if not inside or left + width > size[1] or top + height > size[0]:
        raise UsageError(f"--crop {text} is not inside the result of {size[1]}x{size[0]} pixels")
    return Crop(left, top, width, height)
