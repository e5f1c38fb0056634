"""What a run of the benchmark found: what its Markdown, its page and its JSON all tell."""

from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path

from srgan.evaluation.benchmark import Record, Values, means
from srgan.evaluation.cost import TIMED_SIDE, Cost
from srgan.evaluation.protocols import MEASURES
from srgan.image.atomic import atomic_file

COST_COLUMNS = (
    "s per output megapixel",
    "parameters",
    "multiply-adds per LR pixel",
    "peak MB",
)
COST_NOTE = (
    f"Seconds: median of interleaved runs on a picture of {TIMED_SIDE}x{TIMED_SIDE}. Peak MB: what "
    "a fresh process grows by to open the method and enlarge that picture."
)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report shows. ``facts`` are lines about the machine and the run."""

    scale: int
    command: str
    facts: tuple[str, ...]
    records: tuple[Record, ...]
    costs: dict[str, Cost]

    @property
    def methods(self) -> list[str]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(r.method for r in self.records))

    @property
    def sets(self) -> list[str]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(r.set for r in self.records))

    @property
    def means(self) -> dict[str, dict[str, Values]]:
        """Set → method → measure → mean."""
        return means(self.records)


def columns(report: Report) -> list[str]:
    """The measures that some record has a value of."""
    used = {m for r in report.records for m, v in r.values.items() if v is not None}
    return [m for m in MEASURES if m in used]


def number(measure: str, value: float | None) -> str:
    """A value with as many digits as mean something."""
    return "–" if value is None else f"{value:.{MEASURES[measure].digits}f}"


def best(report: Report, set_name: str, measure: str) -> str | None:
    """The method with the best mean."""
    rows = report.means.get(set_name, {})
    values = {m: v for m, row in rows.items() if (v := row.get(measure)) is not None}
    if len(values) < 2:
        return None
    choose = max if MEASURES[measure].better == "higher" else min
    return choose(values, key=lambda m: values[m])


def as_json(report: Report) -> str:
    """Everything, for programs."""
    return dumps(
        {
            "scale": report.scale,
            "command": report.command,
            "facts": report.facts,
            "measures": {m: asdict(MEASURES[m]) for m in columns(report)},
            "means": report.means,
            "costs": {name: asdict(cost) for name, cost in report.costs.items()},
            "records": [asdict(r) for r in report.records],
        },
        indent=1,
    )


def title_of(report: Report, set_name: str, method: str) -> str:
    """A method's name; with how many pictures its means are of, when some failed."""
    total = len({r.picture for r in report.records if r.set == set_name})
    measured = int(report.means[set_name][method]["pictures"] or 0)
    return method if measured == total else f"{method} ({measured} of {total})"


def failures(report: Report) -> list[str]:
    """What was not measured: a line for a picture, or for a method that failed on every one."""
    failed = {(r.method, r.set, r.picture): r.error for r in report.records if r.error is not None}
    pictures = list(dict.fromkeys((r.set, r.picture) for r in report.records))
    lines = []
    working = []
    for method in report.methods:
        errors = {failed.get((method, *picture)) for picture in pictures}
        if len(pictures) > 1 and len(errors) == 1 and None not in errors:
            lines.append(f"{method}, every picture: {errors.pop()}")
        else:
            working.append(method)
    for picture in pictures:
        methods: dict[str, list[str]] = {}
        for method in working:
            error = failed.get((method, *picture))
            if error is not None:
                methods.setdefault(error, []).append(method)
        for error, names in methods.items():
            who = "" if names == working else ", " + ", ".join(names)
            lines.append(f"{' '.join(picture)}{who}: {error}")
    return lines


def cost_cells(cost: Cost) -> list[str]:
    """The cost as text: seconds, parameters, multiply-adds, megabytes."""
    return [
        "–" if cost.seconds is None else f"{cost.seconds:.3g}",
        "–" if cost.parameters is None else f"{cost.parameters:,}",
        "–" if cost.multiply_adds is None else f"{cost.multiply_adds:,}",
        "–" if cost.memory_mb is None else f"{cost.memory_mb:.0f}",
    ]


def write(folder: Path, *, json: str, markdown: str, html: str) -> None:
    """Write ``report.json``, ``report.md`` and ``report.html``.

    Raises:
        OutputFailed: the folder cannot be written.
    """
    for suffix, text in (("json", json), ("md", markdown), ("html", html)):
        with atomic_file(folder / f"report.{suffix}", overwrite=True) as file:
            file.write(text.encode())
