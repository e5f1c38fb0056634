"""A committed baseline: the means of a small run that later runs must repeat."""

import json
from pathlib import Path

from srgan.errors import DataRefused
from srgan.evaluation.protocols import MEASURES
from srgan.evaluation.report import Report
from srgan.image.atomic import atomic_file

Means = dict[str, dict[str, dict[str, float]]]
"""Set → method → measure → mean."""


def tolerance(measure: str) -> float:
    """A hundredth of a dB; of SSIM and its like, which have four decimals, five in the last."""
    return 0.01 if MEASURES[measure].digits == 2 else 0.0005


def save(report: Report, path: Path) -> None:
    """Write the report's means, with the command that made them.

    Raises:
        OutputFailed: the file cannot be written.
    """
    rounded = {
        name: {
            method: {m: round(v, 4) for m, v in row.items() if v is not None}
            for method, row in rows.items()
        }
        for name, rows in report.means.items()
    }
    baseline = {"command": report.command, "scale": report.scale, "means": rounded}
    with atomic_file(path, overwrite=True) as file:
        file.write(f"{json.dumps(baseline, indent=1)}\n".encode())


def load(path: Path, *, scale: int) -> Means:
    """The means of a baseline.

    Raises:
        DataRefused: it cannot be read, or is of another scale.
    """
    try:
        baseline = json.loads(path.read_text(encoding="utf-8"))
        expected: Means = baseline["means"]
        found = baseline["scale"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataRefused(
            f"{path}: no baseline that can be read ({error}); "
            "make it with: srgan benchmark --write-baseline"
        ) from error
    if found != scale:
        raise DataRefused(f"{path}: is a baseline of x{found}, this run is x{scale}")
    return expected


def differences(report: Report, expected: Means) -> list[str]:
    """One line for every mean of a baseline that the report does not repeat."""
    lines = []
    for set_name, methods in expected.items():
        for method, row in methods.items():
            ours = report.means.get(set_name, {}).get(method)
            if ours is None:
                lines.append(f"{set_name} {method}: is in the baseline and was not measured")
                continue
            for measure, value in row.items():
                got = ours.get(measure)
                allowed = tolerance(measure) if measure in MEASURES else 0.0
                if got is None or abs(got - value) > allowed:
                    lines.append(f"{set_name} {method} {measure}: {got}, the baseline has {value}")
    return lines
