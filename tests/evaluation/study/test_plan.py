"""Orders and the key."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from srgan.errors import DataRefused
from srgan.evaluation.study.plan import Study, as_json, order, read_study, shuffled

METHODS = (("nearest", "1"), ("bicubic", "1"), ("HR", ""))


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


Change = Callable[[dict[str, Any]], object]


def _refusal(study: Study, tmp_path: Path, change: Change) -> str:
    path = tmp_path / "study.json"
    content = json.loads(as_json(study))
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataRefused) as refused:
        read_study(tmp_path)
    line = str(refused.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key["items"][0].update(method="HR"),
        lambda key: key["items"].pop(),
        lambda key: key["methods"].pop(0),
        lambda key: key["methods"].reverse(),
        lambda key: key["methods"][0].__setitem__(1, "2"),
        lambda key: key["retest"].pop(),
        lambda key: key["calibration"][0].update(score=3),
        lambda key: key.update(scale=4),
        lambda key: key.update(seed=7),
        lambda key: key.update(command="by hand"),
        lambda key: key.update(version="9"),
        lambda key: key.update(id=None),
    ],
)
def test_a_changed_key_is_refused(change: Change, made: tuple[Path, Study], tmp_path: Path) -> None:
    refusal = _refusal(made[1], tmp_path, change)
    assert refusal == "was changed after it was made; take a copy of the first"


@pytest.mark.parametrize("change", [{"format_version": 99}, {"format": "other"}])
def test_a_key_of_another_version_is_refused(
    change: dict[str, Any], made: tuple[Path, Study], tmp_path: Path
) -> None:
    refusal = _refusal(made[1], tmp_path, lambda key: key.update(change))
    assert refusal == "is not a study of this version of srgan"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda key: key["items"][0].update(id=[]), "'id' is not a text"),
        (lambda key: key["items"][0].update(set=None), "'set' is not a text"),
        (lambda key: key["items"][0].update(width=32.0), "'width' is not a whole number"),
        (lambda key: key["items"][0].pop("sha256"), "'sha256' is missing"),
        (lambda key: key["items"].append(3), "'id' is missing"),
        (lambda key: key["calibration"][0].update(score=True), "'score' is not a whole number"),
        (lambda key: key.update(scale=1e400), "'scale' is not a whole number"),
        (lambda key: key.update(seed="1"), "'seed' is not a whole number"),
        (lambda key: key.update(items={}), "'items' is not a list"),
        (lambda key: key.update(retest=[[]]), "'retest' is not a list of texts"),
        (lambda key: key["methods"].append("x"), "'methods' is not a list of names and versions"),
        (lambda key: key["methods"][0].pop(), "'methods' is not a list of names and versions"),
        (lambda key: key.pop("version"), "'version' is missing"),
        (lambda key: key.update(format=7), "'format' is not a text"),
    ],
)
def test_values_of_another_kind_are_refused(
    change: Change, message: str, made: tuple[Path, Study], tmp_path: Path
) -> None:
    refusal = _refusal(made[1], tmp_path, change)
    assert refusal == f"is not a study's key ({message}); take a copy of it"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": (("bicubic", "1"), ("HR", ""))}, "'nearest', which is not in 'methods'"),
        ({"methods": (("nearest", "1"), *METHODS)}, "a method is there twice"),
        ({"retest": ("00000000",)}, "'retest' has a picture that is not in 'items'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    changes: dict[str, Any], message: str, made: tuple[Path, Study], tmp_path: Path
) -> None:
    """Though the id is right."""
    assert message in _refusal(replace(made[1], **changes), tmp_path, lambda _: None)


@pytest.mark.parametrize("name", ["../../secret", "/etc/x", "0123456", "0123456G", "a\n", "", "\0"])
def test_what_is_no_id_never_becomes_a_path(
    name: str, made: tuple[Path, Study], tmp_path: Path
) -> None:
    item, *others = made[1].items
    study = replace(made[1], items=(replace(item, id=name), *others), retest=())
    assert f"{name!r} is no picture's id" in _refusal(study, tmp_path, lambda _: None)


def test_versions_and_ids_are_there_once(made: tuple[Path, Study], tmp_path: Path) -> None:
    study = made[1]
    first, second, *others = study.items
    same_id = replace(study, items=(first, replace(second, id=first.id), *others), retest=())
    assert "a picture's id is there twice" in _refusal(same_id, tmp_path, lambda _: None)
    twin = replace(first, id="00000000")
    same = replace(study, items=(*study.items, twin))
    assert "a version of a picture is there twice" in _refusal(same, tmp_path, lambda _: None)
    again = replace(study, retest=study.retest[:1] * 2)
    assert "a picture of the retest is there twice" in _refusal(again, tmp_path, lambda _: None)
    scored = replace(study, calibration=(replace(study.calibration[0], score=3),))
    assert "a score that is neither 1 nor 5" in _refusal(scored, tmp_path, lambda _: None)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    for damaged in (b"", b"[]", b"7", b'{"format": "picture-study"}', b"[" * 100_000, b"\xff"):
        path.write_bytes(damaged)
        with pytest.raises(DataRefused, match="is not a stud"):
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
