"""What a model can bear, measured on photos: the smallest tile margin, bf16 and int8."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.graph import build_graph, reach
from srgan.inference.network import Network
from srgan.inference.open import graph_of
from srgan.inference.runtimes import Precision, native_bf16
from srgan.inference.tiles import as_float, from_float
from srgan.inference.upscaler import Image
from srgan.metrics.psnr import psnr
from srgan.processor import cores
from srgan.weights.format import (
    LUMA_ARCHITECTURES,
    Header,
    Tensors,
    load_weights,
    save_weights,
)

Photo = NDArray[np.uint8]

BF16_CHANGED = 0.001
"""Share of 8-bit samples that bf16 may change by more than one level."""

BF16_COST_DB = 0.01
INT8_COST_DB = 0.1
INT8_LIKENESS_DB = 42.0
"""PSNR against fp32 that int8 must reach."""

MARGIN_LEVELS = 0.002
"""Greatest difference in 8-bit levels that a margin may leave: next to none round otherwise."""

_SIDE = 128


@dataclass(frozen=True, slots=True)
class Precise:
    """A lower precision against fp32.

    ``changed``: share of 8-bit samples that differ by more than one level; ``likeness_db``: PSNR
    against fp32; ``cost_db``: loss of mean Y-PSNR on the references.
    """

    changed: float
    likeness_db: float
    cost_db: float


@dataclass(frozen=True, slots=True)
class Check:
    """What :func:`check` found; it goes into the weights file's card."""

    tile_margin: int
    precisions: list[Precision]
    activation_ranges: dict[str, tuple[float, float]]
    precision_figures: dict[str, Precise] = field(default_factory=dict)


def check(weights: str | Path, *, photos: Sequence[Photo], references: Sequence[Photo]) -> Check:
    """Measure what a model can bear.

    Args:
        weights: a weights file.
        photos: (H, W, 3) LR-like photos, at least 64x64: they give the margin, the ranges of
            activations and the changes of 8-bit values.
        references: HR pictures; shrunk and enlarged again they give the cost in dB.

    Raises:
        UsageError: no photos or references, or one that is too small.
        ModelRefused: the weights cannot be used.
    """
    if not photos or not references:
        raise UsageError("the check needs photos and references; name two folders with pictures")
    if min(min(photo.shape[:2]) for photo in photos) < 64:
        raise UsageError("the check needs photos of at least 64x64 pixels")
    tensors, header = load_weights(weights)
    crops = [as_float(_centre(photo)) for photo in photos]
    # The luma networks are small; they have no int8.
    luma = header.architecture in LUMA_ARCHITECTURES
    ranges = {} if luma else activation_ranges(tensors, header, crops)
    header = replace(header, card={**header.card, "activation_ranges": ranges})
    exact = _network(tensors, header, "fp32")

    figures: dict[str, Precise] = {}
    precisions: list[Precision] = []
    if native_bf16():
        bf16 = compare(_network(tensors, header, "bf16"), exact, crops, references)
        figures["bf16"] = bf16
        if bf16.changed <= BF16_CHANGED and bf16.cost_db <= BF16_COST_DB:
            precisions.append("bf16")
    if ranges:
        int8 = compare(_network(tensors, header, "int8"), exact, crops, references)
        figures["int8"] = int8
        if int8.likeness_db >= INT8_LIKENESS_DB and int8.cost_db <= INT8_COST_DB:
            precisions.append("int8")
    margin = tile_margin(exact, crops, at_most=reach(header))
    return Check(margin, precisions, ranges, figures)


def record(weights: str | Path, found: Check) -> None:
    """Write what was found into the card of the weights file.

    Raises:
        ModelRefused: the weights cannot be used.
        OutputFailed: the file cannot be written.
    """
    tensors, header = load_weights(weights)
    save_weights(weights, tensors, replace(header, card={**header.card, **asdict(found)}))


def activation_ranges(
    tensors: Tensors, header: Header, photos: Sequence[Image]
) -> dict[str, tuple[float, float]]:
    """The least and greatest value that each convolution reads over photos, by its name.

    No average and no percentile: a clipped residual stream ruins the picture.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(
        build_graph(tensors, header, observe=True), providers=["CPUExecutionProvider"]
    )
    names = [out.name for out in session.get_outputs() if out.name != "output"]
    values = np.array(
        [
            session.run(names, {"input": np.ascontiguousarray(photo.transpose(2, 0, 1))[None]})
            for photo in photos
        ]
    )
    ends = dict(zip(names, zip(values.min(axis=0), values.max(axis=0), strict=True), strict=True))
    convolutions = [name.removesuffix(".low") for name in names if name.endswith(".low")]
    return {
        name: (float(ends[f"{name}.low"][0]), float(ends[f"{name}.high"][1]))
        for name in convolutions
    }


def compare(
    lower: Network, exact: Network, photos: Sequence[Image], references: Sequence[Photo]
) -> Precise:
    """A network in a lower precision against the same in fp32."""
    changed, samples, error = 0, 0, 0.0
    for photo in photos:
        a, b = lower(photo), exact(photo)
        changed += int((np.abs(_levels(a) - _levels(b)) > 1).sum())
        samples += a.size
        error += float(np.square(a - b, dtype=np.float64).sum())
    costs = [_score(exact, hr) - _score(lower, hr) for hr in references]
    likeness = -10.0 * np.log10(max(error / samples, 1e-12))
    return Precise(changed / samples, float(likeness), float(np.mean(costs)))


def tile_margin(network: Network, photos: Sequence[Image], *, at_most: int) -> int:
    """The smallest margin in LR pixels, a multiple of 4, at which tiles show no seam in 8 bits."""
    wholes = [network(photo) for photo in photos]
    for margin in range(4, at_most, 4):
        worst = max(_seam(network, p, w, margin) for p, w in zip(photos, wholes, strict=True))
        if worst * 255.0 <= MARGIN_LEVELS:
            return margin
    return at_most


def _seam(network: Network, photo: Image, whole: Image, margin: int) -> float:
    """The greatest error of the upper left and lower right quarter, each enlarged alone."""
    scale = network.scale
    y, x = photo.shape[0] // 2, photo.shape[1] // 2
    first = network(photo[: y + margin, : x + margin])[: y * scale, : x * scale]
    top, left = max(0, y - margin), max(0, x - margin)
    last = network(photo[top:, left:])[(y - top) * scale :, (x - left) * scale :]
    return float(
        max(
            np.abs(first - whole[: y * scale, : x * scale]).max(),
            np.abs(last - whole[y * scale :, x * scale :]).max(),
        )
    )


def _score(network: Network, hr: Photo) -> float:
    scale = network.scale
    hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
    lr = imresize(hr, scale=1.0 / scale)
    sr = from_float(network(as_float(lr)), np.dtype(np.uint8))
    return psnr(luma(sr), luma(hr), data_range=255, border=scale)


def _network(tensors: Tensors, header: Header, precision: Precision) -> Network:
    return Network(
        lambda asked: graph_of(tensors, header, asked),
        scale=header.scale,
        device="cpu",
        precision=precision,
        threads=cores(),
    )


def _levels(image: Image) -> NDArray[np.int16]:
    return from_float(image, np.dtype(np.uint8)).astype(np.int16)


def _centre(photo: Photo) -> Photo:
    top = max(0, photo.shape[0] - _SIDE) // 2
    left = max(0, photo.shape[1] - _SIDE) // 2
    return photo[top : top + _SIDE, left : left + _SIDE]
