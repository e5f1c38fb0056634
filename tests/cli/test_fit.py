"""``srgan fit`` and ``srgan data fetch`` from the command line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from srgan.cli import main
from srgan.inference.open import load
from srgan.metrics import niqe
from srgan.weights.format import CLASSICAL, load_weights, read_header


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        coarse = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(coarse.repeat(8, axis=0).repeat(8, axis=1)).save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def _run(*arguments: str) -> tuple[BaseException | None, str]:
    result = CliRunner().invoke(main.build(), list(arguments))
    return result.exception, result.output


@pytest.mark.filterwarnings("ignore:none of the model's photos")
@pytest.mark.parametrize("method", [m for m in CLASSICAL if m != "zou-yuen"])
def test_a_fitted_file_enlarges(method: str, photos: Path, tmp_path: Path) -> None:
    if method == "landmark":
        pytest.importorskip("cv2", reason="needs srgan[reference]")
    out = tmp_path / f"{method}.safetensors"
    arguments = ("--data", str(photos), "--scale", "2", "--atoms", "16")
    arguments += ("--samples", "20000", "-o", str(out))
    error, output = _run("fit", method, *arguments)
    assert error is None, output
    assert "notes.txt" in output
    header = read_header(out)
    assert (header.architecture, header.scale) == (method, 2)
    recipe = f"srgan fit {method} --scale 2 --atoms 16 --samples 20000 --seed 0"
    assert header.card["recipe"] == recipe
    assert load(out)(np.zeros((9, 7, 3), np.float32)).shape == (18, 14, 3)


def test_16_bits_are_rounded_before_they_are_learned_from(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(1, 256, (40, 40), dtype=np.uint16)
    learnt = []
    for name, pixels in (("eight", gray.astype(np.uint8)), ("sixteen", gray * 257 - 100)):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "photo.png")
        out = tmp_path / f"{name}.safetensors"
        options = ("--scale", "2", "--atoms", "4", "-o", str(out))
        error, output = _run("fit", "zeyde", "--data", str(tmp_path / name), *options)
        assert error is None, output
        learnt.append(load_weights(out)[0])
    assert all(np.array_equal(learnt[0][key], learnt[1][key]) for key in learnt[0])


def test_faces_by_person(tmp_path: Path) -> None:
    """Gray and RGB, in the folders of two persons; the other sizes are refused in one line."""
    people, out = tmp_path / "people", tmp_path / "faces.safetensors"
    rng = np.random.default_rng(0)
    for person, mode in (("anna", "L"), ("ben", "RGB")):
        face = np.kron(rng.integers(60, 200, (8, 6)), np.ones((2, 2), int))
        (people / person / "2020").mkdir(parents=True)
        for i in range(4):
            noisy = np.clip(face + rng.normal(0, 9, face.shape), 0, 255).astype(np.uint8)
            folder = people / person / ("2020" if i % 2 else "")
            Image.fromarray(noisy).convert(mode).save(folder / f"{i}.png")
    fit = ("fit", "zou-yuen", "--data", str(people), "--scale", "2", "--discriminative")
    error, output = _run(*fit, "1.5", "-o", str(out))
    assert (error, output) == (None, ""), "no progress where stderr is no terminal"
    recipe = "srgan fit zou-yuen --scale 2 --atoms 1024 --seed 0 --discriminative 1.5"
    assert read_header(out).card["recipe"] == recipe
    alone = "takes aligned pictures of 6x8 alone, and enlarges them by a scale of 2 at most"
    for width, height, scale, refused in (
        (6, 8, "2", False),
        (6, 8, "4", True),
        (8, 6, "2", True),
        (12, 8, "2", True),
    ):
        tiny, big = tmp_path / "tiny.png", tmp_path / f"{width}x{height}-{scale}.png"
        Image.new("RGB", (width, height), "gray").save(tiny)
        asked = ("upscale", str(tiny), "-m", str(out), "-o", str(big), "--scale", scale)
        error, output = _run(*asked)
        assert (alone in output) == refused == (error is not None) == (not big.exists())
    assert Image.open(tmp_path / "6x8-2.png").size == (12, 16)
    one = tmp_path / "one.safetensors"
    error, _ = _run(*fit, "1.5", "-o", str(one), "--data", str(people / "anna" / "2020"))
    assert "there are no two classes to be told apart" in str(error)
    assert not one.exists()


def test_photos_that_do_not_help_are_said_in_a_line(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="needs srgan[reference]")
    place, flat = tmp_path / "place.safetensors", tmp_path / "flat.png"
    error, output = _run("fit", "landmark", "--data", str(photos), "-o", str(place))
    assert error is None, output
    Image.new("RGB", (16, 12), "gray").save(flat)
    ran = subprocess.run(
        [sys.executable, "-m", "srgan", "upscale", str(flat), "-m", str(place)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr.splitlines() == [
        "srgan: none of the model's photos shows what the picture does; "
        "gradient-profile enlarges it"
    ]


def test_a_picture_above_the_limit_is_left_out_and_the_limit_can_be_raised(
    photos: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 200)).save(photos / "large.png")
    arguments = ("--data", str(photos), "--scale", "2", "--atoms", "16")
    for limit, count in (("0.05", 3), ("0.07", 4)):
        out = tmp_path / f"{limit}.safetensors"
        error, output = _run("fit", "gr", *arguments, "-o", str(out), "--max-input-mp", limit)
        assert error is None, output
        assert ("large.png" in output) == (count == 3)
        assert read_header(out).card["data"].startswith(f"{count} pictures")


def test_niqe(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1100, 1100, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    out = tmp_path / "clean.npz"
    error, output = _run("fit", "niqe", "--data", str(folder), "-o", str(out))
    assert error is None, output
    assert niqe.load(out).covariance.shape == (36, 36)


def test_what_is_refused(tmp_path: Path) -> None:
    out = str(tmp_path / "x.safetensors")
    error, _ = _run("fit", "trees", "--data", str(tmp_path), "-o", out)
    assert f"choose one of {', '.join(CLASSICAL)}, niqe" in str(error)
    error, _ = _run("fit", "zeyde", "--data", str(tmp_path), "--scale", "5", "-o", out)
    assert "--scale must be 2, 3 or 4" in str(error)
    error, _ = _run("fit", "jor", "--data", str(tmp_path), "--samples", "0", "-o", out)
    assert "--samples must be at least 1, not 0" in str(error)
    error, _ = _run("fit", "zeyde", "--data", str(tmp_path), "--atoms", "0", "-o", out)
    assert "--atoms must be at least 1, not 0" in str(error)
    error, _ = _run("fit", "zeyde", "--data", str(tmp_path), "--seed", "-1", "-o", out)
    assert "--seed must be at least 0, not -1" in str(error)
    error, _ = _run("fit", "zeyde", "--data", str(tmp_path), "-o", str(tmp_path / "zeyde"))
    assert "zeyde: a weights file's name ends in .safetensors" in str(error)
    error, _ = _run("fit", "zeyde", "--data", str(tmp_path), "-o", out)
    assert "there is no picture in it" in str(error)
    error, _ = _run("fit", "zeyde", "--data", str(tmp_path / "none"), "-o", out)
    assert "there is no such folder" in str(error)
    Path(out).write_text("mine", encoding="utf-8")
    error, _ = _run("fit", "zeyde", "--data", str(tmp_path), "-o", out)
    assert "exists already" in str(error)
    assert Path(out).read_text(encoding="utf-8") == "mine"


def test_an_unknown_set_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    error, _ = _run("data", "fetch", "Set5", "Set6", "-o", str(tmp_path))
    assert "there is no set 'Set6' to fetch; there are Set5, Set14, BSD100" in str(error)
    assert list(tmp_path.iterdir()) == []
