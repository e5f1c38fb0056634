"""What most programs need: ``upscale``, ``upscale_video``, ``load``, ``models``."""

from __future__ import annotations

import warnings
from numbers import Real
from operator import index
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from srgan.errors import SRGANWarning, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image as PillowImage

    from srgan.inference.upscaler import Upscaler
    from srgan.weights.catalog import Model

P = TypeVar("P", bound="str | PathLike[str]")
T = TypeVar("T", bound="str | PathLike[str] | PillowImage.Image | np.ndarray[Any, Any]")


def upscale(
    image: T,
    model: str | PathLike[str] | Upscaler | None = None,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    long_edge: int | None = None,
    realism: float | None = None,
    output: str | PathLike[str] | None = None,
    overwrite: bool = False,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> T:
    """Enlarge a picture; the result is of the same kind as what was given.

    Args:
        image: one of

            - a path: the result is written beside it (``photo.jpg`` → ``photo_x4.jpg``), or to
              ``output``, and its path comes back. Metadata, transparency, animation and bit
              depth are kept.
            - a Pillow image of any mode; modes that hold no photo come back as RGB or RGBA.
            - a numpy array (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA: uint8, uint16,
              or floating point in [0, 1], a little beyond it clipped; shape and dtype come back
              as given.
        model: a name of :func:`models`, a weights file, or an upscaler from :func:`load`, which
            has its own ``realism``, ``device`` and ``precision``. Default: the model that
            ``srgan models`` marks.
        scale: magnification in (1, 16]. Default 4.
        size: (width, height) of the result instead of ``scale``.
        long_edge: longer side of the result instead of ``scale``.
        realism: 0 (faithful) to 1 (full texture), for models that have the dial; ``srgan``
            and ``srgan-photo`` are at 0.875.
        output: path of the result, for a path.
        overwrite: replace a result that exists.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        precision: ``"auto"``, ``"fp32"``, ``"bf16"`` or ``"int8"``.
        threads: processor threads; default all.

    Raises:
        UsageError: an argument has no meaning.
        ImageRefused: the file is no picture that can be read.
        LimitExceeded: the picture or its result is too large.
        ModelRefused: the model is unknown or damaged.
        OutputFailed: the result exists already or cannot be written.

    Warns:
        SRGANWarning: of a path: what the result's format could not keep, a line for each.
    """
    if output is not None and not isinstance(image, str | PathLike):
        raise UsageError("output goes with a path; what is given in memory comes back in memory")
    shape, scale, long_edge = _shape(size), _real("scale", scale), _whole("long_edge", long_edge)
    upscaler = _opened(model, device, precision, threads, realism)
    if scale is None and size is None and long_edge is None:
        scale = 4.0
    asked = {"scale": scale, "size": shape, "long_edge": long_edge}
    if isinstance(image, np.ndarray):
        return _array(image, upscaler, asked)  # type: ignore[return-value]
    if isinstance(image, str | PathLike):
        from srgan.inference.file import Options, default_output, upscale_file

        source = Path(image)
        options = Options(scale=scale, size=shape, long_edge=long_edge, overwrite=overwrite)
        target = Path(output) if output is not None else default_output(source, options)
        done = upscale_file(source, target, upscaler, options)
        _warn(source, done.notices)
        return type(image)(target) if isinstance(image, str) else target  # type: ignore[return-value]
    from PIL import Image

    if isinstance(image, Image.Image):
        return _pillow(image, upscaler, asked)  # type: ignore[return-value]
    raise UsageError(
        f"a picture is a path, a Pillow image or a numpy array, not {type(image).__name__}"
    )


def upscale_video(
    video: P,
    model: str | PathLike[str] | Upscaler = "fast",
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    long_edge: int | None = None,
    realism: float | None = None,
    output: str | PathLike[str] | None = None,
    codec: str | None = None,
    crf: int | None = None,
    overwrite: bool = False,
    allow_damaged: bool = False,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    progress: Callable[[float, int], None] | None = None,
) -> P:
    """Enlarge a video file; every frame keeps its time, all else is copied as it is.

    Args:
        video: its path.
        model, scale, size, long_edge, realism: as :func:`upscale` takes them.
        output: path of the result, ``.mp4``, ``.m4v``, ``.mov``, ``.mkv`` or ``.webm``. Default:
            beside it, ``clip.mp4`` → ``clip_x4.mp4``; ``.mkv`` where its kind is not written.
        codec: ``"h264"``, ``"hevc"``, ``"av1"``, ``"vp9"`` or ``"ffv1"``. Default: h264; in
            ``.webm``, av1.
        crf: the encoder's quality, lower for better and larger files.
        overwrite: replace a result that exists.
        allow_damaged: take what a damaged file still holds.
        device, precision, threads: as :func:`upscale` takes them.
        progress: told the frames done, with fractions, and how many there are.

    Returns:
        The path of the result, of the type that was given.

    Warns:
        SRGANWarning: what could not be kept or was made up, one for each line that
            ``srgan video`` would print.

    Raises:
        UsageError: an argument has no meaning, or PyAV (``srgan[video]``) is not installed.
        ImageRefused: the file is no video that can be read.
        LimitExceeded: a frame or its result is too large.
        ModelRefused: the model is unknown or damaged.
        OutputFailed: the result exists already or cannot be written.
    """
    from srgan.inference.video.job import VideoOptions, default_output
    from srgan.inference.video.job import upscale_video as run

    source = Path(video)
    options = VideoOptions(
        scale=_real("scale", scale),
        size=_shape(size),
        long_edge=_whole("long_edge", long_edge),
        codec=codec,
        crf=_whole("crf", crf),
        overwrite=overwrite,
        allow_damaged=allow_damaged,
        threads=_whole("threads", threads),
    )
    upscaler = _opened(model, device, precision, threads, realism)
    target = Path(output) if output is not None else default_output(source, options)
    done = run(source, target, upscaler, options, progress=progress)
    _warn(source, done.notices)
    return type(video)(target) if isinstance(video, str) else target  # type: ignore[return-value]


def load(
    name_or_path: str | PathLike[str] | None = None,
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    realism: float | None = None,
    tile: int | str = "auto",
    exact: bool = False,
) -> Upscaler:
    """Open a model or filter and keep it: ``upscaler(image)``, or ``upscale(image, upscaler)``.

    Called directly it takes (H, W, 3) float32 RGB in [0, 1] and returns
    (H * scale, W * scale, 3), not clipped. Several threads may use it, one takes its turn after
    the other, and so may forked processes; one that is spawned loads its own, for it cannot be
    pickled.

    Args:
        name_or_path: a name that :func:`models` lists, or a ``.safetensors`` file. Default: the
            model that ``srgan models`` marks.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        precision: ``"auto"``, ``"fp32"``, ``"bf16"`` or ``"int8"``.
        threads: processor threads; default all.
        realism: 0 (faithful) to 1 (full texture), for models that have the dial; ``srgan``
            and ``srgan-photo`` are at 0.875.
        tile: side of a tile in input pixels, or ``"auto"``: as memory allows.
        exact: overlap tiles so far that they change nothing; slower.

    Raises:
        ModelRefused: the model is unknown or damaged.
        UsageError: an argument has no meaning.
        RuntimeFailed: the device is not there.
    """
    from srgan.inference.open import load as open_model
    from srgan.weights.catalog import DEFAULT

    return open_model(
        DEFAULT if name_or_path is None else Path(name_or_path),
        device=device,
        precision=precision,
        threads=_whole("threads", threads),
        realism=_real("realism", realism),
        tile=tile,
        exact=exact,
    )


def models() -> Sequence[Model]:
    """What there is to choose from, networks first, as plain data."""
    from srgan.weights.catalog import models as catalog

    return catalog()


def _opened(
    model: str | PathLike[str] | Upscaler | None,
    device: str,
    precision: str,
    threads: int | None,
    realism: float | None,
) -> Upscaler:
    if model is None or isinstance(model, str | PathLike):
        return load(model, device=device, precision=precision, threads=threads, realism=realism)
    if not (callable(model) and hasattr(model, "scale")):
        raise UsageError(f"a model is a name, a path or an upscaler, not {type(model).__name__}")
    if realism is not None or (device, precision) != ("auto", "auto"):
        raise UsageError(
            "realism, device and precision are chosen when a model is opened: "
            "give them to srgan.load"
        )
    return model


def _shape(size: tuple[int, int] | None) -> tuple[int, int] | None:
    """(width, height) as (height, width)."""
    if size is None:
        return None
    try:
        width, height = (index(side) for side in size)
    except (TypeError, ValueError):
        raise UsageError(f"size is (width, height) in whole pixels, not {size!r}") from None
    return height, width


def _real(name: str, value: object) -> float | None:
    """An argument that is a number, or is left out; text is none."""
    if value is None:
        return None
    if not isinstance(value, Real):
        raise UsageError(f"{name} is a number, not {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise UsageError(f"{name} is far too large") from None


def _whole(name: str, value: Any) -> int | None:
    """An argument that is a whole number, or is left out."""
    if value is None:
        return None
    try:
        return index(value)
    except TypeError:
        raise UsageError(f"{name} is a whole number, not {value!r}") from None


def _warn(source: Path, notices: Sequence[str]) -> None:
    """Warn of what a result could not keep, at the line that called the public function."""
    from srgan.image.atomic import shown

    for notice in notices:
        warnings.warn(f"{shown(source)}: {notice}", SRGANWarning, stacklevel=3)


def _array(
    image: np.ndarray[Any, Any], upscaler: Upscaler, asked: dict[str, Any]
) -> np.ndarray[Any, Any]:
    from srgan.image.picture import Frame, Metadata, Picture
    from srgan.inference.upscale import target_size, upscale_array, upscale_picture

    image = np.asarray(image)  # np.matrix would stay one through all arithmetic
    shape = image.shape
    if image.ndim not in (2, 3) or (image.ndim == 3 and shape[2] not in (1, 3, 4)):
        raise UsageError(f"an array of shape {shape} is no picture; give (H, W), (H, W, 3 or 4)")
    if 0 in shape:
        raise UsageError(f"an array of shape {shape} has no pixels")
    floating = np.issubdtype(image.dtype, np.floating)
    if floating:
        _check_range(image)
        unit = np.clip(image, 0.0, 1.0).astype(np.float32)
        if image.ndim == 2 or shape[2] != 4:
            flat = unit.reshape(shape[0], shape[1], -1)
            size = target_size(shape[0], shape[1], **asked)
            result = upscale_array(flat, upscaler, size=size)
            return result.reshape(*size, *shape[2:]).astype(image.dtype)
        whole = np.floor(unit * np.float32(65535.0) + np.float32(0.5)).astype(np.uint16)
    elif image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        whole = image.astype(image.dtype.newbyteorder("="), copy=False)
    else:
        raise UsageError(
            f"an array of {image.dtype} is no picture; give uint8, uint16 or floats in [0, 1]"
        )
    if whole.ndim == 2:
        whole = whole[:, :, None]
    colour, alpha = whole, None
    if whole.shape[2] == 4:
        colour, alpha = np.ascontiguousarray(whole[:, :, :3]), np.ascontiguousarray(whole[:, :, 3])
    picture = Picture((Frame(colour, alpha),), Metadata(), "PNG", ())
    size = target_size(shape[0], shape[1], **asked)
    frame = upscale_picture(picture, upscaler, size=size).frames[0]
    out: np.ndarray[Any, Any] = frame.colour
    if frame.alpha is not None:
        out = np.dstack([out, frame.alpha])
    if image.ndim == 2:
        out = out[:, :, 0]
    if floating:
        out = out / np.float64(65535.0)
    return out.astype(image.dtype, copy=False)


def _check_range(image: np.ndarray[Any, Any]) -> None:
    """Refuse floats that are no values in [0, 1]; a filter may have overshot them a little."""
    low, high = float(image.min()), float(image.max())  # NaN comes through both
    if not np.isfinite(low + high):
        raise UsageError("the array holds NaN or infinity")
    if low < -0.5 or high > 1.5:
        raise UsageError(
            f"the array holds values from {low:.3g} to {high:.3g}, but floats are in [0, 1]; "
            "divide them by their peak, such as 255, or give uint8"
        )


def _pillow(
    image: PillowImage.Image, upscaler: Upscaler, asked: dict[str, Any]
) -> PillowImage.Image:
    from srgan.image.pillow import from_pillow, to_pillow
    from srgan.inference.upscale import target_size, upscale_picture

    picture = from_pillow(image)
    size = target_size(picture.height, picture.width, **asked)
    return to_pillow(upscale_picture(picture, upscaler, size=size), info=image.info)
