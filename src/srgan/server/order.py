"""From the fields of a form to what is to be done: every value is checked here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from srgan.errors import SRGANError
from srgan.server.lane import Choice, Task
from srgan.server.limits import ServerLimits
from srgan.server.problems import Problem, problem_of
from srgan.weights.catalog import DIALS, Model

FORMATS = {
    "png": "PNG",
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "webp": "WEBP",
    "tiff": "TIFF",
    "tif": "TIFF",
}
"""What results are given in, by the name in the form."""

MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff"}
SUFFIX = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "TIFF": "tif"}

FIELDS = (
    "model",
    "scale",
    "size",
    "long_edge",
    "realism",
    "format",
    "quality",
    "strip",
    "consistent",
    "wait",
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a form asks for."""

    choice: Choice
    scale: float | None
    size: tuple[int, int] | None
    long_edge: int | None
    format: str
    quality: int | None
    strip: bool
    consistent: bool
    wait: float | None

    def task(self, folder: Path, height: int, width: int) -> Task:
        """The work on a picture of this size.

        Raises:
            Problem: the result's size has no meaning.
        """
        from srgan.inference.upscale import target_size

        try:
            to_height, to_width = target_size(
                height, width, scale=self.scale, size=self.size, long_edge=self.long_edge
            )
        except SRGANError as error:
            raise problem_of(error) from error
        return Task(
            self.choice,
            folder,
            folder / f"result.{SUFFIX[self.format]}",
            self.format,
            to_height,
            to_width,
            quality=self.quality,
            strip=self.strip,
            consistent=self.consistent,
        )


def has_dial(name: str, models: Sequence[Model]) -> bool:
    """Whether a model's realism can be chosen: its faithful sibling has to be there as well."""
    faithful, _ = DIALS.get(name, (name, name))
    return name != faithful and faithful in {m.name for m in models}


def read_order(
    fields: Mapping[str, str], models: Sequence[Model], default: str, limits: ServerLimits
) -> Order:
    """Check a form's fields.

    Raises:
        Problem: an unknown field or model, or a value that means nothing.
    """
    for name in fields:
        if name not in FIELDS:
            raise Problem(
                "bad_value", f'unknown field "{name[:40]}"; the fields are {", ".join(FIELDS)}'
            )
    known = [m.name for m in models]
    model = fields.get("model") or default
    if model not in known:
        raise Problem("bad_value", f'unknown model "{model[:40]}"; choose {", ".join(known)}')
    realism = _number(fields, "realism", 0.0, 1.0)
    if realism is not None and not has_dial(model, models):
        raise Problem("bad_value", f'the model "{model}" has no realism dial; leave realism out')
    scale = _number(fields, "scale", 1.0, 16.0)
    size = _size(fields)
    long_edge = _whole(fields, "long_edge", 1, 1_000_000)
    if sum(x is not None for x in (scale, size, long_edge)) > 1:
        raise Problem("bad_value", "give one of scale, size and long_edge")
    if size is None and long_edge is None and scale is None:
        scale = 4.0
    return Order(
        Choice(model, realism),
        scale,
        size,
        long_edge,
        format_of(fields.get("format") or "png"),
        _whole(fields, "quality", 1, 100),
        _flag(fields, "strip"),
        _flag(fields, "consistent"),
        _number(fields, "wait", 0.0, limits.wait_seconds),
    )


def format_of(name: str) -> str:
    """The library's name of a format.

    Raises:
        Problem: it is none that results are given in.
    """
    if name.lower() not in FORMATS:
        raise Problem("bad_value", f'unknown format "{name[:20]}"; choose {", ".join(FORMATS)}')
    return FORMATS[name.lower()]


def file_name(upload: str, width_before: int, width_after: int, format_: str) -> str:
    """What a browser should call the result: the upload's name, how much larger, the suffix."""
    stem = re.split(r"[/\\]", upload)[-1].rpartition(".")[0] or upload
    stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", stem).strip(" .")[:120] or "picture"
    factor = f"{width_after / width_before:.2f}".rstrip("0").rstrip(".")
    return f"{stem}_x{factor}.{SUFFIX[format_]}"


def disposition(name: str) -> str:
    """The ``Content-Disposition`` header of a file (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _number(fields: Mapping[str, str], name: str, low: float, high: float) -> float | None:
    text = fields.get(name, "").strip()
    if not text:
        return None
    # float() alone would take "nan", "1_0" and Arabic digits.
    value = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII) else None
    if value is None or not low <= value <= high:
        raise Problem("bad_value", f"{name} must be a number from {low:g} to {high:g}")
    return value


def _size(fields: Mapping[str, str]) -> tuple[int, int] | None:
    text = fields.get("size", "").strip()
    if not text:
        return None
    match = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text, re.ASCII)
    if match is None:
        raise Problem("bad_value", "size must be WIDTHxHEIGHT in pixels, such as 1920x1080")
    return int(match[2]), int(match[1])


def _whole(fields: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    value = _number(fields, name, low, high)
    if value is None:
        return None
    if value != int(value):
        raise Problem("bad_value", f"{name} must be a whole number from {low} to {high}")
    return int(value)


def _flag(fields: Mapping[str, str], name: str) -> bool:
    text = fields.get(name, "").strip().lower()
    if text not in ("", "true", "false", "1", "0", "on", "off"):
        raise Problem("bad_value", f"{name} must be true or false")
    return text in ("true", "1", "on")
