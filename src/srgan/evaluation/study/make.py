"""Make a study: pictures under names that tell nothing, the page for raters, the key."""

import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from srgan import __version__
from srgan.classical.interpolation import Interpolation
from srgan.errors import Cancelled, DataRefused, UsageError
from srgan.evaluation.benchmark import Method, Picture, enlarge
from srgan.evaluation.datasets import Entry, read
from srgan.evaluation.study.plan import ORIGINAL, WORST, Example, Item, Study, as_json
from srgan.image.atomic import atomic_folder, sweep
from srgan.image.files import encode_picture
from srgan.image.limits import DEFAULT, Limits
from srgan.image.picture import Frame
from srgan.image.picture import Picture as Decoded

_SAME_TIME = 1_000_000_000
"""Every picture's date: the order in which they were made would tell the methods."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a study is made.

    Attributes:
        scale: the factor of the enlargement.
        seed: draws the ids, the pictures of the retest and those of the calibration.
        retest: test pictures of which every version is shown twice.
        calibrate: pictures of the calibration, each in a bad and an excellent version.
        command: what the study says made it.
        without: (set, method) for each method that a set is not rated of.
        limits: of the pictures.
    """

    scale: int
    seed: int
    retest: int
    calibrate: int
    command: str
    without: frozenset[tuple[str, str]] = frozenset()
    limits: Limits = DEFAULT


def make(
    folder: Path,
    methods: Sequence[Method],
    entries: Sequence[Entry],
    calibration: Sequence[Entry],
    settings: Settings,
    progress: Callable[[int, int], None] = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Study:
    """Enlarge the pictures and write ``index.html``, ``pictures/`` and ``study.json``.

    The folder appears when all is there, or not at all.

    Args:
        folder: must be empty or not there.
        methods: what to rate; the original is added.
        entries: the test pictures.
        calibration: pictures to choose those of the calibration from.
        settings: the numbers.
        progress: told the pictures written, of how many.
        cancelled: asked after each picture whether to stop.

    Raises:
        Cancelled: it was to stop.
        UsageError: a setting has no meaning.
        DataRefused: a picture cannot be used.
        OutputFailed: the folder is not empty or cannot be written.
    """
    _check(methods, entries, settings)
    with atomic_folder(folder) as part:
        sweep(part.parent)  # what a killed run left

        def told(done: int, total: int) -> None:
            progress(done, total)
            if cancelled():
                raise Cancelled("asked to stop")

        return _fill(part, methods, entries, calibration, settings, told)


def page(study: Study) -> str:
    """The page for raters. It holds ids and sizes, no name of a method, set or picture."""
    source = files("srgan.evaluation.study") / "page"
    data = {
        "study": study.id,
        "items": [[i.id, i.width, i.height] for i in study.items],
        "retest": study.retest,
        "calibration": [[e.id, e.width, e.height, e.score] for e in study.calibration],
    }
    text = (source / "index.html").read_text(encoding="utf-8")
    for mark, part in (
        ("/* style */", (source / "study.css").read_text(encoding="utf-8")),
        ("/* script */", (source / "study.js").read_text(encoding="utf-8")),
        ("/* data */", json.dumps(data, separators=(",", ":"))),
    ):
        text = text.replace(mark, part)
    return text


def _check(methods: Sequence[Method], entries: Sequence[Entry], settings: Settings) -> None:
    if any(m.name.upper() == ORIGINAL for m in methods):
        raise UsageError(f"--methods: {ORIGINAL} is the original's name; rename the file")
    if not 0 <= settings.retest <= len(entries):
        raise UsageError(f"--retest must be 0 to {len(entries)}, the number of test pictures")
    if settings.calibrate < 0:
        raise UsageError(f"--calibrate must be 0 or more, not {settings.calibrate}")
    sets, known = {e.set for e in entries}, {m.name for m in methods}
    for set_name, name in sorted(settings.without):
        for what, given, there in (("set", set_name, sets), ("method", name, known)):
            if given not in there:
                raise UsageError(f"--without: no {what} {given!r}; {', '.join(sorted(there))}")
    for method in methods:
        if settings.without >= {(s, method.name) for s in sets}:
            raise UsageError(f"--without: leaves {method.name} no set; take it out of --methods")
    names: set[tuple[str, str]] = set()
    for entry in entries:
        if (entry.set, entry.name) in names:
            raise DataRefused(f"{entry.set}: has two pictures {entry.name!r}; rename one")
        names.add((entry.set, entry.name))


def _fill(
    folder: Path,
    methods: Sequence[Method],
    entries: Sequence[Entry],
    calibration: Sequence[Entry],
    settings: Settings,
    progress: Callable[[int, int], None],
) -> Study:
    draw = random.Random(settings.seed)
    chosen = draw.sample(list(calibration), min(settings.calibrate, len(calibration)))
    twice = {(e.set, e.name) for e in draw.sample(list(entries), settings.retest)}
    rated = [
        (method, [e for e in entries if not method or (e.set, method.name) not in settings.without])
        for method in (*methods, None)
    ]
    total = sum(len(of) for _, of in rated) + 2 * len(chosen)
    shelf = _Shelf(folder / "pictures", draw.sample(range(16**8), total), progress)
    items: list[Item] = []
    examples: list[Example] = []
    for method, of in rated:
        upscaler = method.open() if method else None
        name = method.name if method else ORIGINAL
        for entry in of:
            sample = read(entry, scale=settings.scale, limits=settings.limits)
            pixels = enlarge(upscaler, sample.lr) if upscaler else sample.hr
            id_, digest, width, height = shelf.add(pixels)
            items.append(Item(id_, entry.set, entry.name, name, digest, width, height))
    for entry in chosen:
        sample = read(entry, scale=settings.scale, limits=settings.limits)
        bad = enlarge(Interpolation(WORST, settings.scale), sample.lr)
        for pixels, score in ((bad, 1), (sample.hr, 5)):
            id_, digest, width, height = shelf.add(pixels)
            examples.append(Example(id_, entry.name, score, digest, width, height))
    study = Study(
        scale=settings.scale,
        seed=settings.seed,
        methods=(*((m.name, m.version) for m in methods), (ORIGINAL, "")),
        items=tuple(sorted(items, key=lambda i: i.id)),
        retest=tuple(sorted(i.id for i in items if (i.set, i.picture) in twice)),
        calibration=tuple(sorted(examples, key=lambda e: e.id)),
        command=settings.command,
        version=__version__,
    )
    (folder / "index.html").write_text(page(study), encoding="utf-8")
    (folder / "study.json").write_text(as_json(study), encoding="utf-8")
    return study


class _Shelf:
    """The folder of pictures, which get the ids in their turn."""

    def __init__(
        self, folder: Path, ids: Sequence[int], progress: Callable[[int, int], None]
    ) -> None:
        folder.mkdir()
        self._folder, self._ids, self._progress = folder, ids, progress
        self._count = 0

    def add(self, pixels: Picture) -> tuple[str, str, int, int]:
        """Write (H, W, 3) or (H, W) uint8 as PNG; returns id, sha256, width and height."""
        name = f"{self._ids[self._count]:08x}"
        colour = pixels if pixels.ndim == 3 else pixels[..., None]
        content = encode_picture(Decoded((Frame(colour),)), "PNG")
        path = self._folder / f"{name}.png"
        path.write_bytes(content)
        os.utime(path, (_SAME_TIME, _SAME_TIME))
        self._count += 1
        self._progress(self._count, len(self._ids))
        return name, sha256(content).hexdigest(), colour.shape[1], colour.shape[0]
