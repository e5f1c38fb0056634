"""What most programs need: ``upscale``, ``upscale_video``, ``load``, ``models``."""

from __future__ import annotations

import warnings
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from srgan import arguments
from srgan.arguments import in_python, told_in_python
from srgan.errors import SRGANWarning, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from PIL import Image as PillowImage

    from srgan.inference.upscaler import Upscaler
    from srgan.weights.catalog import Model

P = TypeVar("P", bound="str | PathLike[str]")
T = TypeVar("T", bound="str | PathLike[str] | PillowImage.Image | np.ndarray[Any, Any]")


@told_in_python()
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
    max_input_mp: float | None = None,
    max_output_mp: float | None = None,
    max_frames: int | None = None,
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
            - a Pillow image of any mode but I and F, whose 32 bits have no fixed range; modes
              that hold no photo come back as RGB or RGBA.
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
        max_input_mp, max_output_mp: megapixels of the largest file taken and of the largest
            result made of one, all frames together. Default 64 and 1200.
        max_frames: frames of the longest animation, or pages of the longest TIFF. Default 300.
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
    if not isinstance(image, str | PathLike):
        if output is not None:
            raise UsageError(
                "output goes with a path; what is given in memory comes back in memory"
            )
        if (max_input_mp, max_output_mp, max_frames) != (None, None, None):
            raise UsageError("limits are for files; what is given in memory has none")
    if threads is not None and not (model is None or isinstance(model, str | PathLike)):
        raise UsageError("threads are chosen when a model is opened: give them to srgan.load")
    limits = arguments.limits(max_input_mp, max_output_mp, max_frames)
    overwrite = arguments.switch("overwrite", overwrite)
    shape, scale = arguments.shape(size), arguments.real("scale", scale)
    long_edge = arguments.whole("long_edge", long_edge)
    upscaler = _opened(model, device, precision, threads, realism)
    if scale is None and size is None and long_edge is None:
        scale = 4.0
    asked = {"scale": scale, "size": shape, "long_edge": long_edge}
    if isinstance(image, str | PathLike):
        from srgan.inference.file import Options, default_output, upscale_file

        source = arguments.path("a picture", image)
        options = Options(
            scale=scale, size=shape, long_edge=long_edge, overwrite=overwrite, limits=limits
        )
        target = _target(output) or default_output(source, options)
        done = upscale_file(source, target, upscaler, options)
        _warn(source, done.notices)
        return type(image)(target) if isinstance(image, str) else target  # type: ignore[return-value]
    import numpy as np
    from PIL import Image

    if isinstance(image, np.ndarray):
        return _array(image, upscaler, asked)  # type: ignore[return-value]
    if isinstance(image, Image.Image):
        return _pillow(image, upscaler, asked)  # type: ignore[return-value]
    raise UsageError(
        f"a picture is a path, a Pillow image or a numpy array, not {type(image).__name__}"
        f"{_way_out(image)}"
    )


@told_in_python()
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
    max_input_mp: float | None = None,
    max_output_mp: float | None = None,
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
        max_input_mp, max_output_mp: megapixels of the largest frame taken and of the largest
            made. Default 64 and 1200.
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

    source = arguments.path("a video", video)
    if progress is not None and not callable(progress):
        raise UsageError(f"progress is a function of two numbers, not {type(progress).__name__}")
    options = VideoOptions(
        scale=arguments.real("scale", scale),
        size=arguments.shape(size),
        long_edge=arguments.whole("long_edge", long_edge),
        codec=codec,
        crf=arguments.whole("crf", crf),
        overwrite=arguments.switch("overwrite", overwrite),
        allow_damaged=arguments.switch("allow_damaged", allow_damaged),
        threads=arguments.whole("threads", threads),
        limits=arguments.limits(max_input_mp, max_output_mp),
    )
    upscaler = _opened(model, device, precision, threads, realism)
    target = _target(output) or default_output(source, options)
    done = run(source, target, upscaler, options, progress=progress)
    _warn(source, done.notices)
    return type(video)(target) if isinstance(video, str) else target  # type: ignore[return-value]


@told_in_python()
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
    the other, and so may forked processes, whose results may differ by a few levels of 8 bits:
    there ONNX Runtime in fp32 goes on where OpenVINO had bf16. One that is spawned loads its own,
    for it cannot be pickled.

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
        DEFAULT if name_or_path is None else arguments.path("a model", name_or_path),
        device=device,
        precision=precision,
        threads=arguments.whole("threads", threads),
        realism=arguments.real("realism", realism),
        tile=tile if isinstance(tile, str) else arguments.whole("tile", tile) or 0,
        exact=arguments.switch("exact", exact),
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
    arguments.upscaler(model)
    if realism is not None or (device, precision) != ("auto", "auto"):
        raise UsageError(
            "realism, device and precision are chosen when a model is opened: "
            "give them to srgan.load"
        )
    return model


def _target(output: str | PathLike[str] | None) -> Path | None:
    return None if output is None else arguments.path("output", output)


def _way_out(image: object) -> str:
    """What turns something that is often given into a picture."""
    if isinstance(image, bytes | bytearray | memoryview):
        return "; of a file's bytes, give PIL.Image.open(io.BytesIO(them))"
    if hasattr(image, "read"):
        return "; of an open file, give PIL.Image.open(it)"
    if isinstance(image, list | tuple) or hasattr(image, "__array__"):
        return "; numpy.asarray makes an array of it"
    return ""


def _warn(source: Path, notices: Sequence[str]) -> None:
    """Warn of what a result could not keep, at the line that called the public function."""
    from srgan.image.atomic import shown

    for notice in notices:
        # Behind this function, the public one and what tells its errors in Python's words.
        warnings.warn(f"{shown(source)}: {in_python(notice)}", SRGANWarning, stacklevel=4)


def _array(
    image: np.ndarray[Any, Any], upscaler: Upscaler, asked: dict[str, Any]
) -> np.ndarray[Any, Any]:
    import numpy as np

    from srgan.image.picture import Frame, Metadata, Picture
    from srgan.inference.upscale import target_size, upscale_array, upscale_picture

    image = np.asarray(image)  # np.matrix would stay one through all arithmetic
    shape = image.shape
    if image.ndim not in (2, 3) or (image.ndim == 3 and shape[2] not in (1, 3, 4)):
        first = image.ndim == 3 and shape[0] in (1, 3, 4)
        mend = "; image.transpose(1, 2, 0) puts the channels last" if first else ""
        raise UsageError(
            f"an array of shape {shape} is no picture; give (H, W), (H, W, 3 or 4){mend}"
        )
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
    if not isfinite(low + high):
        raise UsageError("the array holds NaN or infinity; numpy.nan_to_num replaces them")
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

    if 0 in image.size:
        raise UsageError("the Pillow image has no pixels")
    picture = from_pillow(image)
    size = target_size(picture.height, picture.width, **asked)
    return to_pillow(upscale_picture(picture, upscaler, size=size), info=image.info)
