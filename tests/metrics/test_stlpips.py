"""ST-LPIPS against the published package's own values."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import ModelRefused, UsageError
from srgan.image.resize import imresize
from srgan.metrics.stlpips import available, load_stlpips, stlpips

needs_weights = pytest.mark.skipif(
    not available(), reason='needs the weights of ST-LPIPS: pip install "srgan[metrics]"'
)


@needs_weights
def test_noise_as_the_published_package_measures_it() -> None:
    rng = np.random.default_rng(1609)
    a = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    b = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert stlpips(a, b) == pytest.approx(0.0408154, abs=2e-7)
    assert stlpips(a, a) == 0.0


@needs_weights
def test_the_package_example(shared: Path) -> None:
    """The value in the package's documentation, wherever its two pictures are at hand."""
    pictures = [shared / "stlpips" / name for name in ("ex_p0.png", "ex_ref.png")]
    if not all(p.is_file() for p in pictures):
        pytest.skip("needs ex_p0.png and ex_ref.png of the LPIPS repository in shared/stlpips")
    a, b = (np.asarray(Image.open(p).convert("RGB")) for p in pictures)
    assert stlpips(a, b) == pytest.approx(0.7777554988861084, abs=2e-6)


@needs_weights
def test_bicubic_set5(shared: Path) -> None:
    # The published package's own values for these pictures.
    expected = [0.2796659, 0.1955598, 0.3855246, 0.3718396, 0.3954530]
    folder = shared / "data" / "test" / "Set5" / "x4"
    got = []
    for i in range(1, 6):
        hr, lr = (
            np.asarray(Image.open(folder / f"img_00{i}_SRF_4_{kind}.png").convert("RGB"))
            for kind in ("HR", "LR")
        )
        got.append(stlpips(imresize(lr, scale=4), hr))  # type: ignore[arg-type]
    assert got == pytest.approx(expected, abs=5e-6)
    assert np.mean(got) == pytest.approx(0.3256, abs=5e-5)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "alex_shift_tolerant.pth"
    other.write_bytes(b"something else")
    with pytest.raises(ModelRefused, match="not the published ST-LPIPS weights"):
        load_stlpips(other)
    with pytest.raises(ModelRefused, match="cannot be read"):
        load_stlpips(tmp_path / "absent.pth")


@needs_weights
@pytest.mark.parametrize(
    ("shape", "other", "message"),
    [
        ((30, 30, 3), (30, 31, 3), "of one size"),
        ((30, 30), (30, 30), "RGB pictures"),
        ((8, 30, 3), (8, 30, 3), "too small"),
    ],
)
def test_what_cannot_be_compared(
    shape: tuple[int, ...], other: tuple[int, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        stlpips(np.zeros(shape, np.uint8), np.zeros(other, np.uint8))


@needs_weights
def test_the_least_size_is_taken() -> None:
    a = np.zeros((24, 24, 3), np.uint8)
    assert stlpips(a, a) == 0.0
