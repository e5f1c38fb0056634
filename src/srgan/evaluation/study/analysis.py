"""What the ratings of a study tell."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from srgan.errors import DataRefused, UsageError
from srgan.evaluation.study.plan import ORIGINAL, WORST, Study, normal_name
from srgan.evaluation.study.ratings import SCORES, Session
from srgan.evaluation.study.statistics import Interval, Wilcoxon, interval, ranks, wilcoxon

SIGNIFICANT = 0.05
"""The paper's level."""

_MISSED = 1
"""By how many points a score in the calibration may be off."""
_MISSED_SHARE = 0.25
"""Share of the calibration that may be further off."""
_UNSTEADY = 1.0
"""Mean distance of two scores of one picture above which a rater is called unsteady."""


@dataclass(frozen=True, slots=True)
class Row:
    """A method on a set.

    ``rank`` is the average over raters and pictures of which every method has a score, None
    without one; ``distribution`` counts the scores 1 to 5.
    """

    method: str
    mos: Interval
    ratings: int
    rank: float | None
    distribution: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetResult:
    """The methods on one set, or on all, and the test between each two of them."""

    name: str
    rows: tuple[Row, ...]
    tests: dict[tuple[str, str], Wilcoxon]
    ranked: int


@dataclass(frozen=True, slots=True)
class Retest:
    """Second score less first, of the pictures shown twice: mean, mean distance, share equal."""

    method: str
    pairs: int
    mean: float
    distance: float
    equal: float
    test: Wilcoxon


@dataclass(frozen=True, slots=True)
class Rater:
    """One rater. ``remarks`` say why the ratings may not be reliable; ``seconds`` is a median."""

    name: str
    file: str
    done: int
    expected: int
    mean: float | None
    seconds: float | None
    retest: float | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that a report shows. ``simulated`` names the model where no person rated, else ""."""

    study: Study
    simulated: str
    sets: tuple[SetResult, ...]
    retest: tuple[Retest, ...]
    raters: tuple[Rater, ...]
    dropped: tuple[str, ...]


def analyse(study: Study, sessions: Sequence[Session], drop: Iterable[str] = ()) -> Analysis:
    """The tables of a study.

    Args:
        study: the key.
        sessions: one for each rater, all of people or all simulated.
        drop: names of raters to leave out of the tables.

    Raises:
        UsageError: a rater to drop is not there.
        DataRefused: no rating is left.
    """
    names = {s.rater for s in sessions}
    dropped = tuple(dict.fromkeys(map(normal_name, drop)))
    for name in dropped:
        if name not in names:
            raise UsageError(f"--drop: there is no rater {name!r}; {', '.join(sorted(names))}")
    used = [s for s in sessions if s.rater not in dropped]
    if not any(s.ratings for s in used):
        raise DataRefused("no rating is left to analyse")
    results = [_set_result(study, used, name, {name}) for name in study.sets]
    if len(study.sets) > 1:
        results.append(_set_result(study, used, "all sets", set(study.sets)))
    return Analysis(
        study=study,
        simulated=next((s.simulated for s in sessions if s.simulated), ""),
        sets=tuple(r for r in results if r.rows),
        retest=tuple(_retests(study, used)),
        raters=tuple(_rater(study, s) for s in sessions),
        dropped=dropped,
    )


def _set_result(study: Study, sessions: Sequence[Session], name: str, sets: set[str]) -> SetResult:
    items = {i.id: i for i in study.items if i.set in sets}
    by_rater: list[dict[tuple[str, str], dict[str, int]]] = []  # (set, picture) → method → score
    for session in sessions:
        scores: dict[tuple[str, str], dict[str, int]] = {}
        for rating in session.ratings:
            item = items.get(rating.item)
            if item is not None and rating.showing == 1:
                scores.setdefault((item.set, item.picture), {})[item.method] = rating.score
        by_rater.append(scores)
    groups = [g for scores in by_rater for g in scores.values()]
    rank_of: dict[str, list[float]] = {}
    versions = len({i.method for i in items.values()})
    whole = [g for g in groups if len(g) == versions]
    for group in whole:
        for method, rank in zip(group, ranks([-s for s in group.values()]), strict=True):
            rank_of.setdefault(method, []).append(rank)
    rows = []
    for method in study.method_names:
        found = [[g[method] for g in scores.values() if method in g] for scores in by_rater]
        every = [score for scores in found for score in scores]
        if every:
            mean_rank = statistics.fmean(rank_of[method]) if whole else None
            counts = tuple(every.count(score) for score in SCORES)
            rows.append(Row(method, interval(found), len(every), mean_rank, counts))
    tests = {
        (a.method, b.method): wilcoxon(
            [g[a.method] - g[b.method] for g in groups if a.method in g and b.method in g]
        )
        for a, b in combinations(rows, 2)
    }
    return SetResult(name, tuple(rows), tests, len(whole))


def _differences(session: Session) -> dict[str, int]:
    """Second score less first, by item."""
    first = {r.item: r.score for r in session.ratings if r.showing == 1}
    second = {r.item: r.score for r in session.ratings if r.showing == 2}
    return {item: score - first[item] for item, score in second.items() if item in first}


def _retests(study: Study, sessions: Sequence[Session]) -> list[Retest]:
    method_of = {i.id: i.method for i in study.items}
    found: dict[str, list[int]] = {}
    for session in sessions:
        for item, difference in _differences(session).items():
            found.setdefault(method_of[item], []).append(difference)
    rows = [(m, found[m]) for m in study.method_names if m in found]
    if rows:
        rows.append(("all methods", [d for _, values in rows for d in values]))
    return [
        Retest(
            method,
            len(values),
            statistics.fmean(values),
            statistics.fmean(abs(v) for v in values),
            values.count(0) / len(values),
            wilcoxon(values),
        )
        for method, values in rows
    ]


def _rater(study: Study, session: Session) -> Rater:
    scores = [r.score for r in session.ratings]
    times = [r.seconds for r in session.ratings if r.seconds is not None]
    differences = [abs(d) for d in _differences(session).values()]
    return Rater(
        name=session.rater,
        file=session.file,
        done=len(scores),
        expected=len(study.showings),
        mean=statistics.fmean(scores) if scores else None,
        seconds=statistics.median(times) if times else None,
        retest=statistics.fmean(differences) if differences else None,
        remarks=tuple(_remarks(study, session, differences)),
    )


def _remarks(study: Study, session: Session, differences: Sequence[int]) -> list[str]:
    remarks = []
    meant = {e.id: e.score for e in study.calibration}
    missed = sum(abs(score - meant[i]) > _MISSED for i, score in session.calibration.items())
    if missed > _MISSED_SHARE * len(session.calibration):
        remarks.append(f"calibration failed: {missed} of {len(session.calibration)} far off")
    scores = [r.score for r in session.ratings]
    if len(scores) > 1 and len(set(scores)) == 1:
        remarks.append(f"every score is {scores[0]}")
    method_of = {i.id: i.method for i in study.items}
    worst, best = (
        [r.score for r in session.ratings if method_of[r.item] == method]
        for method in (WORST, ORIGINAL)
    )
    if worst and best and statistics.fmean(worst) >= statistics.fmean(best):
        remarks.append(
            f"{WORST} ({statistics.fmean(worst):.2f}) is not below "
            f"{ORIGINAL} ({statistics.fmean(best):.2f})"
        )
    if differences and statistics.fmean(differences) > _UNSTEADY:
        remarks.append(
            f"unsteady: {statistics.fmean(differences):.2f} points between two scores of a picture"
        )
    return remarks
