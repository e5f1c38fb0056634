"""Fitted methods in weights files: the same self-describing format as the networks'."""

from typing import Any

from srgan.classical import anchored, anr, zeyde
from srgan.classical.luma import LumaUpscaler
from srgan.errors import ModelRefused
from srgan.weights.format import Header, Tensors

_KEYS = {
    "zeyde": ("components", "low", "high"),
    "anr": ("components", "low", "high"),
    "aplus": ("components", "atoms", "regressors"),
}


def pack_dictionaries(
    method: str, dictionaries: zeyde.Dictionaries, card: dict[str, Any]
) -> tuple[Tensors, Header]:
    """What a weights file of ``"zeyde"`` or ``"anr"`` holds; ANR's regressors follow from it."""
    tensors = {
        "components": dictionaries.components,
        "low": dictionaries.low,
        "high": dictionaries.high,
    }
    return tensors, Header(method, {}, dictionaries.scale, card=card)


def pack_anchors(anchors: anchored.Anchors, card: dict[str, Any]) -> tuple[Tensors, Header]:
    """What a weights file of ``"aplus"`` holds."""
    tensors = {
        "components": anchors.components,
        "atoms": anchors.atoms,
        "regressors": anchors.regressors,
    }
    return tensors, Header("aplus", {}, anchors.scale, card=card)


def open_classical(tensors: Tensors, header: Header) -> LumaUpscaler:
    """The method of a weights file, ready to enlarge.

    Raises:
        ModelRefused: the tensors do not fit the header.
    """
    keys = _KEYS[header.architecture]
    if sorted(tensors) != sorted(keys):
        raise ModelRefused(
            f"a file of {header.architecture} holds {', '.join(keys)}, "
            f"not {', '.join(sorted(tensors)) or 'nothing'}; fit it again"
        )
    components, low, last = (tensors[k] for k in keys)
    size = (3 * header.scale) ** 2
    fits = components.ndim == low.ndim == 2 and components.shape == (4 * size, low.shape[0])
    if header.architecture == "aplus":
        fits = fits and last.shape == (low.shape[1], low.shape[0], size)
    else:
        fits = fits and last.shape == (size, low.shape[1])
    if not fits:
        raise ModelRefused(f"the tensors of {header.architecture} do not fit each other")
    if header.architecture == "aplus":
        return anchored.upscaler(anchored.Anchors(header.scale, components, low, last))
    dictionaries = zeyde.Dictionaries(header.scale, components, low, last)
    if header.architecture == "zeyde":
        return zeyde.upscaler(dictionaries)
    return anchored.upscaler(anr.anchors(dictionaries))
