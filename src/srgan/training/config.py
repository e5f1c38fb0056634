"""Recipes: TOML at the edge, frozen dataclasses inside."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from srgan.errors import UsageError


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """The generator's arguments; the defaults are the paper's."""

    scale: int = 4
    channels: int = 64
    blocks: int = 16
    batch_norm: bool = True
    skip: Literal["none", "bilinear"] = "none"


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What is drawn: HR crops of ``crop`` pixels, ``batch`` a step; photos held out."""

    crop: int = 96
    batch: int = 16
    held_out: int = 24


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """Adam and its schedule.

    ``schedule``: ``"constant"``, or ``"decay"``: constant until ``decay`` updates before the end,
    then linear to a fiftieth. Both warm up linearly over ``warm_up`` updates.
    """

    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    warm_up: int = 0
    schedule: Literal["constant", "decay"] = "constant"
    decay: int = 0


@dataclass(frozen=True, slots=True)
class PretrainConfig:
    """A recipe of pixel pre-training."""

    name: str
    updates: int
    kind: Literal["pretrain"] = "pretrain"
    seed: int = 0
    loss: Literal["mse", "l1"] = "mse"
    output_range: tuple[float, float] = (-1.0, 1.0)
    ema: float = 0.0
    validate_every: int = 1000
    checkpoint_every: int = 1000
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


C = TypeVar("C")


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> PretrainConfig:
    """Read a recipe; ``overrides`` are ``section.key=value`` with TOML values.

    Raises:
        UsageError: the file is missing or no TOML, or a key or value is wrong.
    """
    try:
        table: dict[str, Any] = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise UsageError(f"{path}: the recipe cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: the recipe is no valid TOML: {error}") from error
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UsageError(f"--set wants key=value, not {override!r}")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        *sections, last = key.strip().split(".")
        inner = table
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = parsed
    return build(PretrainConfig, table, "recipe")


def build(cls: type[C], table: Mapping[str, Any], where: str) -> C:
    """Make a config dataclass of a table; an unknown key or wrong type is an error.

    Raises:
        UsageError: naming the key, and the nearest valid one.
    """
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; valid: {', '.join(names)}"
            raise UsageError(f"{where}: unknown key {key!r}{hint}")
        values[key] = _convert(hints[key], value, f"{where}.{key}")
    try:
        return cls(**values)
    except TypeError as error:
        missing = [
            f.name
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
            if f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
            and f.name not in values
        ]
        raise UsageError(f"{where}: missing {', '.join(missing)}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where}: must be a table, not {value!r}")
        return build(hint, value, where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UsageError(f"{where}: must be one of {list(get_args(hint))}, not {value!r}")
        return value
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        if not isinstance(value, list) or len(value) != len(parts):
            raise UsageError(f"{where}: must be a list of {len(parts)}, not {value!r}")
        return tuple(_convert(h, v, where) for h, v in zip(parts, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise UsageError(f"{where}: must be of type {hint.__name__}, not {value!r}")
    return value
