"""Orders and the key."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from srgan.errors import DataRefused
from srgan.evaluation.study.plan import Study, as_json, order, read_study, shuffled


def test_an_order_shows_everything_and_is_the_raters_own(made: tuple[Path, Study]) -> None:
    _, study = made
    ann, bob = order(study, "Ann"), order(study, "Bob")
    assert sorted(ann) == sorted(bob) == sorted(study.showings)
    assert ann != bob
    assert order(study, " Ann ") == ann  # the name that is kept
    assert order(study, "Zoe\u0301") == order(study, "Zo\u00e9")
    firsts = {order(study, f"rater {i}")[0] for i in range(200)}
    assert firsts == set(study.showings)


def test_no_picture_follows_itself() -> None:
    for i in range(50):
        ids = shuffled(["a", "b", "c", "a", "b", "c"], f"seed {i}")
        assert all(x != y for x, y in pairwise(ids))
    assert shuffled(["a", "a"], "") == ["a", "a"]  # where it cannot be helped


def test_the_shuffle_is_fair() -> None:
    """Each of 5 pictures stands first as often as another: 400 ± 80 times of 2000."""
    firsts = [shuffled(list("abcde"), f"{i}")[0] for i in range(2000)]
    assert all(320 < firsts.count(letter) < 480 for letter in "abcde")


def test_the_key_is_read_as_it_was_written(made: tuple[Path, Study]) -> None:
    folder, study = made
    assert read_study(folder) == study


def test_a_changed_key_is_refused(made: tuple[Path, Study], tmp_path: Path) -> None:
    _, study = made
    path = tmp_path / "study.json"
    content = json.loads(as_json(study))
    content["items"][0]["method"], content["items"][1]["method"] = "HR", "nearest"
    path.write_text(json.dumps(content))
    with pytest.raises(DataRefused, match="was changed after it was made"):
        read_study(tmp_path)
    for damaged in ("", "[]", '{"format": "picture-study"}', "[" * 100_000):
        path.write_text(damaged)
        with pytest.raises(DataRefused, match="is not a study's key"):
            read_study(tmp_path)
    path.unlink()
    with pytest.raises(DataRefused, match="make a study with: srgan study make"):
        read_study(tmp_path)


def test_a_changed_picture_is_refused(made: tuple[Path, Study], tmp_path: Path) -> None:
    folder, study = made
    copy = tmp_path / "study"
    shutil.copytree(folder, copy)
    picture = copy / "pictures" / f"{study.items[0].id}.png"
    picture.write_bytes((copy / "pictures" / f"{study.items[1].id}.png").read_bytes())
    with pytest.raises(DataRefused, match=r"is not the picture that study\.json knows"):
        read_study(copy)
    shutil.rmtree(copy / "pictures")  # the key alone is enough
    assert read_study(copy) == study
