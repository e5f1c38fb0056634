"""Faces of a few pixels, by one operator that knows their classes."""

import runpy
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from srgan.classical import zou_yuen
from srgan.classical.methods import open_fitted, pack
from srgan.classical.zou_yuen import Relation
from srgan.errors import DataRefused, ImageRefused, ModelRefused, RuntimeFailed, UsageError
from srgan.evaluation.benchmark import Method
from srgan.evaluation.cost import memory_mb
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.ensemble import ensembled
from srgan.inference.open import load
from srgan.weights.format import load_weights, save_weights

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def pictures(count: int, *, seed: int = 0, shape: tuple[int, ...] = (16, 12)) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(30, 220, (count, *shape), dtype=np.uint8))


def y_of(image: np.ndarray) -> np.ndarray:
    """Luma of a gray picture, of which :func:`luma` would keep the range."""
    return luma(np.repeat(image[..., None], 3, axis=2) / 255.0)


def enlarged(learned: Relation, image: np.ndarray) -> np.ndarray:
    """Luma of what the method makes of a gray picture shrunk."""
    lr = np.asarray(imresize(image, scale=1 / learned.scale), np.uint8)
    rgb = np.repeat(lr[..., None], 3, axis=2).astype(np.float32) / 255
    return luma(zou_yuen.upscaler(learned)(rgb))


def test_details_that_go_with_what_is_left_are_found() -> None:
    """Fine stripes, of which an LR picture shows nothing, are as strong as a ramp."""
    ramp = np.linspace(-1, 1, 16)[:, None] * np.ones(12)
    stripes = np.where(np.arange(16)[:, None] % 2, 1.0, -1.0) * np.ones(12)

    def face(strength: float) -> np.ndarray:
        return np.rint(128 + strength * (ramp + stripes)).astype(np.uint8)

    learned = zou_yuen.fit([face(s) for s in range(-50, 51, 5)], scale=4)
    for strength in (-43, 7, 31):  # not among those learned from
        off = (enlarged(learned, face(strength)) - y_of(face(strength))) * 255
        assert np.abs(off).max() < 2
    bicubic = load("bicubic", scale=4)
    lr = np.asarray(imresize(face(31), scale=0.25)).astype(np.float32)[..., None] / 255
    off = (luma(bicubic(np.repeat(lr, 3, axis=2))) - y_of(face(31))) * 255
    assert np.abs(off).max() > 25


@pytest.mark.parametrize(
    ("sizes", "gamma", "of_a", "of_b"),
    [
        # Equally large: from the other by gamma times what is between them.
        ((2, 2), 0.5, 1.5, -0.5),
        # 10 pairs within, 6 across. A: 1/4 + (1/10 - 3/6) / 4 = 0.15 of weight, for
        # (1/4 + 1/40) A - (3/24) B. B: 1/4 + (3/10 - 1/6) / 4, for (1/4 + 3/40) B - (1/24) A.
        ((1, 3), 0.25, 11 / 6, -5 / 34),
        ((1, 3), 0.0, 1.0, 0.0),
    ],
)
def test_two_persons_of_one_picture_each_by_hand(
    sizes: tuple[int, int], gamma: float, of_a: float, of_b: float
) -> None:
    a, b = pictures(2)
    classes = ["a"] * sizes[0] + ["b"] * sizes[1]
    images = [a] * sizes[0] + [b] * sizes[1]
    learned = zou_yuen.fit(images, scale=4, classes=classes, discriminative=gamma)
    for image, share in ((a, of_a), (b, of_b)):
        expected = share * y_of(a) + (1 - share) * y_of(b)
        assert np.abs(enlarged(learned, image) - expected).max() * 255 < 1


