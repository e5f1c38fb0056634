"""The classical methods by name: how each is learned from pictures and opened.

A new method that learns is a file beside this one and a row in :data:`METHODS`; its name is added
to :data:`srgan.weights.format.CLASSICAL`. What it learns is a frozen dataclass of ``scale`` and
arrays, which a weights file holds by their names. One that has nothing to learn is a row in
:data:`UNLEARNED`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srgan.classical import (
    allebach_wong,
    anchored,
    anr,
    aplus,
    asds,
    forest,
    freeman,
    glasner,
    gr,
    gradient_profile,
    jor,
    kim_kwon,
    landmark,
    ne_lle,
    ne_ls,
    ne_nnls,
    nedi,
    scsr,
    selfex,
    subspaces,
    tai,
    zeyde,
    zhang,
    zou_yuen,
)
from srgan.classical.luma import LumaUpscaler
from srgan.errors import ModelRefused
from srgan.weights.format import Header, Tensors

Pictures = Sequence[NDArray[np.uint8]]
Progress = Callable[[float], None]

_SAMPLES = 2_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """What a fit may be told: the factor, atoms of a dictionary, patches at most, the seed.

    ``samples`` of None are 2 million, and for ``freeman``, ``kim-kwon``, ``asds`` and ``jor`` the
    200,000 that they say themselves. ``discriminative`` is how much the ``classes`` of the pictures
    count for ``zou-yuen``.
    """

    scale: int = 4
    atoms: int = 1024
    samples: int | None = None
    seed: int = 0
    discriminative: float = 0.0
    classes: Sequence[str] = ()


class Learned(Protocol):
    """What a method learns: ``scale`` and arrays, in a dataclass."""

    @property
    def scale(self) -> int:
        """The factor that it was learned for."""
        ...

    @property
    def fits(self) -> bool:
        """Whether the arrays' shapes belong together."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """A method: the dataclass that it learns, how, and how that enlarges.

    ``margin``: LR pixels around one that decide it; a picture can be enlarged in tiles that
    overlap by it. ``tile``: side in LR pixels of what one tile answers for; the features of 96
    take 50 MB at x4.
    """

    learned: Callable[..., Any]
    fit: Callable[[Pictures, Options, Progress], Any]
    upscaler: Callable[[Any], LumaUpscaler]
    margin: int = 8
    tile: int = 96


def _fit_dictionaries(images: Pictures, options: Options, progress: Progress) -> zeyde.Dictionaries:
    return zeyde.fit(
        images, scale=options.scale, size=options.atoms, seed=options.seed, progress=progress
    )


def _fit_aplus(images: Pictures, options: Options, progress: Progress) -> anchored.Anchors:
    dictionaries = _fit_dictionaries(images, options, lambda done: progress(0.4 * done))
    return aplus.fit(
        images,
        dictionaries,
        samples=options.samples or _SAMPLES,
        seed=options.seed,
        progress=lambda done: progress(0.4 + 0.6 * done),
    )


def _fit_patches(
    fit: Callable[..., Any], most: int, images: Pictures, options: Options, progress: Progress
) -> Any:
    """Fit what learns from at most so many patches and has no other options."""
    return fit(
        images,
        scale=options.scale,
        samples=options.samples or most,
        seed=options.seed,
        progress=progress,
    )


def _fit_landmark(images: Pictures, options: Options, progress: Progress) -> landmark.References:
    return landmark.fit(images, scale=options.scale, progress=progress)


def _fit_zou_yuen(images: Pictures, options: Options, progress: Progress) -> zou_yuen.Relation:
    return zou_yuen.fit(
        images,
        scale=options.scale,
        classes=options.classes,
        discriminative=options.discriminative,
        progress=progress,
    )


def _fit_scsr(images: Pictures, options: Options, progress: Progress) -> scsr.Coupled:
    return scsr.fit(
        images, scale=options.scale, size=options.atoms, seed=options.seed, progress=progress
    )


METHODS = {
    # Where a tile begins, other examples are found: the larger, the fewer beginnings.
    "freeman": Fitted(
        freeman.Examples,
        partial(_fit_patches, freeman.fit, freeman.STORED),
        freeman.upscaler,
        margin=16,
        tile=256,
    ),
    "scsr": Fitted(scsr.Coupled, _fit_scsr, scsr.upscaler, margin=24),
    "kim-kwon": Fitted(
        kim_kwon.Kernels,
        partial(_fit_patches, kim_kwon.fit, kim_kwon.SAMPLES),
        kim_kwon.upscaler,
    ),
    "zeyde": Fitted(zeyde.Dictionaries, _fit_dictionaries, zeyde.upscaler),
    "asds": Fitted(
        subspaces.Subspaces,
        partial(_fit_patches, asds.fit, asds.SAMPLES),
        asds.upscaler,
        margin=16,
        tile=128,
    ),
    # No tile of another picture is as small as what it takes.
    "zou-yuen": Fitted(zou_yuen.Relation, _fit_zou_yuen, zou_yuen.upscaler, margin=0, tile=1024),
    "ne-lle": Fitted(zeyde.Dictionaries, _fit_dictionaries, ne_lle.upscaler),
    "ne-nnls": Fitted(zeyde.Dictionaries, _fit_dictionaries, ne_nnls.upscaler),
    "ne-ls": Fitted(zeyde.Dictionaries, _fit_dictionaries, ne_ls.upscaler),
    "gr": Fitted(zeyde.Dictionaries, _fit_dictionaries, gr.upscaler),
    "anr": Fitted(zeyde.Dictionaries, _fit_dictionaries, anr.upscaler),
    # A tile looks for its own place in the photos: 0.4 GB at x4.
    "landmark": Fitted(landmark.References, _fit_landmark, landmark.upscaler, margin=32, tile=384),
    "aplus": Fitted(anchored.Anchors, _fit_aplus, anchored.upscaler),
    "forest": Fitted(forest.Forest, partial(_fit_patches, forest.fit, _SAMPLES), forest.upscaler),
    "jor": Fitted(jor.Regressors, partial(_fit_patches, jor.fit, jor.STORED), jor.upscaler),
}
"""In the order of the years in which they were published."""


@dataclass(frozen=True, slots=True)
class Unlearned:
    """A method without weights: how it enlarges by a factor, and the tiles that it works in.

    ``tile``: side in LR pixels of what one tile answers for; ``margin`` as of :class:`Fitted`.
    """

    upscaler: Callable[[int], LumaUpscaler]
    tile: int
    margin: int


UNLEARNED = {
    "allebach-wong": Unlearned(allebach_wong.upscaler, tile=96, margin=16),
    "nedi": Unlearned(nedi.upscaler, tile=96, margin=16),
    "gradient-profile": Unlearned(gradient_profile.upscaler, tile=96, margin=16),
    # Like patches are looked for in the whole tile: 0.4 GB at x4.
    "glasner": Unlearned(glasner.upscaler, tile=256, margin=32),
    "tai": Unlearned(tai.upscaler, tile=256, margin=32),
    "zhang": Unlearned(zhang.upscaler, tile=256, margin=32),
    "selfex": Unlearned(selfex.upscaler, tile=256, margin=32),
}


def pack(method: str, learned: Learned, card: dict[str, Any]) -> tuple[Tensors, Header]:
    """What a weights file of a method holds."""
    tensors = {name: getattr(learned, name) for name in _arrays(type(learned))}
    return tensors, Header(method, {}, learned.scale, card=card)


def open_fitted(tensors: Tensors, header: Header) -> LumaUpscaler:
    """The method of a weights file, ready to enlarge.

    Raises:
        ModelRefused: the tensors do not fit the header.
    """
    method = METHODS[header.architecture]
    names = _arrays(method.learned)
    if sorted(tensors) != sorted(names):
        raise ModelRefused(
            f"a file of {header.architecture} holds {', '.join(names)}, "
            f"not {', '.join(sorted(tensors)) or 'nothing'}; fit it again"
        )
    learned = method.learned(header.scale, **tensors)
    if not learned.fits:
        raise ModelRefused(f"the tensors of {header.architecture} do not fit each other")
    return method.upscaler(learned)


def _arrays(learned: Any) -> list[str]:
    return [f.name for f in fields(learned) if f.name != "scale"]
