"""A study of three small pictures, made once; and one by hand, whose figures are known."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.classical.interpolation import Interpolation
from srgan.evaluation.benchmark import Method
from srgan.evaluation.datasets import Entry, find
from srgan.evaluation.study.make import Settings, make
from srgan.evaluation.study.plan import Example, Item, Study
from srgan.evaluation.study.ratings import Rating, Session


@pytest.fixture(scope="session")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    folder = tmp_path_factory.mktemp("data") / "Tiny"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        coarse.resize((32, 24), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return find(folder, None, scale=2)


@pytest.fixture(scope="session")
def methods() -> list[Method]:
    return [
        Method("nearest", "1", partial(Interpolation, "nearest", 2), "nearest"),
        Method("bicubic", "1", partial(Interpolation, "bicubic", 2), "bicubic"),
    ]


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], methods: list[Method]
) -> tuple[Path, Study]:
    folder = tmp_path_factory.mktemp("study") / "study"
    settings = Settings(scale=2, seed=1, retest=1, calibrate=2, command="srgan study make")
    return folder, make(folder, methods, entries, entries, settings)


@pytest.fixture(scope="session")
def known() -> Study:
    """Two pictures of Set5 by nearest, bicubic and HR: ids such as n1; 1 is shown twice."""
    names = {"n": "nearest", "b": "bicubic", "h": "HR"}
    items = [
        Item(f"{letter}{picture}", "Set5", f"p{picture}", method, "", 8, 8)
        for letter, method in names.items()
        for picture in "12"
    ]
    return Study(
        scale=4,
        seed=0,
        methods=(("nearest", ""), ("bicubic", ""), ("HR", "")),
        items=tuple(sorted(items, key=lambda i: i.id)),
        retest=("b1", "h1", "n1"),
        calibration=tuple(
            Example(f"{kind}{i}", f"c{i}", score, "", 8, 8)
            for kind, score in (("bad", 1), ("good", 5))
            for i in range(4)
        ),
        command="srgan study make",
        version="0.1.0",
    )


@pytest.fixture(scope="session")
def sessions() -> list[Session]:
    """Ann rated all, Bob has not seen the second showings."""
    ann = {"n1": 1, "b1": 3, "h1": 5, "n2": 2, "b2": 2, "h2": 4}
    bob = {"n1": 1, "b1": 1, "h1": 5, "n2": 1, "b2": 4, "h2": 4}
    again = (Rating("n1", 2, 2, 1.0), Rating("b1", 2, 3, 2.0), Rating("h1", 2, 4, 9.0))
    return [
        Session(
            name, f"{name}.json", "", {}, (*(Rating(i, 1, s, None) for i, s in row.items()), *more)
        )
        for name, row, more in (("Ann", ann, again), ("Bob", bob, ()))
    ]
