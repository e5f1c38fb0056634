"""The side-by-side picture."""

import numpy as np

from srgan.inference.compare import Crop, Panel, busiest_crop, comparison


def test_the_busiest_square_is_where_the_detail_is() -> None:
    image = np.full((120, 160, 3), 90, np.uint8)
    image[40:72:2, 96:128] = 200
    crop = busiest_crop(image, side=32)
    assert (crop.width, crop.height) == (32, 32)
    assert abs(crop.left - 96) <= 4
    assert abs(crop.top - 40) <= 4


def test_a_crop_is_never_larger_than_the_picture() -> None:
    assert busiest_crop(np.zeros((5, 9, 3), np.uint8), side=64) == Crop(0, 0, 9, 5)


def test_each_column_shows_its_picture_and_its_crop_pixel_by_pixel() -> None:
    left = np.full((64, 64, 3), 40, np.uint8)
    right = np.full((64, 64, 3), 200, np.uint8)
    right[20:24, 30:34] = (255, 0, 0)
    panels = [Panel("left", left), Panel("right", right)]
    sheet = comparison(panels, Crop(30, 20, 4, 4), panel_width=100)
    assert sheet.shape[1] == 12 + 2 * (100 + 12)
    first, second = sheet[:, 12:112], sheet[:, 124:224]
    # The zoomed square is the last 100 rows above the gap.
    assert (first[-60, 50] == 40).all()
    assert second[-60, 50].tolist() == [255, 0, 0]
    # The whole picture is above it, marked by a frame.
    assert (np.abs(second.astype(int) - 200).max(axis=2) == 0).sum() > 5000
    assert (first == (214, 40, 40)).all(axis=2).sum() > 300
