"""What an export writes, and under which name."""

from pathlib import Path
from typing import Literal, get_args

from srgan.errors import UsageError
from srgan.inference.open import find_weights
from srgan.weights.format import read_header

Kind = Literal["onnx", "ncnn", "safetensors"]

_SUFFIXES: dict[str, Kind] = {
    ".onnx": "onnx",
    ".param": "ncnn",
    ".bin": "ncnn",
    ".safetensors": "safetensors",
}


def target(
    name_or_path: str | Path,
    output: str | Path | None = None,
    kind: str | None = None,
    realism: float | None = None,
) -> tuple[Kind, Path]:
    """The format of an export and the path of its file; of ncnn's two, the ``.param`` file.

    Args:
        name_or_path: the model.
        output: a file, or a folder for it: one that exists, a name without a suffix, and for
            ncnn any but its own suffixes. By default the current folder.
        kind: the format; by default the one that the output's suffix says, else ONNX.
        realism: goes into the name.

    Raises:
        UsageError: an unknown format, or one that the output's suffix contradicts.
        ModelRefused: there is no such model.
    """
    path = Path(output) if output is not None else Path()
    suffix = path.suffix.lower()
    said = None if path.is_dir() else _SUFFIXES.get(suffix)
    chosen: Kind
    if kind is None:
        if suffix and said is None and not path.is_dir():
            raise UsageError(
                f"{path}: no format has this suffix; it is {', '.join(_SUFFIXES)}, or say --format"
            )
        chosen = said or "onnx"
    elif kind in get_args(Kind):
        chosen = kind  # type: ignore[assignment]
    else:
        raise UsageError(f"--format {kind} is unknown; it is {', '.join(get_args(Kind))}")
    if said not in (None, chosen):
        raise UsageError(f"{path}: is a name for {said}, not for {chosen}; leave out --format")
    if said == "ncnn":
        return chosen, path.with_suffix(".param")
    if path.is_dir() or chosen == "ncnn" or not suffix:
        return chosen, path / _name(name_or_path, chosen, realism)
    return chosen, path


def _name(name_or_path: str | Path, kind: Kind, realism: float | None) -> str:
    weights = find_weights(name_or_path)
    name = weights.stem if realism is None else f"{weights.stem}-{realism:g}"
    if kind == "onnx":
        return f"{name}.onnx"
    # Other programs read the scale from the name.
    suffix = "param" if kind == "ncnn" else kind
    return f"{name}-{read_header(weights).scale}x.{suffix}"
