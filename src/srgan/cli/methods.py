"""Methods as they are named on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from srgan.evaluation.benchmark import Method
    from srgan.inference.upscaler import Upscaler


def methods_of(names: str, scale: int, precision: str = "auto") -> list[Method]:
    """The methods of a list such as ``bicubic,srgan,mine.safetensors``, or of ``all``.

    One that is named and of another scale is measured as ``srgan upscale --scale`` runs it; of
    ``all`` it is none.

    Raises:
        ModelRefused: a name is unknown, or a weights file is damaged.
        UsageError: the precision is unknown.
    """
    from functools import partial
    from hashlib import sha256

    from srgan import __version__
    from srgan.evaluation.benchmark import Method
    from srgan.inference.runtimes import check_names
    from srgan.weights.catalog import models
    from srgan.weights.format import read_header

    check_names(precision=precision)
    quick = [m.name for m in models() if m.kind != "search"]
    given = names.split(",")
    called = labels([*given, *quick])
    chosen = {}
    for name in given:
        for one in quick if name == "all" else [name]:
            path = weights_of(one)
            version = __version__
            if path is not None:
                if name == "all" and read_header(path).scale != scale:
                    continue
                version = sha256(path.read_bytes()).hexdigest()[:12]
                version += f" {precision}" if precision != "auto" else ""
            label = called[one]
            chosen[label] = Method(label, version, partial(_open, one, scale, precision), one)
    return list(chosen.values())


def _open(name: str, scale: int, precision: str) -> Upscaler:
    from srgan.inference.open import load
    from srgan.inference.upscale import AtScale

    upscaler = load(name, scale=scale, precision=precision)
    return upscaler if upscaler.scale == scale else AtScale(upscaler, scale)


def labels(names: Sequence[str]) -> dict[str, str]:
    """What each method is called where results are shown: by its name, or by its weights file's.

    A file that is called as one of ours or as another file, such as two runs'
    ``generator.safetensors``, has its folder before its name.
    """
    from srgan.inference.ensemble import MARK
    from srgan.inference.open import without_mark
    from srgan.weights.catalog import models

    known = {m.name for m in models()}
    singles = {name: without_mark(name) for name in names}
    files = {single: Path(single).absolute() for single, _ in singles.values()}
    found = {}
    for name, (single, eightfold) in singles.items():
        label = single
        if single not in known:
            others = [file for file in files.values() if file != files[single]]
            taken = known.union(*map(_calls, others))
            calls = [*_calls(files[single]), str(Path(single).with_suffix(""))]
            label = next((call for call in calls if call not in taken), calls[-1])
        found[name] = label + (MARK if eightfold else "")
    return found


def _calls(file: Path) -> tuple[str, str]:
    return file.stem, f"{file.parent.resolve().name}/{file.stem}"


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
