"""Raters' files, good and bad."""

import json
from pathlib import Path
from typing import Any

import pytest

from srgan.errors import DataRefused
from srgan.evaluation.study.plan import Study
from srgan.evaluation.study.ratings import (
    Rating,
    Session,
    as_json,
    ratings_files,
    read_session,
    unlike,
)


def _content(key: Study) -> dict[str, Any]:
    return {
        "format": "picture-ratings",
        "format_version": 1,
        "study": key.id,
        "rater": " Ann ",
        "simulated": False,
        "calibration": [{"item": "bad0", "score": 2}],
        "ratings": [
            {"item": "n1", "showing": 1, "score": 1, "seconds": 2.5},
            {"item": "n1", "showing": 2, "score": 2},
        ],
    }


def _read(tmp_path: Path, key: Study, **changes: Any) -> Session:
    file = tmp_path / "ann.json"
    file.write_text(json.dumps({**_content(key), **changes}))
    return read_session(file, key)


def test_a_file_as_the_page_writes_it(known: Study, tmp_path: Path) -> None:
    assert _read(tmp_path, known) == Session(
        "Ann", "ann.json", "", {"bad0": 2}, (Rating("n1", 1, 1, 2.5), Rating("n1", 2, 2, None))
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study": "0123456789abcdef"}, "is of another study"),
        ({"format": "other"}, "is no file of ratings"),
        ({"format_version": 2}, "is of another version"),
        ({"rater": ""}, "the rater's name is not a text"),
        ({"rater": 7}, "the rater's name is not a text"),
        ({"simulated": None}, "'simulated' is neither false nor a model"),
        ({"ratings": [{"item": "x9", "showing": 1, "score": 1}]}, "has no picture 'x9'"),
        ({"ratings": [{"item": "n2", "showing": 2, "score": 1}]}, "no showing 2 of picture 'n2'"),
        ({"ratings": [{"item": "n1", "showing": 1, "score": 6}]}, "6 of picture 'n1' is no score"),
        ({"ratings": [{"item": "n1", "showing": 1, "score": 0}]}, "is no score from 1 to 5"),
        ({"ratings": [{"item": "n1", "showing": 1, "score": True}]}, "True of picture"),
        ({"ratings": [{"item": "n1", "showing": 1, "score": 2.5}]}, "2.5 of picture"),
        ({"ratings": [{"item": "n1", "showing": 1}]}, "'score' is missing"),
        ({"ratings": [{"item": [], "showing": 1, "score": 1}]}, "is damaged"),
        ({"ratings": [{"item": "n1", "showing": 1, "score": 1}] * 2}, "'n1' is rated twice"),
        ({"ratings": 3}, "is damaged"),
        ({"calibration": [{"item": "n1", "score": 1}]}, "has no example 'n1'"),
    ],
)
def test_what_cannot_be_is_refused(
    changes: dict[str, Any], message: str, known: Study, tmp_path: Path
) -> None:
    with pytest.raises(DataRefused, match=r"ann\.json: ") as refused:
        _read(tmp_path, known, **changes)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", '{"format": "picture-ratings"', "[" * 100_000, "\xff"])
def test_damaged_json_is_refused(text: str, known: Study, tmp_path: Path) -> None:
    file = tmp_path / "ann.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataRefused, match="is damaged"):
        read_session(file, known)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_as_an_editor_may_save_the_copied_text(encoding: str, known: Study, tmp_path: Path) -> None:
    file = tmp_path / "zoe.json"
    text = json.dumps({**_content(known), "rater": "Zo\u00eb"}, ensure_ascii=False)
    file.write_bytes(text.encode(encoding))
    session = read_session(file, known)
    assert (session.rater, len(session.ratings)) == ("Zo\u00eb", 2)


def test_the_label_of_simulated_ratings_is_hard_to_lose(known: Study, tmp_path: Path) -> None:
    session = Session("simulated 1", "", "coin", {}, (Rating("n1", 1, 3, None),))
    file = tmp_path / "s.json"
    file.write_text(as_json(session, known))
    assert read_session(file, known).simulated == "coin"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "simulated": False}))
    assert read_session(file, known).simulated  # by the name
    del content["simulated"]
    file.write_text(json.dumps({**content, "rater": "Ann"}))
    with pytest.raises(DataRefused, match="'simulated' is missing"):
        read_session(file, known)


def test_one_name_twice_and_people_among_the_simulated() -> None:
    ann = Session("Ann", "a.json", "", {}, ())
    other = Session("ANN", "b.json", "", {}, ())
    coin = Session("simulated 1", "c.json", "coin", {}, ())
    assert unlike([ann]) == []
    assert unlike([ann, other]) == [
        "b.json: has the rater 'ANN' of a.json; change one's name in the file, or leave one out"
    ]
    assert unlike([ann, coin]) == ["c.json: is simulated, a.json is not; analyse them apart"]


def test_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="has no ratings"):
        ratings_files([tmp_path])
    with pytest.raises(DataRefused, match="there is no such file or folder"):
        ratings_files([tmp_path / "*.json"])
    for name in ("b.json", "a.json", "notes.txt"):
        (tmp_path / name).touch()
    found = ratings_files([tmp_path, tmp_path / "a.json"])  # each once
    assert [p.name for p in found] == ["a.json", "b.json"]
