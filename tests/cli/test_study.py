"""``srgan study`` as it is typed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Run = Callable[..., Any]


def _make(data: Path, out: Path, *more: object) -> list[object]:
    few = ["--methods", "nearest,bicubic", "--scale", "2", "--seed", "3"]
    return ["study", "make", "--data", data, "--sets", "Tiny", *few, "-o", out, *more]


@pytest.fixture
def study(data: Path, tmp_path: Path, srgan: Run) -> Path:
    assert srgan(*_make(data, tmp_path / "study")).status == 0
    return tmp_path / "study"


@pytest.fixture
def ratings(study: Path, tmp_path: Path, srgan: Run) -> Path:
    assert srgan("study", "simulate", study, "-o", tmp_path / "ratings").status == 0
    return tmp_path / "ratings"


def test_from_pictures_to_a_report(data: Path, tmp_path: Path, srgan: Run) -> None:
    out = tmp_path / "study"
    made = srgan(*_make(data, out))
    assert (made.status, made.out) == (0, f"{out / 'index.html'}\n")
    assert "9 pictures, 6 of them twice, 6 examples: about 2 min a rater" in made.err
    assert "the examples are test pictures; --calibration FOLDER" in made.err
    key = json.loads((out / "study.json").read_text())
    assert key["command"] == (
        "srgan study make --data data --sets Tiny --methods nearest,bicubic --scale 2 "
        "--retest 2 --calibrate 5 --seed 3 -o study"
    )
    ratings = tmp_path / "ratings"
    simulated = srgan("study", "simulate", out, "-o", ratings, "--raters", "12")
    assert (simulated.status, simulated.out) == (0, f"{ratings}\n")
    assert "simulated: random scores" in simulated.err
    names = [p.name for p in sorted(ratings.iterdir())]
    assert names == [f"simulated-{i:02d}.json" for i in range(1, 13)]
    again = srgan("study", "simulate", out, "-o", ratings)
    assert again.status == 1
    assert again.err.endswith("01.json: exists already; give another folder with -o\n")
    report = tmp_path / "report"
    files = sorted(ratings.glob("*.json"))
    ran = srgan("study", "analyse", out, *files, "-o", report, "--drop", "simulated 03")
    assert (ran.status, ran.out) == (0, f"{report / 'report.html'}\n")
    assert ran.err.startswith("srgan: SIMULATED: no person rated")
    text = (report / "report.md").read_text()
    command = "srgan study analyse study ratings -o report --drop 'simulated 03'"
    assert f"Made by `{command}`." in text
    assert "- 11 simulated raters, 165 ratings" in text
    assert "- dropped by --drop: simulated 03" in text
    means = [
        m["mos"]["mean"]
        for m in json.loads((report / "report.json").read_text())["sets"][0]["methods"]
    ]
    assert means == sorted(means)


def test_examples_of_other_pictures(data: Path, tmp_path: Path, srgan: Run) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (20, 20), (9, 8, 7)).save(other / "x.png")
    assert srgan(*_make(other.parent, tmp_path / "one", "--sets", "other")).status == 0
    assert len(json.loads((tmp_path / "one" / "study.json").read_text())["retest"]) == 3
    ran = srgan(*_make(data, tmp_path / "study", "--calibration", other, "--retest", 0))
    assert ran.status == 0
    assert "test pictures; --calibration" not in ran.err
    key = json.loads((tmp_path / "study" / "study.json").read_text())
    assert [e["picture"] for e in key["calibration"]] == ["x", "x"]
    assert key["retest"] == []


def test_a_set_without_a_method(data: Path, tmp_path: Path, srgan: Run) -> None:
    shutil.copytree(data / "Tiny", data / "Other")
    more = ["--sets", "Tiny,Other", "--without", "Other:nearest", "--retest", 0]
    assert srgan(*_make(data, tmp_path / "study", *more)).status == 0
    assert srgan("study", "simulate", tmp_path / "study", "-o", tmp_path / "ratings").status == 0
    ran = srgan("study", "analyse", tmp_path / "study", tmp_path / "ratings", "-o", tmp_path / "r")
    assert ran.status == 0
    text = (tmp_path / "r" / "report.md").read_text()
    assert "--methods nearest,bicubic --without Other:nearest --scale 2" in text
    assert "- Other without nearest\n" in text
    assert text.count("| nearest |") == 4  # of scores and of tests: Tiny's and all sets'


def test_a_larger_picture_is_taken_where_the_limit_says_so(
    data: Path, tmp_path: Path, srgan: Run
) -> None:
    ran = srgan(*_make(data, tmp_path / "study", "--max-input-mp", "0.001"))
    assert (ran.status, ran.out) == (1, "")
    assert "raise --max-input-mp to accept it" in ran.err
    assert srgan(*_make(data, tmp_path / "study", "--max-input-mp", "0.002")).status == 0
    command = json.loads((tmp_path / "study" / "study.json").read_text())["command"]
    assert "--max-input-mp 0.002 --calibrate 5" in command


def test_every_bad_file_is_a_line_and_nothing_is_written(
    study: Path, ratings: Path, tmp_path: Path, srgan: Run
) -> None:
    files = sorted(ratings.iterdir())
    good = json.loads(files[0].read_text())
    files[1].write_text("{")
    files[2].write_text(json.dumps({**good, "study": "other"}))
    files[3].write_text(json.dumps(good))  # the name of the first
    files[4].write_text(json.dumps({**good, "rater": "Ann", "simulated": False}))
    ran = srgan("study", "analyse", study, ratings, "-o", tmp_path / "report")
    assert (ran.status, ran.out) == (1, "")
    lines = ran.err.splitlines()
    assert [line.split(": ")[1].rpartition("/")[2] for line in lines[:2]] == [
        files[1].name,
        files[2].name,
    ]
    assert "has the rater 'simulated 01' of simulated-01.json" in lines[2]
    assert "is simulated, simulated-05.json is not" in lines[3]
    assert lines[4] == "srgan: 4 problems with the ratings; nothing written"
    assert len(lines) == 5
    assert not (tmp_path / "report").exists()


def test_incomplete_and_doubtful_raters_are_told(
    study: Path, ratings: Path, tmp_path: Path, srgan: Run
) -> None:
    first, *_ = sorted(ratings.iterdir())
    content = json.loads(first.read_text())
    content["ratings"] = [{**r, "score": 3} for r in content["ratings"][:-1]]
    first.write_text(json.dumps(content))
    ran = srgan("study", "analyse", study, ratings, "-o", tmp_path / "report")
    assert ran.status == 0
    assert "incomplete sessions: 1, used as far as they go: simulated 01 (14 of 15)" in ran.err
    assert "srgan: simulated 01: every score is 3; nearest (3.00) is not below HR" in ran.err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["make", "--data", "{data}", "-o", "{study}"], "exists already"),
        (["make", "--data", "{none}", "-o", "{new}"], "there is no such folder"),
        (["make", "--data", "{data}", "--scale", "1", "-o", "{new}"], "--scale must be at least 2"),
        (
            ["make", "--data", "{data}", "--sets", "Tiny", "--retest", "4", "-o", "{new}"],
            "--retest must be 0 to 3",
        ),
        (
            ["make", "--data", "{data}", "--calibration", "{none}", "-o", "{new}"],
            "--calibration: there is no folder",
        ),
        (
            ["make", "--data", "{data}", "--without", "Tiny", "-o", "{new}"],
            "--without takes SET:METHOD, such as BSD100:srgan, not 'Tiny'",
        ),
        (["analyse", "{study}", "{none}", "-o", "{new}"], "there is no such file or folder"),
        (["analyse", "{study}", "{study}/pictures", "-o", "{new}"], "has no ratings"),
        (["analyse", "{data}", "{none}", "-o", "{new}"], "make a study with: srgan study make"),
        (["simulate", "{study}", "-o", "{new}", "--raters", "0"], "--raters must be 1 to 10000"),
    ],
)
def test_what_is_refused(
    command: list[str], message: str, study: Path, data: Path, tmp_path: Path, srgan: Run
) -> None:
    places = {
        "data": data,
        "study": study,
        "none": tmp_path / "none",
        "new": tmp_path / "new",
    }
    more = ["--methods", "nearest"] if command[0] == "make" else []
    if "{study}" in command and command[0] == "make":
        more += ["--sets", "Tiny"]
    ran = srgan("study", *(word.format(**places) for word in command), *more)
    assert ran.status in (1, 2)
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_simulating_again_replaces_nothing(study: Path, ratings: Path, srgan: Run) -> None:
    before = {p: p.read_bytes() for p in ratings.iterdir()}
    ran = srgan("study", "simulate", study, "-o", ratings, "--seed", "1")
    assert ran.status == 1
    assert "exists already" in ran.err
    assert {p: p.read_bytes() for p in ratings.iterdir()} == before


@pytest.mark.parametrize("named", ["the folder", "its files", "a link to it"])
def test_no_report_among_the_ratings(
    named: str, study: Path, ratings: Path, tmp_path: Path, srgan: Run
) -> None:
    before = {p: p.read_bytes() for p in ratings.iterdir()}
    link = tmp_path / "link"
    if named == "a link to it":
        link.symlink_to(ratings)
    given = {"the folder": [ratings], "its files": list(before), "a link to it": [link]}[named]
    ran = srgan("study", "analyse", study, *given, "-o", ratings)
    assert ran.status == 2
    assert ran.err == (
        f"srgan: -o {ratings}: has the ratings in it; give the report another folder\n"
    )
    assert {p: p.read_bytes() for p in ratings.iterdir()} == before
    for _ in range(2):  # a folder within will do, again and again
        ran = srgan("study", "analyse", study, *given, "-o", ratings / "report")
        assert ran.status == 0
