"""The models and filters that srgan offers, as plain data."""

from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from srgan.errors import ModelRefused
from srgan.weights.format import CLASSICAL, LUMA_ARCHITECTURES, read_header

Kind = Literal["network", "dictionary", "filter", "search"]

DEFAULT = "srgan-photo"
"""The model that is used when nobody names one."""

DIALS = {
    "srresnet": ("srresnet", "srgan"),
    "srgan": ("srresnet", "srgan"),
    "srresnet-photo": ("srresnet-photo", "srgan-photo"),
    "srgan-photo": ("srresnet-photo", "srgan-photo"),
}
"""Whose realism can be chosen: from the first model, at 0, towards and beyond the second."""


@dataclass(frozen=True, slots=True)
class Model:
    """What a user may know of a model before choosing it.

    Attributes:
        name: what :func:`srgan.load` and :func:`srgan.upscale` take.
        kind: a trained network, a fitted dictionary, a fixed filter, or a search in the picture.
        summary: one line for whoever chooses.
        licence: of the weights, an SPDX identifier.
        parameters: how many were trained or fitted; 0 of filters and searches.
        scale: the factor of one run; any other is reached through it.
        luma: whether a network enlarges luma alone, and leaves chroma to the bicubic filter.
        earlier: whether a network is one of before SRResNet, to be compared with rather than used.
        scores: mean Y-PSNR in dB by test set and scale, such as ``{"Set5 x4": 28.42}``.
        perceptual: mean ST-LPIPS by test set and scale; lower is better.
    """

    name: str
    kind: Kind
    summary: str
    licence: str = "Apache-2.0"
    parameters: int = 0
    scale: int = 4
    luma: bool = False
    earlier: bool = False
    scores: dict[str, float] = field(default_factory=dict, hash=False)
    perceptual: dict[str, float] = field(default_factory=dict, hash=False)


FILTERS = (
    Model("nearest", "filter", "repeats pixels"),
    Model("bilinear", "filter", "straight lines between pixels: soft"),
    Model("bicubic", "filter", "Keys' cubic, the literature's baseline", scores={"Set5 x4": 28.42}),
    Model("lanczos2", "filter", "windowed sinc of two lobes"),
    Model("lanczos3", "filter", "windowed sinc of three lobes: sharp, may ring"),
    Model(
        "allebach-wong",
        "filter",
        "straight lines between pixels, never across edges",
        scores={"Set5 x4": 29.17},
    ),
    Model("nedi", "filter", "along edges, not across them", scores={"Set5 x4": 28.33}),
    Model(
        "gradient-profile",
        "filter",
        "edges as sharp as photos have them",
        scores={"Set5 x4": 29.43},
    ),
)

SEARCHES = (
    Model(
        "glasner",
        "search",
        "smaller patches of the same picture, the nine most alike: minutes a photo",
        scores={"Set5 x4": 29.97},
    ),
    Model(
        "tai",
        "search",
        "gradient-profile, and texture from the same picture, smaller: minutes a photo",
        scores={"Set5 x4": 29.30},
    ),
    Model(
        "zhang",
        "search",
        "small dictionaries learned from the picture at five sizes: minutes a photo",
        scores={"Set5 x4": 30.23},
    ),
    Model(
        "selfex",
        "search",
        "like patches of the same picture, smaller: minutes a photo",
        scores={"Set5 x4": 30.25},
    ),
)
"""What has no weights and takes too long for a service."""