def test_the_gradient_over_all_pairs_is_zero() -> None:
    """By the definition, pair by pair, and by differences, on classes of 2, 4 and 9 pictures."""
    classes = np.array(["a"] * 2 + ["b"] * 4 + ["c"] * 9)
    images, gamma = pictures(15), 0.4
    learned = zou_yuen.fit(images, scale=4, classes=list(classes), discriminative=gamma)
    high = np.stack([y_of(image).ravel() for image in images])
    lr = [y_of(np.asarray(imresize(image, scale=0.25), np.uint8)) for image in images]
    bicubic = np.stack([np.asarray(imresize(small, scale=4)).ravel() for small in lr])
    beside = np.stack([(small - learned.low).ravel() for small in lr])
    alike = classes[:, None] == classes
    counts = np.eye(15) / 15 + gamma * (alike / alike.sum() - ~alike / (~alike).sum())
    weights = counts.sum(axis=0)
    ridge = zou_yuen.RIDGE * (weights @ np.square(beside)).mean() + 1e-9

    def objective(missing: np.ndarray, operator: np.ndarray) -> float:
        sr = bicubic + missing.ravel() + beside @ operator.T
        pairs = np.square(high[:, None] - sr).sum(axis=2)
        return float((counts * pairs).sum() + ridge * np.square(operator).sum())

    draw = np.random.default_rng(1)
    missing, operator = learned.missing.astype(float), learned.operator.astype(float)
    least = objective(missing, operator)
    for _ in range(5):
        steps = draw.normal(0, 1, missing.shape), draw.normal(0, 1, operator.shape)

        def slope(at: tuple[np.ndarray, np.ndarray], steps: tuple = steps) -> float:
            up, down = (
                objective(at[0] + sign * 1e-3 * steps[0], at[1] + sign * 1e-3 * steps[1])
                for sign in (1, -1)
            )
            return (up - down) / 2e-3

        elsewhere = slope((np.zeros_like(missing), np.zeros_like(operator)))
        assert abs(slope((missing, operator))) < 1e-5 * abs(elsewhere)
        assert objective(missing + 1e-3 * steps[0], operator + 1e-3 * steps[1]) > least


def test_the_strength_is_bounded_where_the_minimum_ends() -> None:
    a, b = pictures(2)
    some = {"images": [a, b, b, b], "classes": list("abbb"), "scale": 4}
    assert zou_yuen.fit(**some, discriminative=0.625).fits
    said = "between 0 and 0.6250 for classes of 1 to 3 pictures, not"
    for wrong in (0.626, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match=said):
            zou_yuen.fit(**some, discriminative=wrong)
    with pytest.raises(UsageError, match="between 0 and 1000"):
        zou_yuen.fit([a, b], classes=list("ab"), scale=4, discriminative=1001)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (pictures(1) + pictures(1, shape=(12, 16)), "a picture is 16x12 and the first 12x16"),
        (pictures(2, shape=(16, 13)), "pictures of 13x16 cannot be shrunk to 1/4"),
        (pictures(2, shape=(200, 200)), "pictures of 200x200 are too large for one operator"),
    ],
)
def test_pictures_that_cannot_be_learned_from(images: list[np.ndarray], said: str) -> None:
    with pytest.raises(DataRefused, match=said):
        zou_yuen.fit(images, scale=4)


def test_one_class_is_refused_before_the_work() -> None:
    told: list[float] = []
    with pytest.raises(DataRefused, match="no two classes"):
        zou_yuen.fit(pictures(3), scale=4, classes="aaa", discriminative=1, progress=told.append)
    assert told == []


def test_pictures_all_the_same_are_learned() -> None:
    image = pictures(1)[0]
    learned = zou_yuen.fit([image] * 3, scale=4)
    assert np.abs(enlarged(learned, image) - y_of(image)).max() < 1e-5
    assert np.abs(learned.operator).max() < 1e-3


def test_other_sizes_are_refused(tmp_path: Path) -> None:
    learned = zou_yuen.fit(pictures(4), scale=4)
    path = tmp_path / "faces.safetensors"
    save_weights(path, *pack("zou-yuen", learned, {}))
    opened = load(path)
    assert opened(np.full((4, 3, 3), 0.5, np.float32)).shape == (16, 12, 3)
    for shape in ((3, 4, 3), (16, 12, 3), (4, 6, 3), (1, 1, 3), (3000, 2000, 3)):
        with pytest.raises(
            ImageRefused, match="pictures of 3x4 alone, and enlarges them by a scale of 4 at"
        ):
            opened(np.zeros(shape, np.float32))
    for eightfold in (lambda: ensembled(zou_yuen.upscaler(learned)), lambda: load(f"{path}+")):
        with pytest.raises(UsageError, match=r"take the model without \+"):
            eightfold()


