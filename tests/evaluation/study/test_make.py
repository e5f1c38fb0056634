"""The folder of a study: all is there, and nothing betrays a method."""

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.classical.interpolation import Interpolation
from srgan.errors import DataRefused, OutputFailed, RuntimeFailed, SRGANError, UsageError
from srgan.evaluation.benchmark import Method, enlarge
from srgan.evaluation.datasets import Entry, read
from srgan.evaluation.study.make import Settings, make, page
from srgan.evaluation.study.plan import Study, as_json, read_study
from srgan.inference.upscaler import Upscaler
from srgan.weights.catalog import models

SETTINGS = Settings(scale=2, seed=1, retest=1, calibrate=2, command="srgan study make")


def test_every_version_of_every_picture_is_there(
    made: tuple[Path, Study], entries: list[Entry]
) -> None:
    folder, study = made
    assert {(i.picture, i.method) for i in study.items} == {
        (picture, method)
        for picture in ("one", "two", "three")
        for method in ("nearest", "bicubic", "HR")
    }
    assert sorted(p.name for p in folder.iterdir()) == ["index.html", "pictures", "study.json"]
    assert len(list((folder / "pictures").iterdir())) == 9 + 2 * 2
    samples = {e.name: read(e, scale=2) for e in entries}
    for item in study.items:
        file = folder / "pictures" / f"{item.id}.png"
        assert sha256(file.read_bytes()).hexdigest() == item.sha256
        sample = samples[item.picture]
        expected = sample.hr
        if item.method != "HR":
            expected = enlarge(Interpolation(item.method, 2), sample.lr)  # type: ignore[arg-type]
        with Image.open(file) as image:
            assert np.array_equal(np.asarray(image), expected)
            assert image.size == (item.width, item.height) == (32, 24)


def test_the_calibration_and_the_retest(made: tuple[Path, Study], entries: list[Entry]) -> None:
    folder, study = made
    method_of = {i.id: (i.picture, i.method) for i in study.items}
    assert len({method_of[i][0] for i in study.retest}) == 1  # every version of one picture
    assert {method_of[i][1] for i in study.retest} == {"nearest", "bicubic", "HR"}
    samples = {e.name: read(e, scale=2) for e in entries}
    assert sorted(e.score for e in study.calibration) == [1, 1, 5, 5]
    for example in study.calibration:
        with Image.open(folder / "pictures" / f"{example.id}.png") as image:
            original = np.array_equal(np.asarray(image), samples[example.picture].hr)
        assert original == (example.score == 5)


def test_nothing_that_a_rater_gets_names_a_method_or_a_picture(made: tuple[Path, Study]) -> None:
    folder, study = made
    text = (folder / "index.html").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", text.lower()))
    assert not words & {"srgan", "hr", "original", "tiny", "one.png", *(m.name for m in models())}
    names = [p.name for p in (folder / "pictures").iterdir()]
    assert all(re.fullmatch(r"[0-9a-f]{8}\.png", name) for name in names)
    # Neither the order of the names nor the dates follow the order in which they were made.
    methods = [i.method for i in study.items]
    assert methods != sorted(methods, key=study.method_names.index)
    assert len({p.stat().st_mtime for p in (folder / "pictures").iterdir()}) == 1
    for item in study.items:
        with Image.open(folder / "pictures" / f"{item.id}.png") as image:
            assert not {"Software", "Comment", "Title"} & set(image.info)


def test_the_page_stands_alone(made: tuple[Path, Study]) -> None:
    text = page(made[1])
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|<link|<script[^>]*src|@import|fetch\(|XMLHttp", text)
    assert not re.search(r"/\* (style|script|data) \*/", text)


def test_the_same_seed_gives_the_same_study(
    made: tuple[Path, Study], entries: list[Entry], methods: list[Method], tmp_path: Path
) -> None:
    again = make(tmp_path / "a", methods, entries, entries, SETTINGS)
    assert again.id == made[1].id
    assert as_json(again) == as_json(made[1])
    other = make(tmp_path / "b", methods, entries, entries, replace(SETTINGS, seed=2))
    assert {i.id for i in other.items}.isdisjoint(i.id for i in again.items)


def test_a_set_without_a_method(
    entries: list[Entry], methods: list[Method], tmp_path: Path
) -> None:
    mixed = [replace(e, set="Other") if e.name == "two" else e for e in entries]
    settings = replace(SETTINGS, retest=3, without=frozenset({("Other", "nearest")}))
    study = make(tmp_path / "study", methods, mixed, entries, settings)
    assert sorted((i.picture, i.method) for i in study.items) == sorted(
        (picture, method)
        for picture in ("one", "two", "three")
        for method in ("nearest", "bicubic", "HR")
        if (picture, method) != ("two", "nearest")
    )
    assert len(list((tmp_path / "study" / "pictures").iterdir())) == 8 + 2 * 2
    assert study.without == {"Other": ["nearest"]}
    assert len(study.retest) == 8
    assert read_study(tmp_path / "study") == study


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ({("Set5", "bicubic")}, "--without: no set 'Set5'; Tiny"),
        ({("Tiny", "HR")}, "--without: no method 'HR'; bicubic, nearest"),
        ({("Tiny", "bicubic")}, "--without: leaves bicubic no set"),
    ],
)
def test_what_no_set_can_go_without(
    without: set[tuple[str, str]],
    message: str,
    entries: list[Entry],
    methods: list[Method],
    tmp_path: Path,
) -> None:
    settings = replace(SETTINGS, without=frozenset(without))
    with pytest.raises(UsageError, match=message):
        make(tmp_path / "study", methods, entries, entries, settings)
    assert list(tmp_path.iterdir()) == []


class Breaks:
    scale = 2

    def __call__(self, image: object) -> object:
        raise RuntimeFailed("the network gave NaN")


def breaking() -> Upscaler:
    return Breaks()  # type: ignore[return-value]


def test_what_fails_leaves_nothing(entries: list[Entry], tmp_path: Path) -> None:
    broken = [Method("broken", "1", breaking)]
    with pytest.raises(RuntimeFailed):
        make(tmp_path / "study", broken, entries, entries, SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_never_replaced(
    entries: list[Entry], methods: list[Method], tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    folder.mkdir()  # an empty one will do
    make(folder, methods, entries, entries, SETTINGS)
    before = (folder / "study.json").read_bytes()
    with pytest.raises(OutputFailed, match="exists already"):
        make(folder, methods, entries, entries, SETTINGS)
    assert (folder / "study.json").read_bytes() == before


@pytest.mark.parametrize(
    ("retest", "calibrate", "name", "error", "message"),
    [
        (4, 2, "bicubic", UsageError, "--retest must be 0 to 3"),
        (1, -1, "bicubic", UsageError, "--calibrate must be 0 or more"),
        (1, 1, "hr", UsageError, "HR is the original's name"),
    ],
)
def test_settings_without_a_meaning(
    retest: int,
    calibrate: int,
    name: str,
    error: type[SRGANError],
    message: str,
    entries: list[Entry],
    tmp_path: Path,
) -> None:
    settings = Settings(2, 0, retest, calibrate, "")
    with pytest.raises(error, match=message):
        make(tmp_path / "study", [Method(name, "1", breaking)], entries, entries, settings)


def test_two_pictures_of_one_name_are_refused(entries: list[Entry], tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="has two pictures 'one'"):
        make(tmp_path / "study", [], [*entries, entries[0]], entries, SETTINGS)
