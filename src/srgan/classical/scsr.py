"""Sparse coding with coupled dictionaries (Yang, Wright, Huang and Ma 2010).

"Image Super-Resolution via Sparse Representation". One code, with an L1 penalty, explains the
gradients of the enlarged patch by the LR dictionary and gives the HR patch by the other. The
dictionaries double a picture; factors beyond are reached by doubling again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.classical.backprojection import back_projected, resized
from srgan.classical.lasso import lasso
from srgan.classical.luma import LumaUpscaler
from srgan.errors import DataRefused
from srgan.image.colour import luma

Float = NDArray[np.float32]

SIDE = 5
ROUNDS = 40
LEARNING_PENALTY = 0.15
PENALTY = 0.2
_CONTRAST = 1.2
_LEAST_VARIANCE = 10.0
_MOST = 100_000
_AT_ONCE = 20_000
_PART = 16_384


@dataclass(frozen=True, slots=True)
class Coupled:
    """``low`` (100, K) of unit length, ``high`` (25, K)."""

    scale: int
    low: Float
    high: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        return (
            self.low.ndim == self.high.ndim == 2
            and len(self.low) == 4 * SIDE**2
            and len(self.high) == SIDE**2
            and self.low.shape[1] == self.high.shape[1]
        )


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    size: int = 1024,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Coupled:
    """Learn from a folder's pictures; the paper has the 91 of Yang et al.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor that the method will have; what is learned is to double.
        size: atoms.
        seed: chooses the patches.
        progress: told the part that is done.

    Raises:
        DataRefused: the pictures have fewer patches than atoms.
    """
    draw = np.random.default_rng(seed)
    signals = _signals(images, draw)
    if len(signals) < 2 * size:
        raise DataRefused(
            f"the pictures have {len(signals)} patches, too few for {size} atoms; give more of them"
        )
    dictionary = signals[draw.choice(len(signals), size, replace=False)].T.copy()
    # Alternation by parts of the patches (Mairal et al. 2009): old parts are slowly forgotten.
    gram, target = np.zeros((size, size)), np.zeros((len(dictionary), size))
    for number in range(ROUNDS):
        keep = min(len(signals), _AT_ONCE)
        part = signals[draw.choice(len(signals), keep, replace=False)]
        codes = lasso(dictionary, part, LEARNING_PENALTY, rounds=30)
        forget = number / (number + 2)
        gram = forget * gram + codes.T @ codes
        target = forget * target + part.T @ codes
        for atom in range(size):
            if gram[atom, atom] < 1e-6:
                dictionary[:, atom] = signals[draw.integers(len(signals))]
                continue
            moved = (target[:, atom] - dictionary @ gram[:, atom]) / gram[atom, atom]
            moved += dictionary[:, atom]
            dictionary[:, atom] = moved / max(1.0, np.linalg.norm(moved))
        if progress is not None:
            progress((number + 1) / ROUNDS)
    high, low = np.split(dictionary, [SIDE**2])
    lengths = np.linalg.norm(low, axis=0) + 1e-8
    # The stacked parts have weights of their own; each code is for low atoms of length 1.
    return Coupled(scale, low / lengths, high / lengths)


def _signals(images: Sequence[NDArray[np.uint8]], draw: np.random.Generator) -> Float:
    """(N, 125): HR patches without their means, over the enlarged ones' gradients; of length 1."""
    found = []
    share = -(-_MOST // max(1, len(images)))
    for image in images:
        hr = luma(image).astype(np.float32)
        hr = hr[: len(hr) // 2 * 2, : hr.shape[1] // 2 * 2]
        if min(hr.shape) < 2 * SIDE:
            continue
        middle = resized(resized(hr, (len(hr) // 2, hr.shape[1] // 2)), hr.shape)
        high, low = _patches(hr), _gradients(middle)
        varied = np.flatnonzero(high.var(axis=1) > _LEAST_VARIANCE)
        some = draw.choice(varied, min(share, len(varied)), replace=False)
        high = high[some] - high[some].mean(axis=1, keepdims=True)
        low = low[some]
        whole = np.hstack(
            [SIDE * high / _length(high), 2 * SIDE * low / np.maximum(_length(low), 1e-3)]
        )
        found.append(np.asarray(whole / _length(whole), np.float32))
    return np.concatenate(found) if found else np.empty((0, 5 * SIDE**2), np.float32)


def upscaler(learned: Coupled) -> LumaUpscaler:
    """The method, ready to enlarge."""

    def enlarge(y: Float, bicubic: Float) -> Float:
        grown = y
        while len(grown) < len(bicubic):
            grown = _doubled(grown, learned)
        return grown if grown.shape == bicubic.shape else resized(grown, bicubic.shape)

    return LumaUpscaler(learned.scale, enlarge)


def _doubled(lr: Float, learned: Coupled) -> Float:
    height, width = 2 * lr.shape[0], 2 * lr.shape[1]
    middle = resized(lr, (height, width)) * np.float32(255.0)
    if min(height, width) < SIDE:
        return middle / np.float32(255.0)
    patches, gradients = _patches(middle), _gradients(middle)
    means = patches.mean(axis=1, keepdims=True)
    found = np.broadcast_to(means, patches.shape).copy()
    strength = _length(gradients)
    (busy,) = np.nonzero(strength[:, 0] > PENALTY)  # the rest has no code but 0
    for start in range(0, len(busy), _PART):
        rows = busy[start : start + _PART]
        scaled = gradients[rows] / np.maximum(strength[rows], np.float32(1.0))
        codes = lasso(learned.low, np.asarray(scaled, np.float32), PENALTY, rounds=30)
        high = codes @ learned.high.T
        wanted = np.float32(_CONTRAST) * _length(patches[rows] - means[rows])
        found[rows] += high * (wanted / np.maximum(_length(high), 1e-6))
    total = np.zeros((height, width), np.float32)
    count = np.zeros_like(total)
    down, across = height - SIDE + 1, width - SIDE + 1
    for k in range(SIDE**2):
        y, x = divmod(k, SIDE)
        total[y : y + down, x : x + across] += found[:, k].reshape(down, across)
        count[y : y + down, x : x + across] += 1.0
    return back_projected(np.asarray(total / (count * np.float32(255.0)), np.float32), lr)


def _gradients(image: Float) -> Float:
    """(N, 100): first and second derivatives of all patches."""
    padded = np.pad(image, 2, mode="edge")
    inside = slice(2, -2)
    maps = []
    for across in (True, False):
        moved = [
            padded[inside, 2 + k : padded.shape[1] - 2 + k]
            if across
            else padded[2 + k : len(padded) - 2 + k, inside]
            for k in (-2, -1, 0, 1, 2)
        ]
        maps += [moved[3] - moved[1], moved[0] - 2 * moved[2] + moved[4]]
    return np.hstack([_patches(m) for m in maps])


def _patches(image: Float) -> Float:
    windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE))
    return windows.reshape(-1, SIDE**2)


def _length(values: Float) -> Float:
    return np.asarray(np.linalg.norm(values, axis=1, keepdims=True), np.float32)
