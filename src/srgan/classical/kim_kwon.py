"""Sparse kernel ridge regression (Kim and Kwon 2010).

"Single-Image Super-Resolution Using Sparse Regression and Natural Image Prior". From the Laplacian
of the bicubic enlargement, a patch around each pixel, functions of a few basis points shared by all
outputs give a patch of what is missing. Every pixel is so answered many times; linear functions
foretell how wrong each answer is, and the better ones count more.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.classical.patches import drawn
from srgan.errors import DataRefused
from srgan.image.colour import luma
from srgan.image.resize import imresize

Float = NDArray[np.float32]

SEEN = {2: 7, 3: 9, 4: 13}
"""Side of the patch that is looked at, by the factor."""
SIDE = 5
"""Side of the patch that is answered."""
BASIS = 300
SAMPLES = 200_000
PASSES = 40
"""How often the points move by each patch."""

_RIDGE = 1e-6
_TRUST = np.float32(255.0 / 3.0)
_WIDTH = 0.5
_RATE = 0.1
_PART = 2000
_BATCH = 8192
_LEARN_ANEW = 20


@dataclass(frozen=True, slots=True)
class Kernels:
    """``basis`` (K, M²), ``width`` (1,) of the kernel; ``answers`` (K, 25) and ``errors``
    (M² + 1, 25), the last row a constant.
    """

    scale: int
    basis: Float
    width: Float
    answers: Float
    errors: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        seen = SEEN.get(self.scale, 0) ** 2
        return (
            self.basis.ndim == 2
            and self.basis.shape[1] == seen > 0
            and self.width.shape == (1,)
            and float(self.width[0]) > 0
            and self.answers.shape == (len(self.basis), SIDE**2)
            and self.errors.shape == (seen + 1, SIDE**2)
        )


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    samples: int = SAMPLES,
    basis: int = BASIS,
    passes: int = PASSES,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Kernels:
    """Learn from a folder's pictures.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor to be learned, 2, 3 or 4.
        samples: patches at most; 200,000 of x4 take 160 MB.
        basis: points.
        passes: how often the points move by each patch.
        seed: chooses patches and the points to begin with.
        progress: told the part that is done.

    Raises:
        DataRefused: the pictures have too few patches.
    """
    draw = np.random.default_rng(seed)
    seen, missing = _samples(images, scale, samples, draw)
    if len(seen) < 2 * basis:
        raise DataRefused(
            f"{len(seen)} patches are too few for {basis} basis points; "
            "give more pictures or samples"
        )
    rounds = max(1, passes * len(seen) // _PART)
    contrast = np.einsum("nd,nd->n", seen, seen).astype(np.float64)
    contrast += 1e-12  # flat pictures
    points = seen[draw.choice(len(seen), basis, replace=False, p=contrast / contrast.sum())]
    width = np.array([_WIDTH * np.median(_apart(points, points)) + 1e-6], np.float32)
    answers = np.zeros((basis, SIDE**2), np.float32)
    errors = np.zeros((seen.shape[1] + 1, SIDE**2), np.float32)
    learned = _moved(
        Kernels(scale, points, width, answers, errors), seen, missing, rounds, draw, progress
    )
    learned = replace(learned, answers=_answers(learned, seen, missing))
    return replace(learned, errors=_errors(learned, seen, missing))


def _moved(
    learned: Kernels,
    seen: Float,
    missing: Float,
    rounds: int,
    draw: np.random.Generator,
    progress: Callable[[float], None] | None,
) -> Kernels:
    """The points moved down the gradient of what is left of some patches (Adam).

    The answers are now and then made the best for where the points have come to.
    """
    mean, square = np.zeros_like(learned.basis), np.zeros_like(learned.basis)
    unit = np.float32(_RATE * np.abs(learned.basis).mean())
    for number in range(rounds):
        if number % _LEARN_ANEW == 0:
            rows = draw.choice(len(seen), min(len(seen), 10 * _PART), replace=False)
            learned = replace(learned, answers=_answers(learned, seen[rows], missing[rows]))
        rows = draw.choice(len(seen), min(len(seen), _PART), replace=False)
        kernels = _kernels(learned, seen[rows])
        left = kernels @ learned.answers - missing[rows]
        pull = kernels * (left @ learned.answers.T)
        slope = pull.T @ seen[rows] - pull.sum(axis=0)[:, None] * learned.basis
        slope /= np.float32(np.square(left).sum() + 1e-12) * learned.width
        mean += np.float32(0.1) * (slope - mean)
        square += np.float32(0.01) * (np.square(slope) - square)
        step = mean / np.float32(1 - 0.9 ** (number + 1))
        step /= np.sqrt(square / np.float32(1 - 0.99 ** (number + 1))) + np.float32(1e-12)
        rate = unit * np.float32(1 - number / rounds)
        learned = replace(learned, basis=learned.basis - rate * step)
        if progress is not None:
            progress((number + 1) / rounds)
    return learned


def _samples(
    images: Sequence[NDArray[np.uint8]], scale: int, most: int, draw: np.random.Generator
) -> tuple[Float, Float]:
    """(N, M²) of the Laplacian and (N, 25) of what is missing."""
    seen = [np.empty((0, SEEN[scale] ** 2), np.float32)]
    missing = [np.empty((0, SIDE**2), np.float32)]
    share = -(-most // max(1, len(images)))
    cut = (SEEN[scale] - SIDE) // 2
    for image in images:
        hr = luma(image).astype(np.float32) / np.float32(255.0)
        hr = hr[: len(hr) // scale * scale, : hr.shape[1] // scale * scale]
        if min(hr.shape) < 2 * SEEN[scale]:
            continue
        lr = imresize(hr, scale=1.0 / scale)
        enlarged = np.asarray(imresize(lr, scale=scale), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view
        low = windows(_laplacian(enlarged), (SEEN[scale], SEEN[scale]))
        high = windows((hr - enlarged)[cut:-cut, cut:-cut], (SIDE, SIDE))
        some = drawn(low.shape, share, draw)
        seen.append(low[some].reshape(-1, SEEN[scale] ** 2))
        missing.append(high[some].reshape(-1, SIDE**2))
    return np.concatenate(seen)[:most], np.concatenate(missing)[:most]


def _laplacian(image: Float) -> Float:
    padded = np.pad(image, 1, mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return np.asarray(around - 4 * image, np.float32)


def _apart(vectors: Float, points: Float) -> Float:
    lengths = np.einsum("nd,nd->n", vectors, vectors)[:, None]
    return np.asarray(
        np.maximum(lengths - 2 * (vectors @ points.T) + np.square(points).sum(axis=1), 0),
        np.float32,
    )


def _kernels(learned: Kernels, seen: Float) -> Float:
    return np.asarray(np.exp(-_apart(seen, learned.basis) / learned.width), np.float32)


def _answers(learned: Kernels, seen: Float, missing: Float) -> Float:
    """The ridge regression from kernels to what is missing."""
    parts = (_kernels(learned, part) for part in _batches(seen))
    return _regression(parts, _batches(missing), len(seen))


def _errors(learned: Kernels, seen: Float, missing: Float) -> Float:
    """The regression from a patch to how wrong each answer is."""
    wrong = (
        np.abs(_kernels(learned, part) @ learned.answers - wanted)
        for part, wanted in zip(_batches(seen), _batches(missing), strict=True)
    )
    return _regression((_with_one(part) for part in _batches(seen)), wrong, len(seen))


def _regression(features: Iterable[Float], wanted: Iterable[Float], count: int) -> Float:
    """Least squares with a ridge, of ``count`` rows that come in batches."""
    system, target = np.zeros(()), np.zeros(())
    for part, goal in zip(features, wanted, strict=True):
        system = system + (part.T @ part).astype(np.float64)
        target = target + (part.T @ goal).astype(np.float64)
    system = system + _RIDGE * count * np.eye(len(system))
    return np.asarray(np.linalg.solve(system, target), np.float32)


def _batches(values: Float) -> Iterator[Float]:
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))


def _with_one(values: Float) -> Float:
    """Absolute values, beside a constant: an edge is as uncertain as its negative."""
    return np.column_stack([np.abs(values), np.ones(len(values), np.float32)])


def upscaler(learned: Kernels) -> LumaUpscaler:
    """The method, ready to enlarge."""

    def enlarge(_: Float, bicubic: Float) -> Float:
        return bicubic + _details(learned, bicubic)

    return LumaUpscaler(learned.scale, enlarge)


def _details(learned: Kernels, bicubic: Float) -> Float:
    height, width = bicubic.shape
    side = SEEN[learned.scale]
    reach, out = side // 2, SIDE // 2
    # Patches about pixels outside answer for those inside too.
    band = np.pad(_laplacian(bicubic), reach + out, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(band, (side, side))
    total = np.zeros((height + 4 * out, width + 4 * out), np.float32)
    weight = np.zeros_like(total)
    rows = max(1, _BATCH // windows.shape[1])
    for top in range(0, len(windows), rows):
        seen = windows[top : top + rows]
        shape = seen.shape[:2]
        seen = seen.reshape(-1, side**2)
        found = (_kernels(learned, seen) @ learned.answers).reshape(*shape, -1)
        wrong = np.clip(_with_one(seen) @ learned.errors, 0, 1)  # or no answer were trusted
        trust = np.exp(-_TRUST * wrong).reshape(*shape, -1)
        for k in range(SIDE**2):
            y, x = divmod(k, SIDE)
            place = np.s_[top + y : top + y + shape[0], x : x + shape[1]]
            total[place] += trust[..., k] * found[..., k]
            weight[place] += trust[..., k]
    inside = np.s_[2 * out : 2 * out + height, 2 * out : 2 * out + width]
    return np.asarray(total[inside] / weight[inside], np.float32)