def test_its_cost_on_the_timed_picture_is_not_known(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "faces.safetensors"
    save_weights(path, *pack("zou-yuen", zou_yuen.fit(pictures(4), scale=4), {}))
    assert memory_mb(Method("faces", "", partial(load, path))) is None
    assert capfd.readouterr().err == ""


def test_a_weights_file_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    learned = zou_yuen.fit(pictures(4), scale=4)
    empty = np.zeros((0, 0), np.float32)
    for bad in (
        replace(learned, operator=learned.operator.T),
        replace(learned, operator=learned.operator[:, 1:]),
        replace(learned, low=learned.low.T),
        replace(learned, low=learned.low.ravel()),
        replace(learned, missing=learned.missing[1:]),
        replace(learned, low=empty, missing=empty, operator=empty),
        replace(learned, scale=2),
    ):
        with pytest.raises(ModelRefused, match="do not fit each other"):
            open_fitted(*pack("zou-yuen", bad, {}))
    path = tmp_path / "faces.safetensors"
    for value in (np.nan, np.inf):
        broken = learned.operator.copy()
        broken[5, 3] = value
        save_weights(path, *pack("zou-yuen", replace(learned, operator=broken), {}))
        with pytest.raises(ModelRefused, match="holds NaN or infinity"):
            load_weights(path)
    huge = replace(learned, operator=np.full_like(learned.operator, 3e38))
    with pytest.raises(RuntimeFailed, match="NaN or infinity"):
        zou_yuen.upscaler(huge)(np.ones((4, 3, 3), np.float32))


def test_rates_by_hand() -> None:
    """On a line: 0 and 10 are a's, 4 and 6 are b's; both means lie at 5."""
    rates = runpy.run_path(str(SCRIPTS / "recognition.py"))["rates"]
    gallery, names = np.array([[0.0], [10.0], [4.0], [5.0]]), np.array(["a", "a", "b", "b"])
    # Nearest: 1 a, 9 a, 4.2 b, 2.5 b (to 4). Means are 5 and 4.5: 1 b, 9 a, 4.2 b, 2.5 b.
    probes, truth = np.array([[1.0], [9.0], [4.2], [2.5]]), np.array(["a", "a", "b", "a"])
    assert rates(gallery, names, probes, truth) == (0.75, 0.5)


def test_glyphs_are_recognised_better_than_by_bicubic(tmp_path: Path) -> None:
    glyphs = tmp_path / "glyphs"
    python = [sys.executable, "-W", "error"]
    made = [str(SCRIPTS / "glyphs.py"), "-o", str(glyphs), "--count", "20", "--size", "16x24"]
    subprocess.run([*python, *made], check=True)
    sheet = tmp_path / "sheet.png"
    asked = [str(SCRIPTS / "recognition.py"), "--data", str(glyphs), "-o", str(sheet)]
    ran = subprocess.run(
        [*python, *asked, "--discriminative", "0,1"], check=True, capture_output=True, text=True
    )
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in ran.stdout.splitlines()[2:]]
    assert ran.stdout.startswith("360 pictures of 36 learned from; 360 of 36 to be named by 360\n")
    found = {row[0]: [float(cell or "nan") for cell in row[1:]] for row in rows[2:]}
    assert list(found) == ["HR", "LR", "bicubic", "zou-yuen, 0", "zou-yuen, 1"]
    bicubic, near, told = found["bicubic"], found["zou-yuen, 0"], found["zou-yuen, 1"]
    assert near[0] > bicubic[0] + 1  # dB
    assert told[0] < near[0]
    assert near[1] > bicubic[1] + 10  # per cent, by the nearest of the HR pictures
    assert told[1] > near[1] + 5
    assert sheet.stat().st_size > 1000
