"""What a rating study shows, in which order, and the key that tells which picture is whose."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

from srgan.errors import DataRefused
from srgan.evaluation.datasets import STANDARD

ORIGINAL = "HR"
"""The name of the original among the methods."""
WORST: Final = "nearest"
"""The method whose pictures stand for a score of 1 in the calibration."""

_FORMAT, _VERSION = "picture-study", 1
_KINDS = {str: "a text", int: "a whole number", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Item:
    """A picture to be rated: its file is ``pictures/ID.png``, of ``width`` x ``height`` pixels."""

    id: str
    set: str
    picture: str
    method: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Example:
    """A picture of the calibration, and the score that raters learn for it: 1 or 5."""

    id: str
    picture: str
    score: int
    sha256: str
    width: int
    height: int


_Row = TypeVar("_Row", Item, Example)


@dataclass(frozen=True, slots=True)
class Study:
    """The key of a study.

    Attributes:
        scale: the factor of the enlargement.
        seed: what the pictures' ids were drawn with.
        methods: (name, version) in the order they were asked for, the original last.
        items: in the order of their ids.
        retest: ids that every rater is shown twice.
        calibration: in the order of their ids.
        command: what made it.
        version: of srgan.
    """

    scale: int
    seed: int
    methods: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]
    retest: tuple[str, ...]
    calibration: tuple[Example, ...]
    command: str
    version: str

    @property
    def id(self) -> str:
        """What the ratings name: it changes with every picture and with all else in the key."""
        return sha256(json.dumps(asdict(self)).encode()).hexdigest()[:16]

    @property
    def method_names(self) -> list[str]:
        """The methods in their order."""
        return [name for name, _ in self.methods]

    @property
    def sets(self) -> list[str]:
        """The paper's sets in its order, then others by their names."""
        standard = {name: i for i, name in enumerate(STANDARD)}
        names = {item.set for item in self.items}
        return sorted(names, key=lambda n: (standard.get(n, len(standard)), n))

    @property
    def without(self) -> dict[str, list[str]]:
        """The methods that a set is not rated of, for the sets that lack some."""
        there = {(item.set, item.method) for item in self.items}
        lacking = {s: [m for m in self.method_names if (s, m) not in there] for s in self.sets}
        return {name: methods for name, methods in lacking.items() if methods}

    @property
    def showings(self) -> list[str]:
        """The ids that a rater is shown, those of the retest twice, in no rater's order."""
        return [*(item.id for item in self.items), *self.retest]


def order(study: Study, rater: str) -> list[str]:
    """The ids in the order in which a rater is shown them; ``page/study.js`` has the same.

    It depends on the study and the rater's name alone. No picture follows itself.
    """
    return shuffled(study.showings, f"{study.id}\n{normal_name(rater)}")


def normal_name(rater: str) -> str:
    """A rater's name as it is compared: in Unicode's composed form, without outer spaces."""
    return unicodedata.normalize("NFC", rater).strip()


def shuffled(ids: Sequence[str], seed: str) -> list[str]:
    """Fisher and Yates's shuffle by Marsaglia's xorshift of 32 bits, seeded by FNV-1a of a text.

    Drawn anew, up to 100 times, while an id follows itself.
    """
    state = 2166136261
    for byte in seed.encode():
        state = (state ^ byte) * 16777619 & 0xFFFFFFFF
    state = state or 1
    result = list(ids)
    for _ in range(100):
        for i in range(len(result) - 1, 0, -1):
            state ^= state << 13 & 0xFFFFFFFF
            state ^= state >> 17
            state ^= state << 5 & 0xFFFFFFFF
            j = state % (i + 1)
            result[i], result[j] = result[j], result[i]
        if all(a != b for a, b in pairwise(result)):
            break
    return result


def as_json(study: Study) -> str:
    """The text of ``study.json``."""
    head = {"format": _FORMAT, "format_version": _VERSION, "id": study.id}
    return json.dumps({**head, **asdict(study)}, indent=1) + "\n"


def read_study(folder: Path) -> Study:
    """The key in a study's folder, after a check that key and pictures are as they were made.

    Raises:
        DataRefused: there is none, it was changed or is damaged, or a picture was changed.
    """
    path = folder / "study.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if _value(content, "format", str) != _FORMAT or content.get("format_version") != _VERSION:
            raise DataRefused(f"{path}: is not a study of this version of srgan")
        study = _study(content)
        if content.get("id") != study.id:
            raise DataRefused(f"{path}: was changed after it was made; take a copy of the first")
        _check(study)
    except OSError as error:
        raise DataRefused(
            f"{path}: cannot be read ({error.strerror}); make a study with: srgan study make"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataRefused(f"{path}: is not a study's key ({error}); take a copy of it") from error
    digests = {i.id: i.sha256 for i in study.items} | {e.id: e.sha256 for e in study.calibration}
    for id_, digest in digests.items():
        picture = folder / "pictures" / f"{id_}.png"
        if picture.is_file() and sha256(picture.read_bytes()).hexdigest() != digest:
            raise DataRefused(f"{picture}: is not the picture that study.json knows")
    return study


def _study(content: dict[str, Any]) -> Study:
    """Whatever the file holds, as a study of values of the right kinds.

    Raises:
        ValueError: a value is missing or of another kind.
    """
    methods = []
    for pair in _value(content, "methods", list):
        if not (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(p, str) for p in pair)
        ):
            raise ValueError("'methods' is not a list of names and versions")
        methods.append((pair[0], pair[1]))
    retest = _value(content, "retest", list)
    if not all(isinstance(id_, str) for id_ in retest):
        raise ValueError("'retest' is not a list of texts")
    return Study(
        scale=_value(content, "scale", int),
        seed=_value(content, "seed", int),
        methods=tuple(methods),
        items=tuple(_row(Item, row) for row in _value(content, "items", list)),
        retest=tuple(retest),
        calibration=tuple(_row(Example, row) for row in _value(content, "calibration", list)),
        command=_value(content, "command", str),
        version=_value(content, "version", str),
    )


def _row(kind: type[_Row], row: object) -> _Row:
    return kind(**{f.name: _value(row, f.name, f.type) for f in fields(kind)})


def _value(content: object, name: str, kind: Any) -> Any:
    if not isinstance(content, dict) or name not in content:
        raise ValueError(f"{name!r} is missing")
    if type(content[name]) is not kind:
        raise ValueError(f"{name!r} is not {_KINDS[kind]}")
    return content[name]


def _check(study: Study) -> None:
    """Whether the parts of a key fit each other.

    Raises:
        ValueError: saying which do not.
    """
    ids = [*(i.id for i in study.items), *(e.id for e in study.calibration)]
    for id_ in ids:
        if not re.fullmatch("[0-9a-f]{8}", id_):  # it becomes a file's name
            raise ValueError(f"{id_!r} is no picture's id")
    names = study.method_names
    for item in study.items:
        if item.method not in names:
            raise ValueError(f"picture {item.id} is of {item.method!r}, which is not in 'methods'")
    if not set(study.retest) <= {i.id for i in study.items}:
        raise ValueError("'retest' has a picture that is not in 'items'")
    if any(e.score not in (1, 5) for e in study.calibration):
        raise ValueError("'calibration' has a score that is neither 1 nor 5")
    versions = [(i.set, i.picture, i.method) for i in study.items]
    for what, values in (
        ("method", names),
        ("picture's id", ids),
        ("version of a picture", versions),
        ("picture of the retest", study.retest),
    ):
        if len(set(values)) < len(values):
            raise ValueError(f"a {what} is there twice")
