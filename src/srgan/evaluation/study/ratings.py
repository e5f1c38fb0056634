"""The files that raters hand in, read with mistrust."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan.errors import DataRefused
from srgan.evaluation.study.plan import Study, normal_name

FORMAT, VERSION = "picture-ratings", 1
SCORES = range(1, 6)
SIMULATED = "simulated"
"""How the name of every simulated rater begins."""

_LARGEST = 20_000_000
"""Bytes of a ratings file; the paper's 1128 ratings take 100 kB."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One score, 1 to 5, of an item; ``showing`` is 2 for the second time in a retest."""

    item: str
    showing: int
    score: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Session:
    """One rater's ratings.

    ``calibration`` has the scores by the example's id; ``simulated`` is the model that took the
    place of a person, "" for people; ``file`` is the file's name.
    """

    rater: str
    file: str
    simulated: str
    calibration: dict[str, int]
    ratings: tuple[Rating, ...]


def ratings_files(paths: Sequence[Path]) -> list[Path]:
    """The files that are named, and the ``*.json`` in the folders that are; each once.

    Raises:
        DataRefused: a path is not there, or a folder has no such file.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(path.glob("*.json"))
            if not files:
                raise DataRefused(f"{path}: has no ratings; they are files *.json")
        elif not path.exists():
            raise DataRefused(f"{path}: there is no such file or folder")
        found |= {file.resolve(): file for file in files}
    return list(found.values())


def read_session(path: Path, study: Study) -> Session:
    """One rater's file.

    Raises:
        DataRefused: it cannot be read, is damaged, of another study, or holds what cannot be.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DataRefused(f"{path}: is too large for a file of ratings")
        content = json.loads(path.read_bytes())  # in any UTF, with or without its mark
    except OSError as error:
        raise DataRefused(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataRefused(
            f"{path}: is damaged ({error}); ask the rater for the file again, or leave it out"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataRefused(f"{path}: is no file of ratings; leave it out")
    if content.get("format_version") != VERSION:
        raise DataRefused(f"{path}: is of another version of srgan; use that one")
    if content.get("study") != study.id:
        raise DataRefused(f"{path}: is of another study ({content.get('study')!r}); leave it out")
    try:
        return _session(content, path, study)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise DataRefused(f"{path}: is damaged: {reason}; mend it or leave it out") from error


def unlike(sessions: Sequence[Session]) -> list[str]:
    """Why sessions cannot be analysed together: a line for each rater's name that came before,
    and one where people and simulated raters are mixed.
    """
    lines = []
    first: dict[str, Session] = {}
    for session in sessions:
        other = first.setdefault(session.rater.casefold(), session)
        if other is not session:
            lines.append(
                f"{session.file}: has the rater {session.rater!r} of {other.file}; change one's "
                "name in the file, or leave one out"
            )
    mixed = {bool(s.simulated): s.file for s in sessions}
    if len(mixed) == 2:
        lines.append(f"{mixed[True]}: is simulated, {mixed[False]} is not; analyse them apart")
    return lines


def as_json(session: Session, study: Study) -> str:
    """A session as the page writes it."""
    return json.dumps(
        {
            "format": FORMAT,
            "format_version": VERSION,
            "study": study.id,
            "rater": session.rater,
            "simulated": session.simulated or False,
            "calibration": [{"item": i, "score": s} for i, s in session.calibration.items()],
            "ratings": [
                {"item": r.item, "showing": r.showing, "score": r.score} for r in session.ratings
            ],
        },
        indent=1,
    )


def _session(content: dict[str, Any], path: Path, study: Study) -> Session:
    rater = content["rater"]
    if not isinstance(rater, str) or not 0 < len(normal_name(rater)) <= 200:
        raise ValueError("the rater's name is not a text of 1 to 200 letters")
    rater = normal_name(rater)
    simulated = content["simulated"]
    if simulated is not False and not (isinstance(simulated, str) and simulated):
        raise ValueError("'simulated' is neither false nor a model")
    if rater.casefold().startswith(SIMULATED):  # the label outlives a changed file
        simulated = simulated or "a model that the file no longer names"
    examples = {e.id for e in study.calibration}
    calibration: dict[str, int] = {}
    for row in content["calibration"]:
        if row["item"] not in examples:
            raise ValueError(f"the study has no example {row['item']!r}")
        calibration[row["item"]] = _score(row)
    allowed = {(item.id, 1) for item in study.items} | {(id_, 2) for id_ in study.retest}
    ratings: dict[tuple[str, int], Rating] = {}
    for row in content["ratings"]:
        key = row["item"], row["showing"]
        if key not in allowed:
            known = any(key[0] == item for item, _ in allowed)
            what = f"showing {key[1]!r} of picture" if known else "picture"
            raise ValueError(f"the study has no {what} {key[0]!r}")
        if key in ratings:
            raise ValueError(f"picture {key[0]!r} is rated twice")
        ratings[key] = Rating(row["item"], row["showing"], _score(row), _seconds(row))
    return Session(rater, path.name, simulated or "", calibration, tuple(ratings.values()))


def _score(row: dict[str, Any]) -> int:
    score = row["score"]
    if type(score) is not int or score not in SCORES:
        raise ValueError(f"{score!r} of picture {row['item']!r} is no score from 1 to 5")
    return score


def _seconds(row: dict[str, Any]) -> float | None:
    seconds = row.get("seconds")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e9:
        return float(seconds)
    return None