NETWORKS = (
    Model(
        "srresnet",
        "network",
        "trained for small pixel errors: faithful, calm, a little soft",
    ),
    Model(
        "srgan",
        "network",
        "trained against a discriminator: sharp, invents plausible texture",
    ),
    Model(
        "srgan-photo",
        "network",
        "for real photos: sharper, without JPEG blocks, noise and slight blur",
    ),
    Model(
        "srresnet-photo",
        "network",
        "for real photos, sharpened ones too: mends them and invents nothing",
    ),
    Model(
        "fast",
        "network",
        "a small network for video and browsers, six times as fast as srresnet",
    ),
    Model(
        "fast-photo",
        "network",
        "fast, for real photos and video: sharper, without blocks and noise",
    ),
    Model(
        "srcnn-9-1-5",
        "network",
        "the first of them, 2014: three layers on luma",
        earlier=True,
    ),
    Model(
        "srcnn-9-5-5",
        "network",
        "SRCNN of 2016 with a wider middle",
        earlier=True,
    ),
    Model(
        "espcn",
        "network",
        "three layers on luma at LR size: fast enough for video",
        earlier=True,
    ),
    Model(
        "fsrcnn",
        "network",
        "FSRCNN: narrow layers at LR size and learnt upscaling, on luma",
        earlier=True,
    ),
    Model(
        "eeds",
        "network",
        "EEDS: a deep and a shallow network with learnt upscaling, summed, on luma",
        earlier=True,
    ),
    Model(
        "drcn-64x9",
        "network",
        "DRCN reduced to 64 channels and 9 recursions",
        earlier=True,
    ),
    Model(
        "scn",
        "network",
        "SCN: sparse coding with 128 atoms, unrolled as layers on luma",
        earlier=True,
    ),
    Model(
        "cscn",
        "network",
        "CSCN: a cascade of two SCN at x2, trained together",
        earlier=True,
    ),
    Model(
        "johnson",
        "network",
        "Johnson et al. of 2016: for features of VGG16 alone; lays a fine grid over all",
        earlier=True,
    ),
    Model(
        "zeyde",
        "dictionary",
        "sparse coding of 2010, fitted on the 91 images of Yang et al.",
    ),
)
"""Those with a file of weights; their figures stand in its header."""

DICTIONARIES = "zeyde"
"""The model whose dictionaries the methods of :data:`DERIVED` work from too."""

DERIVED = tuple(
    Model(name, "dictionary", summary, parameters=197_056, scores={"Set5 x4": score})
    for name, summary, score in (
        ("ne-lle", "a mixture of 24 like patches, its weights summing to 1", 29.61),
        ("ne-nnls", "a mixture of 24 like patches without negative weights", 29.47),
        ("ne-ls", "a mixture of 12 like patches by least squares", 29.61),
        ("gr", "one regression for all patches: the fastest of its kind", 29.36),
        ("anr", "a regression for each of 1024 kinds of patches", 29.70),
    )
)
"""What comes without a file of its own."""


def models() -> tuple[Model, ...]:
    """All that can be used here: the networks whose weights are installed, then the others."""
    shipped = [_described(m) for m in NETWORKS if _shipped(m.name).is_file()]
    derived = DERIVED if _shipped(DICTIONARIES).is_file() else ()
    return (*shipped, *derived, *FILTERS, *SEARCHES)


def _described(model: Model) -> Model:
    """A network with the figures that its weights file carries."""
    header = read_header(_shipped(model.name))
    figures: dict[str, dict[str, float]] = header.card.get("figures", {})
    keyed = {f"{name} x{header.scale}": row for name, row in figures.items()}
    return replace(
        model,
        parameters=header.card.get("parameters", 0),
        scale=header.scale,
        luma=header.architecture in LUMA_ARCHITECTURES,
        scores={name: row["psnr_y"] for name, row in keyed.items() if "psnr_y" in row},
        perceptual={name: row["stlpips"] for name, row in keyed.items() if "stlpips" in row},
    )


def weights_file(name: str) -> Path:
    """The weights file that is shipped for a network; for :data:`DERIVED`, the one they share.

    Raises:
        ModelRefused: there is none of this name; the message lists the names.
    """
    derived = name in {m.name for m in DERIVED}
    path = _shipped(DICTIONARIES if derived else name)
    if name in {m.name for m in (*FILTERS, *SEARCHES)}:
        networks = ", ".join(m.name for m in NETWORKS if m.kind == "network")
        raise ModelRefused(f"{name} has no weights; choose one of {networks}")
    if name in CLASSICAL and name not in {m.name for m in (*NETWORKS, *DERIVED)}:
        raise ModelRefused(
            f"{name} comes without weights; make them with: srgan fit {name} --data PHOTOS "
            f"-o {name}.safetensors, and name that file"
        )
    if name not in {m.name for m in (*NETWORKS, *DERIVED)} or not path.is_file():
        from difflib import get_close_matches  # only who misspelt waits for it

        known = [m.name for m in models()]
        near = "".join(f" ({like}?)" for like in get_close_matches(name.lower(), known, n=1))
        raise ModelRefused(
            f"there is no model {name!r}{near}; choose one of {', '.join(known)}, or give a "
            ".safetensors file"
        )
    return path


def _shipped(name: str) -> Path:
    return Path(str(files("srgan.weights") / "files" / f"{name}.safetensors"))
