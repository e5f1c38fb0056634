"""The self-ensemble: every position once, put back right, in tiles as in the whole."""

from pathlib import Path

import numpy as np
import pytest

from srgan.errors import ModelRefused, UsageError
from srgan.inference.ensemble import ensembled
from srgan.inference.open import identity, load
from srgan.inference.tiles import tiled
from srgan.inference.upscaler import Image

PICTURE = np.random.default_rng(0).random((9, 14, 3), dtype=np.float32)


class Corner:
    """Doubles a picture and adds a number that grows downwards and to the right."""

    scale = 2

    def __init__(self) -> None:
        self.seen: list[Image] = []

    def __call__(self, image: Image) -> Image:
        self.seen.append(image)
        big = np.repeat(np.repeat(image, 2, 0), 2, 1)
        rows = np.arange(big.shape[0], dtype=np.float32)[:, None, None]
        return big + rows * 3 + np.arange(big.shape[1], dtype=np.float32)[None, :, None]


def test_what_depends_on_the_position_is_averaged_and_the_rest_is_kept() -> None:
    corner = Corner()
    out = ensembled(corner)(PICTURE)
    positions = {image.tobytes() for image in corner.seen}
    assert len(corner.seen) == len(positions) == 8
    assert {image.shape for image in corner.seen} == {(9, 14, 3), (14, 9, 3)}
    # Of 18 rows and 28 columns the means are 8.5 and 13.5; turned, rows weigh as columns do.
    big = np.repeat(np.repeat(PICTURE, 2, 0), 2, 1)
    np.testing.assert_allclose(out - big, (3 + 1) / 2 * (8.5 + 13.5), rtol=1e-5)


def test_parts_are_those_of_the_whole() -> None:
    network = load("fast", threads=1, precision="fp32")
    ensemble = load("fast+", threads=1, precision="fp32")
    whole = ensemble(PICTURE)
    part = ensemble.upscaler.part(PICTURE, slice(2, 5), slice(3, 11))  # type: ignore[attr-defined]
    np.testing.assert_allclose(part, whole[8:20, 12:44], atol=1e-5)
    small = tiled(ensemble.upscaler, size=4, margin=11)  # type: ignore[attr-defined]
    np.testing.assert_allclose(small(PICTURE), whole, atol=1e-4)
    turned = ensemble(np.ascontiguousarray(PICTURE.transpose(1, 0, 2)[::-1]))
    np.testing.assert_allclose(turned.transpose(1, 0, 2)[:, ::-1], whole, atol=1e-4)
    assert np.abs(network(PICTURE) - whole).max() > 0.001


def test_a_plus_asks_for_it_and_tells_it_apart(tmp_path: Path) -> None:
    assert identity("fast+") == f"{identity('fast')} +"
    assert identity("fast+", None) != identity("fast")
    with pytest.raises(UsageError, match=r"bicubic\+: a filter gains nothing; take bicubic"):
        load("bicubic+")
    with pytest.raises(ModelRefused, match="no-such"):
        load("no-such+")


def test_it_is_nearer_to_the_original(shared: Path) -> None:
    from srgan.evaluation.protocols import score
    from srgan.image.files import read_picture
    from srgan.inference.upscale import upscale_array

    folder = shared / "data" / "test" / "Set5" / "x4"
    gains = []
    for number in (2, 5):
        lr, hr = (
            read_picture(folder / f"img_{number:03}_SRF_4_{kind}.png").frames[0].colour
            for kind in ("LR", "HR")
        )
        single, eightfold = (
            score(
                upscale_array(lr, load(name), size=hr.shape[:2]),
                hr,
                lr,
                scale=4,
                measures=["psnr_y"],
            )
            for name in ("fast", "fast+")
        )
        gains.append(eightfold["psnr_y"] - single["psnr_y"])
    assert min(gains) > 0.05
