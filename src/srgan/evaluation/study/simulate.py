"""Raters made of random numbers, to try a study before people are asked.

What they score says nothing of any method: the model makes the methods better in the order in
which the study names them. Every file of theirs says that it is simulated.
"""

import random

from srgan.evaluation.study.plan import Study, order
from srgan.evaluation.study.ratings import SIMULATED, Rating, Session

LOWEST, HIGHEST = 1.3, 4.5
"""The mean quality of the first method and of the original."""
PICTURE_STD, RATER_STD, SCORE_STD = 0.2, 0.3, 0.6
"""Standard deviations: of a picture under one method, of a rater's strictness, of one score."""

MODEL = (
    f"random scores: quality from {LOWEST} for the study's first method to {HIGHEST} for the last "
    f"in equal steps, normal noise of {PICTURE_STD} for a picture, {RATER_STD} for a rater and "
    f"{SCORE_STD} for a score, rounded to 1..5"
)


def simulate(study: Study, *, raters: int, seed: int) -> list[Session]:
    """Sessions of raters that do not exist, by :data:`MODEL`.

    Args:
        raters: how many, at least 1.
        seed: the same seed gives the same ratings.
    """
    draw = random.Random(seed)
    step = (HIGHEST - LOWEST) / max(1, len(study.methods) - 1)
    level = {name: LOWEST + step * i for i, name in enumerate(study.method_names)}
    quality = {i.id: level[i.method] + draw.gauss(0, PICTURE_STD) for i in study.items}
    meant = {e.id: float(e.score) for e in study.calibration}
    # The page shows one example of each score and lets the others be rated.
    shown = {next(e.id for e in study.calibration if e.score == s) for s in set(meant.values())}
    sessions = []
    for number in range(1, raters + 1):
        name = f"{SIMULATED} {number:0{len(str(raters))}d}"
        strictness = draw.gauss(0, RATER_STD)

        def score(value: float, strictness: float = strictness) -> int:
            return min(5, max(1, round(value + strictness + draw.gauss(0, SCORE_STD))))

        calibration = {i: score(value) for i, value in meant.items() if i not in shown}
        ratings = []
        seen: set[str] = set()
        for item in order(study, name):
            ratings.append(Rating(item, 2 if item in seen else 1, score(quality[item]), None))
            seen.add(item)
        sessions.append(Session(name, "", MODEL, calibration, tuple(ratings)))
    return sessions
