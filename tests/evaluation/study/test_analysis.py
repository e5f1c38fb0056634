"""The tables, on a study small enough for a hand to compute."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from srgan.errors import DataRefused, UsageError
from srgan.evaluation.study.analysis import analyse
from srgan.evaluation.study.plan import ORIGINAL, Study, order
from srgan.evaluation.study.ratings import Rating, Session
from srgan.evaluation.study.simulate import simulate
from srgan.evaluation.study.tables import facts, tables


def test_means_ranks_and_tests(known: Study, sessions: Sequence[Session]) -> None:
    (result,) = analyse(known, sessions).sets
    assert result.name == "Set5"
    rows = {row.method: row for row in result.rows}
    assert list(rows) == ["nearest", "bicubic", "HR"]
    assert [row.mos.mean for row in result.rows] == [1.25, 2.5, 4.5]  # second showings left out
    assert [row.ratings for row in result.rows] == [4, 4, 4]
    assert rows["nearest"].mos.half_width == pytest.approx(3.17655, abs=1e-4)
    assert rows["nearest"].distribution == (3, 1, 0, 0, 0)
    assert rows["bicubic"].distribution == (1, 1, 1, 1, 0)
    # (3, 2, 1), (2.5, 2.5, 1), (2.5, 2.5, 1), (3, 1.5, 1.5)
    assert [row.rank for row in result.rows] == [2.75, 2.125, 1.125]
    assert result.ranked == 4
    assert {pair: test.p for pair, test in result.tests.items()} == {
        ("nearest", "bicubic"): pytest.approx(2 / 4),  # -2, 0, 0, -3
        ("nearest", "HR"): pytest.approx(2 / 16),
        ("bicubic", "HR"): pytest.approx(2 / 8),
    }


def test_test_and_retest(known: Study, sessions: Sequence[Session]) -> None:
    found = analyse(known, sessions)
    rows = {r.method: (r.pairs, r.mean, r.distance, r.equal) for r in found.retest}
    assert rows["nearest"] == (1, 1, 1, 0)
    assert rows["HR"] == (1, -1, 1, 0)
    assert rows["all methods"] == (3, 0, pytest.approx(2 / 3), pytest.approx(1 / 3))
    ann, bob = found.raters
    assert (ann.done, ann.expected, ann.seconds) == (9, 9, 2.0)
    assert ann.retest == pytest.approx(2 / 3)
    assert (bob.done, bob.seconds, bob.retest) == (6, None, None)


def test_incomplete_sessions_count_as_far_as_they_go(
    known: Study, sessions: Sequence[Session]
) -> None:
    short = replace(sessions[1], ratings=sessions[1].ratings[:1])  # n1 alone
    (result,) = analyse(known, [sessions[0], short]).sets
    assert [row.ratings for row in result.rows] == [3, 2, 2]
    assert result.rows[0].mos.mean == pytest.approx(4 / 3)
    assert result.ranked == 2
    assert [row.rank for row in result.rows] == [2.75, 2.25, 1]


def test_dropping(known: Study, sessions: Sequence[Session]) -> None:
    found = analyse(known, sessions, ["Bob"])
    assert found.sets[0].rows[0].mos.mean == 1.5
    assert found.sets[0].rows[0].mos.half_width is None  # one rater has no interval
    assert found.dropped == ("Bob",)
    assert [r.name for r in found.raters] == ["Ann", "Bob"]  # still told of
    with pytest.raises(UsageError, match="there is no rater 'Zoe'; Ann, Bob"):
        analyse(known, sessions, ["Zoe"])
    with pytest.raises(DataRefused, match="no rating is left"):
        analyse(known, sessions, ["Ann", "Bob"])


def _remarks(study: Study, scores: dict[str, int], calibration: dict[str, int]) -> tuple[str, ...]:
    ratings = tuple(Rating(i[:2], 1 + i.endswith("+"), s, None) for i, s in scores.items())
    (rater,) = analyse(study, [Session("Ann", "a.json", "", calibration, ratings)]).raters
    return rater.remarks


GOOD = {"n1": 1, "b1": 3, "h1": 5}


def test_raters_that_look_unreliable(known: Study) -> None:
    assert _remarks(known, GOOD, {"bad0": 2, "bad1": 1, "good0": 4, "good1": 3}) == ()
    assert _remarks(known, GOOD, {"bad0": 5, "bad1": 1, "good0": 3, "good1": 5}) == (
        "calibration failed: 2 of 4 far off",
    )
    assert _remarks(known, {"n1": 3, "b1": 3, "h1": 3}, {}) == (
        "every score is 3",
        "nearest (3.00) is not below HR (3.00)",
    )
    assert _remarks(known, {"n1": 5, "b1": 3, "h1": 4}, {}) == (
        "nearest (5.00) is not below HR (4.00)",
    )
    assert _remarks(known, {**GOOD, "n1+": 2, "b1+": 4, "h1+": 4}, {}) == ()  # a point apart
    unsteady = {**GOOD, "n1+": 3, "b1+": 4, "h1+": 4}
    assert _remarks(known, unsteady, {}) == (
        "unsteady: 1.33 points between two scores of a picture",
    )


def test_all_sets_together(known: Study, sessions: Sequence[Session]) -> None:
    items = tuple(replace(i, set="Other" if i.picture == "p2" else "Set5") for i in known.items)
    found = analyse(replace(known, items=items), sessions)
    assert [r.name for r in found.sets] == ["Set5", "Other", "all sets"]
    assert [r.rows[0].mos.mean for r in found.sets] == [1, 1.5, 1.25]


def test_sets_of_different_methods(known: Study, sessions: Sequence[Session]) -> None:
    """Picture 2 is of another set, without bicubic."""
    items = tuple(
        replace(i, set="Other" if i.picture == "p2" else "Set5")
        for i in known.items
        if i.id != "b2"
    )
    rated = [replace(s, ratings=tuple(r for r in s.ratings if r.item != "b2")) for s in sessions]
    found = analyse(replace(known, items=items), rated)
    rows = {r.name: [(row.method, row.mos.mean, row.rank) for row in r.rows] for r in found.sets}
    assert rows == {
        "Set5": [("nearest", 1, 2.75), ("bicubic", 2, 2.25), ("HR", 5, 1)],
        "Other": [("nearest", 1.5, 2), ("HR", 4, 1)],
        "all sets": [("nearest", 1.25, 2.75), ("bicubic", 2, 2.25), ("HR", 4.5, 1)],
    }
    assert [r.ranked for r in found.sets] == [2, 2, 2]
    assert "Other without bicubic" in facts(found)
    notes = [t.note for t in tables(found) if t.title.startswith("Mean opinion score")]
    assert ["rows are of different pictures" in note for note in notes] == [False, False, True]


def test_simulated_raters_recover_the_order_that_was_put_in(known: Study) -> None:
    sessions = simulate(known, raters=26, seed=0)
    assert [r.item for r in sessions[3].ratings] == order(known, sessions[3].rater)
    found = analyse(known, sessions)
    means = [row.mos.mean for row in found.sets[0].rows]
    assert means == sorted(means)
    assert means[0] == pytest.approx(1.3, abs=0.4)
    assert means[-1] == pytest.approx(4.5, abs=0.4)
    assert found.sets[0].tests["nearest", ORIGINAL].p < 1e-6
    assert found.simulated
    assert simulate(known, raters=26, seed=0) == sessions
    assert simulate(known, raters=26, seed=1) != sessions
