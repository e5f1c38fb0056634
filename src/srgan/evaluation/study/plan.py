"""What a rating study shows, in which order, and the key that tells which picture is whose."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from srgan.errors import DataRefused
from srgan.evaluation.datasets import STANDARD

ORIGINAL = "HR"
"""The name of the original among the methods."""
WORST: Final = "nearest"
"""The method whose pictures stand for a score of 1 in the calibration."""

_FORMAT, _VERSION = "picture-study", 1


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
        """What the ratings name: it changes with every picture and with the key."""
        return sha256(json.dumps(_key(self)).encode()).hexdigest()[:16]

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
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT or content["format_version"] != _VERSION:
            raise DataRefused(f"{path}: is not a study of this version of srgan")
        study = Study(
            scale=int(content["scale"]),
            seed=int(content["seed"]),
            methods=tuple((str(name), str(version)) for name, version in content["methods"]),
            items=tuple(Item(**item) for item in content["items"]),
            retest=tuple(map(str, content["retest"])),
            calibration=tuple(Example(**example) for example in content["calibration"]),
            command=str(content["command"]),
            version=str(content["version"]),
        )
        changed = content["id"] != study.id
    except OSError as error:
        raise DataRefused(
            f"{path}: cannot be read ({error.strerror}); make a study with: srgan study make"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataRefused(f"{path}: is not a study's key ({error}); take a copy of it") from error
    if changed:
        raise DataRefused(f"{path}: was changed after it was made; take a copy of the first")
    digests = {i.id: i.sha256 for i in study.items} | {e.id: e.sha256 for e in study.calibration}
    for id_, digest in digests.items():
        picture = folder / "pictures" / f"{id_}.png"
        if picture.is_file() and sha256(picture.read_bytes()).hexdigest() != digest:
            raise DataRefused(f"{picture}: is not the picture that study.json knows")
    return study


def _key(study: Study) -> list[object]:
    items = [asdict(item) for item in study.items]
    return [items, list(study.retest), [asdict(example) for example in study.calibration]]
