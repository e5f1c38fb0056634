"""Statistics against published examples and numbers that a hand can compute."""

import pytest

from srgan.evaluation.study.statistics import (
    Interval,
    Wilcoxon,
    interval,
    ranks,
    t_quantile,
    wilcoxon,
)

DARWIN = (49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48)
"""Cross- less self-fertilised maize in eighths of an inch (Darwin 1876)."""


def test_ranks_share_what_is_equal() -> None:
    assert ranks([3, 1, 2]) == [3, 1, 2]
    assert ranks([-5, -1, -5, -3, -5]) == [2, 5, 2, 4, 2]
    assert ranks([7, 7]) == [1.5, 1.5]


def test_wilcoxon_of_darwins_maize() -> None:
    result = wilcoxon(DARWIN)
    assert (result.statistic, result.n, result.exact) == (24, 15, True)
    assert result.p == pytest.approx(0.041259765625, abs=1e-12)  # 1352 of 2^15 signs


def test_wilcoxon_of_hollander_and_wolfes_depression() -> None:
    first = (1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30)
    second = (0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)
    result = wilcoxon([a - b for a, b in zip(first, second, strict=True)])
    assert result.statistic == 5
    assert result.p == pytest.approx(2 * 0.01953125, abs=1e-12)  # T+ = 40, one-sided 0.0195


def test_wilcoxon_by_hand() -> None:
    assert wilcoxon([-4, -2, -4, -3]).p == pytest.approx(2 / 16)
    assert wilcoxon([0, 1, 0, -1]).p == 1
    assert wilcoxon([0, 0]) == Wilcoxon(0, 1, 0, True)
    # Ranks 1.5, 1.5, 3: of 8 signs those with a sum of 0 or 1.5 (two of them), and the others.
    assert wilcoxon([-1, 1, 2]).p == pytest.approx(2 * 3 / 8)


def test_wilcoxon_with_ties_exact_and_approximate() -> None:
    """Golden: scipy 1.17.1, wilcoxon by PermutationMethod, and by method='approx'."""
    few = wilcoxon([1, -1, 2, 2, 3, -2, 1, 1, 4, -1, 0, 0, 2, 1, -3])
    assert (few.statistic, few.n, few.exact) == (27, 13, True)
    assert few.p == pytest.approx(0.2041015625, abs=1e-12)
    many = wilcoxon([i * 7 % 11 - 4 for i in range(77)])
    assert (many.statistic, many.n, many.exact) == (798, 70, False)
    assert many.p == pytest.approx(0.00899826903876258, abs=1e-12)


def test_wilcoxon_has_no_direction() -> None:
    assert wilcoxon(DARWIN) == wilcoxon([-d for d in DARWIN])


def test_students_t() -> None:
    """The printed tables' two-sided 5 % points."""
    for degrees, point in ((1, 12.706), (2, 4.303), (3, 3.182), (10, 2.228), (25, 2.060)):
        assert t_quantile(degrees) == pytest.approx(point, abs=0.0005)


def test_interval_is_students_of_the_raters_means() -> None:
    # Means 1.5 and 1: mean 1.25, standard error 0.25, one degree of freedom.
    result = interval([[1, 2], [1, 1]])
    assert result.mean == 1.25
    assert result.half_width == pytest.approx(0.25 * 12.7062, abs=1e-4)


def test_interval_of_a_rater_who_stopped_early() -> None:
    result = interval([[2, 4, 3], [5]])
    assert result.mean == 3.5  # of scores, not of raters
    assert interval([[2, 4], []]) == Interval(3, None)
    assert interval([[4, 4], [4], [4]]).half_width == 0
