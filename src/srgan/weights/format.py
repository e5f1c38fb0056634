"""The weights file: safetensors with a header that describes the network.

The header's ``srgan`` key holds JSON: architecture, its arguments, value range of the output,
and the model card's facts (recipe, data, commit, updates, figures). Reading one runs no code.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from srgan.errors import ModelRefused
from srgan.image.atomic import atomic_file

Tensors = dict[str, NDArray[np.float32]]

CLASSICAL = (
    *("freeman", "scsr", "kim-kwon", "zeyde", "asds", "zou-yuen"),
    *("ne-lle", "ne-nnls", "ne-ls", "gr", "anr", "landmark", "aplus", "forest", "jor"),
)
"""Methods that are fitted, not trained: dictionaries and regressors instead of layers."""

GENERATORS = ("srresnet", "johnson")
"""Those that enlarge RGB, (N, 3, H, W)."""

ARGUMENTS: dict[str, dict[str, tuple[Any, ...] | type]] = {
    "srresnet": {
        **{"scale": int, "channels": int, "blocks": int},
        **{"batch_norm": bool, "direct": bool, "skip": ("none", "bilinear")},
    },
    "johnson": {"scale": int, "channels": int, "blocks": int},
    "espcn": {"scale": int, "channels": int, "residual": bool},
    "srcnn": {"scale": int, "middle": int, "residual": bool},
    "drcn": {"scale": int, "channels": int, "recursions": int},
    "scn": {"scale": int, "atoms": int},
    "cscn": {"scale": int, "atoms": int},
    "fsrcnn": {
        **{"scale": int, "channels": int, "shrunk": int, "mappings": int},
        "residual": bool,
    },
    "eeds": {"scale": int, "channels": int, "residual": bool},
}
"""What a header may say of each architecture: of what type, or one of which values."""

LUMA_ARCHITECTURES = tuple(name for name in ARGUMENTS if name not in GENERATORS)
"""Those that enlarge luma alone, (N, 1, H, W) in [0, 1]; chroma is left to the bicubic filter."""

ARCHITECTURES = (*GENERATORS, *LUMA_ARCHITECTURES, *CLASSICAL)
"""The architectures that a weights file can name."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a weights file says of itself.

    ``output_range`` is the range of the network's raw values, (0, 1) or (-1, 1); users of the
    file always meet [0, 1]. ``card`` holds the model card's facts, free in form.
    """

    architecture: str
    arguments: dict[str, Any]
    scale: int
    output_range: tuple[float, float] = (0.0, 1.0)
    card: dict[str, Any] = field(default_factory=dict)

    def fits(self, other: "Header") -> bool:
        """Whether both are of one network and range, so that their weights can be mixed."""

        def network(header: Header) -> tuple[Any, ...]:
            # Files from before there were direct networks do not say that they are none.
            arguments = {"direct": False} | header.arguments
            return header.architecture, arguments, header.scale, tuple(header.output_range)

        return network(self) == network(other)


def save_weights(path: str | Path, tensors: Mapping[str, NDArray[Any]], header: Header) -> None:
    """Write a weights file whole or not at all.

    Args:
        path: the file to write; an existing one is replaced when the new one is complete.
        tensors: names to arrays, stored as float32.
        header: what the file says of itself.

    Raises:
        OutputFailed: the file cannot be written.
    """
    arrays = {name: np.asarray(array, np.float32, order="C") for name, array in tensors.items()}
    metadata = {"format": "pt", "srgan": json.dumps(asdict(header), sort_keys=True)}
    with atomic_file(path, overwrite=True) as file:
        file.write(save(arrays, metadata=metadata))


def read_header(path: str | Path) -> Header:
    """The header of a weights file, without its tensors.

    Raises:
        ModelRefused: the file is missing, damaged or not one of ours.
    """
    return _parse(path, _open(path).metadata())


def load_weights(path: str | Path) -> tuple[Tensors, Header]:
    """The tensors and header of a weights file.

    Raises:
        ModelRefused: the file is missing, damaged or not one of ours, or holds NaN or infinity.
    """
    file = _open(path)
    header = _parse(path, file.metadata())
    tensors: Tensors = {}
    for name in file.keys():  # noqa: SIM118 - a safetensors file is not iterable
        try:
            stored = file.get_tensor(name)
            if stored.dtype.kind in "biu":
                raise ValueError(f"its values are {stored.dtype}, not floating-point")
            array = np.asarray(stored, dtype=np.float32)
        except (SafetensorError, TypeError, ValueError, AttributeError) as error:
            raise ModelRefused(
                f"{path}: tensor {_shown(name)} cannot be read ({_shown(error)})"
            ) from error
        if not np.isfinite(array).all():
            raise ModelRefused(
                f"{path}: tensor {_shown(name)} holds NaN or infinity; train or fetch it again"
            )
        tensors[name] = array
    return tensors, header


def _open(path: str | Path) -> Any:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - str and Path alike
            raise ModelRefused(f"{path}: is no regular file; name a .safetensors file")
        with open(path, "rb"):  # noqa: PTH123 - safetensors says of any failure that it is not there
            return safe_open(str(path), framework="numpy")
    except FileNotFoundError as error:
        raise ModelRefused(f"{path}: there is no such weights file") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelRefused(
            f"{path}: not a safetensors file that can be read ({_shown(error)}); give a name of "
            "`srgan models`, or the .safetensors file that training or srgan export wrote"
        ) from error


def _parse(path: str | Path, metadata: Mapping[str, str] | None) -> Header:
    text = (metadata or {}).get("srgan")
    if text is None and "state" in (metadata or {}):
        raise ModelRefused(
            f"{path}: is a checkpoint of training, to go on from; a model is the file beside it, "
            "generator.safetensors or best.safetensors"
        )
    if text is None:
        raise ModelRefused(
            f"{path}: has no srgan header; it was not written by srgan, so its network is unknown"
        )
    try:
        fields = json.loads(text)
        fields["output_range"] = tuple(fields["output_range"])
        header = Header(**fields)
        _check(header)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelRefused(f"{path}: its srgan header is damaged ({_shown(error)})") from error
    if header.architecture not in ARCHITECTURES:
        raise ModelRefused(
            f"{path}: architecture {header.architecture!r} is unknown; "
            f"this version knows {', '.join(ARCHITECTURES)}"
        )
    try:
        _check_arguments(header)
        _check_card(header.card)
    except ValueError as error:
        raise ModelRefused(f"{path}: its srgan header makes no sense: {_shown(error)}") from error
    return header


def _check(header: Header) -> None:
    if not isinstance(header.scale, int) or not 1 <= header.scale <= 16:
        raise ValueError(f"a scale of {header.scale!r}")
    if not isinstance(header.arguments, dict) or not isinstance(header.card, dict):
        raise ValueError("arguments and card are no tables")
    if header.output_range not in ((0, 1), (-1, 1)):
        raise ValueError(f"an output range of {header.output_range!r}")


def _check_arguments(header: Header) -> None:
    known = ARGUMENTS.get(header.architecture, {})
    for name, value in header.arguments.items():
        allowed = known.get(name)
        if allowed is None:  # left aside, it would make another picture than the network's
            raise ValueError(f"{header.architecture} has no argument {name!r} in this version")
        fits = type(value) is allowed if isinstance(allowed, type) else value in allowed
        if not fits:
            raise ValueError(f"{name} = {value!r}")
    if header.arguments.get("scale", header.scale) != header.scale:
        raise ValueError(f"two scales, {header.arguments['scale']} and {header.scale}")


def _check_card(card: dict[str, Any]) -> None:
    """Refuse what could be used only with an error; the rest of a card is free in form."""
    margin, precisions = card.get("tile_margin", 0), card.get("precisions", [])
    if type(margin) is not int or margin < 0:
        raise ValueError(f"tile_margin = {margin!r}")
    if not isinstance(precisions, list):
        raise ValueError(f"precisions = {precisions!r}")
    ranges = card.get("activation_ranges", {})
    if not isinstance(ranges, dict):
        raise ValueError(f"activation_ranges = {ranges!r}")
    for name, span in ranges.items():
        pair = isinstance(span, list) and len(span) == 2
        if not (pair and all(isinstance(end, int | float) for end in span)):
            raise ValueError(f"activation_ranges: {name} = {span!r}")


def _shown(value: object) -> str:
    """Text of a file that may be hostile, as one short printable line."""
    text = " ".join(str(value).split())
    return (text if text.isprintable() else ascii(text))[:200]
