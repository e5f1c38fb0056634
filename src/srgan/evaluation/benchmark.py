"""Measure methods on test sets: picture by picture, resumable, each failure a line.

Every result is written down as it comes (``records.jsonl``), so that a run that was stopped goes
on where it was. Measuring runs beside enlarging, so that both keep the processor busy.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srgan.classical.interpolation import Interpolation
from srgan.errors import OutputFailed, SRGANError
from srgan.evaluation.datasets import Entry, Sample, identity, read
from srgan.evaluation.protocols import MEASURES, score, score_float
from srgan.image.limits import DEFAULT, Limits
from srgan.image.resize import imresize
from srgan.inference.upscaler import Upscaler

Picture = NDArray[np.uint8]
Values = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Method:
    """An upscaler by name; ``version`` changes when its results may.

    ``argument`` is the name or path that :func:`srgan.inference.open.load` opens it by.
    """

    name: str
    version: str
    open: Callable[[], Upscaler]
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One method on one picture: values by measure, or the error that took their place.

    ``files`` tells the picture's files from others of its name.
    A value that is no number (NIQE of a small picture) is None, as is an infinite PSNR.
    """

    method: str
    version: str
    set: str
    picture: str
    files: str
    scale: int
    made_lr: bool
    values: Values = field(default_factory=dict)
    error: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What identifies it when a run goes on."""
        return (
            *(self.method, self.version, self.set, self.picture),
            *(self.files, str(self.scale)),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: ``done`` of ``total`` with those of an earlier run, and seconds left by
    the pace of this one.
    """

    done: int
    total: int
    record: Record
    seconds_left: float


def run(
    methods: Sequence[Method],
    entries: Sequence[Entry],
    *,
    scale: int,
    measures: Iterable[str] = MEASURES,
    records: Path,
    progress: Callable[[Progress], None] = lambda _: None,
    limits: Limits = DEFAULT,
) -> list[Record]:
    """Measure every method on every picture.

    Args:
        methods: what to measure; each is opened once.
        entries: the pictures.
        scale: the factor.
        measures: names out of :data:`srgan.evaluation.protocols.MEASURES`.
        records: a file of one JSON object a line; those that are in it are not measured again
            unless they failed or lack a measure.
        progress: called after each new record.
        limits: of the pictures; a larger one is a record with ``error``.

    Returns:
        One record for every method and picture, in their order. A picture that cannot be read
        and a method that fails on it leave a record with ``error``.

    Raises:
        OutputFailed: ``records`` cannot be written.
    """
    wanted = tuple(measures)
    done = _known(records, wanted)
    found: dict[tuple[str, ...], Record] = {}
    blanks = _blanks(methods, entries, scale)
    missing: list[tuple[Method, Entry, Record]] = []
    for method, entry, blank in blanks:
        if blank.key in done:
            found[blank.key] = done[blank.key]
        else:
            missing.append((method, entry, blank))
    earlier, total = len(found), len(found) + len(missing)
    started, count = time.monotonic(), earlier
    try:
        _end_line(records)
        with records.open("a", encoding="utf-8") as file, ThreadPoolExecutor(1) as measuring:
            waiting: Future[Record] | None = None

            def finish(future: Future[Record]) -> None:
                nonlocal count
                record = future.result()
                found[record.key] = record
                file.write(json.dumps(asdict(record)) + "\n")
                file.flush()
                count += 1
                left = (time.monotonic() - started) / (count - earlier) * (total - count)
                progress(Progress(count, total, record, left))

            upscaler: Upscaler | None = None
            opened = ""
            for method, entry, blank in missing:
                try:
                    if upscaler is None or opened != method.name:
                        upscaler, opened = method.open(), method.name
                    sample = read(entry, scale=scale, limits=limits)
                    sr = enlarge(upscaler, sample.lr)
                    floats = _float_values(upscaler, sample, wanted)
                except (SRGANError, MemoryError) as error:
                    upscaler = None
                    future = measuring.submit(_failed, blank, str(error) or "out of memory")
                else:
                    future = measuring.submit(_measure, blank, sample, sr, wanted, floats)
                if waiting is not None:
                    finish(waiting)
                waiting = future
            if waiting is not None:
                finish(waiting)
    except OSError as error:
        raise OutputFailed(f"{records}: cannot be written: {error.strerror or error}") from error
    return [found[blank.key] for _, _, blank in blanks]


