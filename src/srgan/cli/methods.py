"""Methods as they are named on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srgan.evaluation.benchmark import Method


def methods_of(names: str, scale: int) -> list[Method]:
    """The methods of a list such as ``bicubic,srgan,mine.safetensors``, or of ``all``.

    Raises:
        ModelRefused: a name is unknown, or a weights file is damaged or of another scale.
    """
    from functools import partial
    from hashlib import sha256

    from srgan import __version__
    from srgan.errors import ModelRefused
    from srgan.evaluation.benchmark import Method
    from srgan.inference.ensemble import MARK
    from srgan.inference.open import load, without_mark
    from srgan.weights.catalog import models
    from srgan.weights.format import read_header

    known = [m.name for m in models()]
    quick = [m.name for m in models() if m.kind != "search"]
    chosen = {}
    for name in names.split(","):
        for one in quick if name == "all" else [name]:
            path = weights_of(one)
            version = __version__
            if path is not None:
                header = read_header(path)
                if header.scale != scale and name == "all":
                    continue
                if header.scale != scale:
                    raise ModelRefused(
                        f"{one}: enlarges x{header.scale}, not x{scale}; leave it out"
                    )
                version = sha256(path.read_bytes()).hexdigest()[:12]
            single, eightfold = without_mark(one)
            label = single if single in known else Path(single).stem
            # Ours stay apart from one's own of that name.
            if single not in known and label in known:
                label = f"{Path(single).resolve().parent.name}/{label}"
            label += MARK if eightfold else ""
            chosen[label] = Method(label, version, partial(load, one, scale=scale), one)
    return list(chosen.values())


def weights_of(name: str) -> Path | None:
    """The weights file of a method; None for one without."""
    from srgan.inference.open import without_mark
    from srgan.weights.catalog import models, weights_file

    name, _ = without_mark(name)
    path = Path(name)
    if path.suffix == ".safetensors":
        return path
    kinds = {m.name: m.kind for m in models()}
    return None if kinds.get(name) in ("filter", "search") else weights_file(name)
