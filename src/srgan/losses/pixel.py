"""Losses between pixels: MSE, L1, luma, artefacts, consistency, grid, overshoot, variation."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Distance = Literal["mse", "l1"]

# MATLAB's luma of RGB in [0, 1], as in srgan.image.colour, but for its offset of 16 / 255.
LUMA = (65.481 / 255.0, 128.553 / 255.0, 24.966 / 255.0)


def distance(a: Tensor, b: Tensor, kind: Distance) -> Tensor:
    """Mean squared or absolute difference, a scalar in float32; MSE is equation 4 of the paper."""
    difference = a.float() - b.float()
    return difference.abs().mean() if kind == "l1" else difference.square().mean()


def luma_distance(a: Tensor, b: Tensor, kind: Distance) -> Tensor:
    """The same between the luma (BT.601, full swing 219/255) of (N, 3, H, W), a scalar."""
    # Numbers, no tensor of them: a GPU would be waited for to take it.
    red, green, blue = (a.float() - b.float()).unbind(1)
    difference = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return difference.abs().mean() if kind == "l1" else difference.square().mean()


def total_variation(sr: Tensor) -> Tensor:
    """Sum of squared steps between neighbours of (N, C, H, W), mean over N (Aly 2005)."""
    rows = (sr[:, :, 1:] - sr[:, :, :-1]).square().sum()
    columns = (sr[:, :, :, 1:] - sr[:, :, :, :-1]).square().sum()
    return (rows + columns) / sr.shape[0]


def artefact_loss(sr: Tensor, hr: Tensor, averaged_sr: Tensor) -> Tensor:
    """Locally discriminative learning (Liang et al. 2022, https://arxiv.org/abs/2203.09195).

    Punishes detail that varies wildly and that the averaged generator gets nearer to ``hr``:
    an L1 loss, weighted by the variance of the residual in the whole crop and around each pixel.

    Args:
        sr, hr, averaged_sr: (N, 3, H, W) in [0, 1]; ``averaged_sr`` from the averaged generator.
    """
    with torch.no_grad():
        residual = (hr - sr).abs().sum(1, keepdim=True)
        averaged = (hr - averaged_sr).abs().sum(1, keepdim=True)
        around = F.pad(residual, (3, 3, 3, 3), mode="reflect")
        mean = F.avg_pool2d(around, 7, stride=1)
        # Bessel's correction: 49 samples.
        local = (F.avg_pool2d(around.square(), 7, stride=1) - mean.square()).clamp(min=0) * 49 / 48
        weight = residual.var((1, 2, 3), keepdim=True) ** 0.2 * local
        weight.masked_fill_(residual < averaged, 0.0)  # no index, which a GPU would wait for
    return (weight * (sr - hr)).abs().mean()


def consistency_loss(sr: Tensor, lr: Tensor, matrix: Tensor) -> Tensor:
    """L1 between the shrunk result and the clean LR picture.

    Args:
        sr: (N, 3, H, W) in [0, 1].
        lr: (N, 3, H / scale, W / scale) in [0, 1].
        matrix: (H / scale, H), the bicubic downscale of a side; the crop's outer two LR pixels,
            which see beyond the crop, are not compared.
    """
    small = matrix @ sr @ matrix.T
    return (small - lr)[:, :, 2:-2, 2:-2].abs().mean()


def overshoot_loss(sr: Tensor, hr: Tensor, lr: Tensor, small: Tensor) -> Tensor:
    """The rims that sharpening left in LR and that the result has too.

    A rim goes beyond the values that the original has nearby: within a LR pixel. Where LR has none,
    the result may go beyond them as it likes, as detail does that is not quite in its place.

    Args:
        sr, hr: (N, 3, H, W) in [0, 1].
        lr, small: (N, 3, H / scale, W / scale) in [0, 1], what SR was made of and ``hr`` shrunk.
            The outer two LR pixels, which in ``lr`` alone see beyond the crop, do not count.

    Returns:
        Mean distance of ``sr`` from the range of each channel nearby, float32; where ``lr`` is by
        0.06 beyond its own, half of that distance counts, and more where it is further.
    """
    scale = hr.shape[-1] // lr.shape[-1]
    with torch.no_grad():
        rim = _highest((lr.float() - _within(lr, small, 1)).abs(), 1) ** 4
        counts = F.interpolate(rim / (rim + _RIM**4), scale_factor=scale, mode="nearest")
    beyond = sr.float() - _within(sr, hr, scale)
    outer = 2 * scale
    return (counts * beyond).abs()[:, :, outer:-outer, outer:-outer].mean()


_RIM = 0.06
"""So 31 of a hundred places count of a sharpened photo, 14 after noise of 8, 8 after JPEG 70."""


def _within(image: Tensor, original: Tensor, radius: int) -> Tensor:
    """An image cut to the values that another has in the square of a radius around each pixel."""
    with torch.no_grad():
        low, high = -_highest(-original.float(), radius), _highest(original.float(), radius)
    return image.float().clamp(low, high)


def _highest(image: Tensor, radius: int) -> Tensor:
    """The highest value in the square around each pixel of (N, C, H, W)."""
    side = 2 * radius + 1
    rows = F.max_pool2d(image, (side, 1), stride=1, padding=(radius, 0))
    return F.max_pool2d(rows, (1, side), stride=1, padding=(0, radius))


def grid_loss(sr: Tensor, hr: Tensor, *, scale: int = 4, around: int = 8) -> Tensor:
    """What the error repeats from one LR pixel to the next: a grid.

    Sub-pixel layers make each of the ``scale * scale`` places of a LR pixel with weights of its
    own. A perceptual loss lets them differ, for any high frequency looks more like texture than
    none. Real texture has no fixed place: its mean over some LR pixels is the same at each.

    Args:
        sr, hr: (N, 3, H, W) in [0, 1], sides multiples of ``scale``.
        around: over how many LR pixels, in both directions, the error of a place is averaged.

    Returns:
        Mean absolute difference between the places' errors and the mean of all, float32.
    """
    places = F.pixel_unshuffle(sr.float() - hr.float(), scale)
    error = F.avg_pool2d(places, around, stride=1)
    error = error.reshape(len(sr), -1, scale * scale, *error.shape[2:])
    return (error - error.mean(2, keepdim=True)).abs().mean()