def enlarge(upscaler: Upscaler, lr: Picture) -> Picture:
    """A picture (H, W, 3) or gray (H, W) uint8, enlarged and rounded to uint8.

    Filters round after each dimension, as MATLAB does in the literature's baselines.
    """
    if isinstance(upscaler, Interpolation):
        exact = imresize(lr, scale=upscaler.scale, kernel=upscaler.kernel)
        return np.asarray(exact, np.uint8)
    colour = lr if lr.ndim == 3 else np.repeat(lr[..., None], 3, axis=2)
    sr = upscaler(colour.astype(np.float32) / np.float32(255.0))
    if lr.ndim == 2:
        sr = sr.mean(axis=2)
    return np.asarray(np.clip(np.floor(sr * 255.0 + 0.5), 0, 255), np.uint8)


def means(records: Iterable[Record]) -> dict[str, dict[str, Values]]:
    """Set → method → measure → mean over the pictures that have a value; and ``pictures``.

    A measure that was not taken of every picture has no mean.
    """
    gathered: dict[tuple[str, str], list[Values]] = {}
    for record in records:
        if record.error is None:
            gathered.setdefault((record.set, record.method), []).append(record.values)
    result: dict[str, dict[str, Values]] = {}
    for (set_name, method), rows in gathered.items():
        row: Values = {"pictures": float(len(rows))}
        for measure in MEASURES:
            values = [v for r in rows if (v := r.get(measure)) is not None]
            if values and all(measure in r for r in rows):
                row[measure] = float(np.mean(values))
        result.setdefault(set_name, {})[method] = row
    return result


def _blanks(
    methods: Sequence[Method], entries: Sequence[Entry], scale: int
) -> list[tuple[Method, Entry, Record]]:
    """Every method with every picture, and the record that it will fill."""
    known = [(entry, identity(entry)) for entry in entries]
    return [
        (m, e, Record(m.name, m.version, e.set, e.name, files, scale, e.lr is None))
        for m in methods
        for e, files in known
    ]


def _known(records: Path, wanted: tuple[str, ...]) -> dict[tuple[str, ...], Record]:
    known: dict[tuple[str, ...], Record] = {}
    for line in records.read_text(encoding="utf-8").splitlines() if records.exists() else []:
        try:
            record = Record(**json.loads(line))
        except (ValueError, TypeError):
            continue  # a line that an interruption cut short
        if record.error is None and set(wanted) <= set(record.values):
            known[record.key] = record
    return known


def _end_line(records: Path) -> None:
    """After a line that was cut short the next record must not follow in it."""
    if records.exists() and records.read_bytes()[-1:] not in (b"", b"\n"):
        with records.open("a", encoding="utf-8") as file:
            file.write("\n")


def _float_values(upscaler: Upscaler, sample: Sample, wanted: tuple[str, ...]) -> dict[str, float]:
    if not {"psnr_y_float", "ssim_y_float"} & set(wanted):
        return {}
    return {k: v for k, v in score_float(upscaler, sample.hr).items() if k in wanted}


def _measure(
    blank: Record, sample: Sample, sr: Picture, wanted: tuple[str, ...], floats: dict[str, float]
) -> Record:
    names = [n for n in wanted if not n.endswith("_y_float")]
    try:
        values = {
            **score(sr, sample.hr, sample.lr, scale=blank.scale, measures=names),
            **floats,
        }
    except (SRGANError, MemoryError) as error:
        return _failed(blank, str(error) or "out of memory")
    clean = {n: values[n] if math.isfinite(values[n]) else None for n in wanted}
    return Record(**{**asdict(blank), "values": clean})


def _failed(blank: Record, why: str) -> Record:
    return Record(**{**asdict(blank), "error": why})
