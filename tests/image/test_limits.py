"""Every limit: just under, at, just over."""

import pytest

from srgan.errors import LimitExceeded, UsageError
from srgan.image.limits import Limits

LIMITS = Limits(input_pixels=100, output_pixels=400, frames=3)


@pytest.mark.parametrize(("height", "width", "frames"), [(9, 11, 1), (10, 10, 1), (5, 5, 3)])
def test_up_to_the_limit_is_accepted(height: int, width: int, frames: int) -> None:
    LIMITS.check_input(height, width, frames)
    LIMITS.check_output(2 * height, 2 * width, frames)


def test_one_over_names_the_flag() -> None:
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        LIMITS.check_input(1, 101)
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        LIMITS.check_input(10, 10, 2)
    with pytest.raises(LimitExceeded, match="than 3; raise --max-frames"):
        LIMITS.check_input(1, 1, 4)
    with pytest.raises(LimitExceeded, match="--max-output-mp"):
        LIMITS.check_output(1, 401)


def test_the_two_figures_differ_however_close() -> None:
    with pytest.raises(LimitExceeded, match=r"64\.008 MP, more than the input limit of 64;"):
        Limits().check_input(8000, 8001)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), 0.0, -1.0])
def test_figures_that_are_no_megapixels_are_refused(figure: float) -> None:
    with pytest.raises(UsageError, match="--max-input-mp"):
        Limits.in_megapixels(figure, 4.0)
    with pytest.raises(UsageError, match="--max-output-mp"):
        Limits.in_megapixels(4.0, figure)
    assert Limits.in_megapixels(0.5, 4.0) == Limits(500_000, 4_000_000, 300)
