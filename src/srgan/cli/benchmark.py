"""``srgan benchmark``: every method on the standard test sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srgan.cli.methods import methods_of, weights_of

if TYPE_CHECKING:
    from srgan.evaluation.benchmark import Method, Progress
    from srgan.evaluation.cost import Cost
    from srgan.evaluation.datasets import Entry
    from srgan.evaluation.page import Panel
    from srgan.evaluation.report import Report
    from srgan.image.limits import Limits


def benchmark(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the report.")],
    data: Annotated[Path, typer.Option(help="Folder with one folder a test set.")] = Path("data"),
    sets: Annotated[
        str | None,
        typer.Option(help="Names. Default: Set5,Set14,BSD100, those of them that are there."),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Names and weights files; all: those of this scale in srgan, except selfex, "
            "glasner, tai and zhang, which take minutes."
        ),
    ] = "all",
    scale: Annotated[
        int,
        typer.Option(
            help="Factor of the enlargement. A network of another one that is named in --methods "
            "is brought to it as srgan upscale does."
        ),
    ] = 4,
    precision: Annotated[
        str,
        typer.Option(help="auto, as srgan upscale chooses; fp32 for the same figures anywhere."),
    ] = "auto",
    measures: Annotated[str | None, typer.Option(help="Names; default: all there are.")] = None,
    cost: Annotated[bool, typer.Option(help="Measure time and memory too.")] = True,
    panels: Annotated[int, typer.Option(help="Pictures of each set shown as crops.")] = 1,
    show: Annotated[
        str | None, typer.Option(help="Show these as crops instead, such as Set14/img_003_SRF_4.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Fail where the means differ from this file.")
    ] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="Write the means here.")] = None,
    max_input_mp: Annotated[
        float, typer.Option("--max-input-mp", help="Refuse larger pictures, in megapixels.")
    ] = 64.0,
) -> None:
    """Measure every method on test sets; writes report.html, report.md and report.json.

    Run again with the same --output it goes on where it was. A picture or method that fails is a
    line in the report.
    """
    import sys

    from srgan.errors import OutputFailed, SRGANError, UsageError
    from srgan.evaluation import baseline as baselines
    from srgan.evaluation.benchmark import run
    from srgan.evaluation.datasets import find
    from srgan.evaluation.markdown import as_markdown
    from srgan.evaluation.page import page
    from srgan.evaluation.protocols import MEASURES
    from srgan.evaluation.report import Report, as_json, write
    from srgan.image.limits import Limits
    from srgan.metrics.stlpips import available

    if scale < 2:
        raise UsageError(f"--scale must be at least 2, not {scale}")
    wanted = measures.split(",") if measures else list(MEASURES)
    for name in wanted:
        if name not in MEASURES:
            raise UsageError(f"--measures: {name!r} is unknown; choose among {', '.join(MEASURES)}")
    if "stlpips" in wanted and not available() and not measures:
        wanted.remove("stlpips")
        print('srgan: without ST-LPIPS; add it with: pip install "srgan[metrics]"', file=sys.stderr)
    limits = Limits.in_megapixels(max_input_mp, output_mp=1.0)
    expected = {} if baseline is None else baselines.load(baseline, scale=scale)
    entries = find(data, list(dict.fromkeys(sets.split(","))) if sets else None, scale=scale)
    chosen = methods_of(methods, scale, precision)
    shown = _shown(entries, panels, show)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputFailed(f"{output}: cannot be made: {error.strerror or error}") from error

    records = run(
        chosen,
        entries,
        scale=scale,
        measures=wanted,
        records=output / "records.jsonl",
        progress=_Say(),
        limits=limits,
    )
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    report = Report(
        scale=scale,
        command=_command(
            *(data, sets, methods, scale, precision),
            *(measures, cost, max_input_mp, output),
        ),
        facts=_facts(precision),
        records=tuple(records),
        costs=_costs(chosen) if cost else {},
    )
    crops = _panels(report, chosen, shown, limits)
    write(output, json=as_json(report), markdown=as_markdown(report), html=page(report, crops))
    print(output / "report.html")
    if write_baseline is not None:
        baselines.save(report, write_baseline)
    if baseline is not None:
        lines = baselines.differences(report, expected)
        for line in lines:
            print(f"srgan: {line}", file=sys.stderr)
        if lines:
            raise SRGANError(f"{len(lines)} means differ from {baseline}")


def _costs(methods: list[Method]) -> dict[str, Cost]:
    from srgan.evaluation.cost import Cost, memory_mb, seconds, static_cost
    from srgan.inference.open import without_mark

    times = seconds(methods)
    costs = {}
    for method in methods:
        path = weights_of(method.argument)
        parameters, multiply_adds = static_cost(path) if path else (0, None)
        if multiply_adds is not None and without_mark(method.argument)[1]:
            multiply_adds *= 8
        costs[method.name] = Cost(
            times.get(method.name),
            parameters,
            multiply_adds,
            memory_mb(method),
        )
    return costs


def _shown(entries: list[Entry], count: int, names: str | None) -> list[Entry]:
    """The pictures that the page has crops of: by name, or the first of each set."""
    from srgan.errors import UsageError

    if names is None:
        sets = dict.fromkeys(e.set for e in entries)
        return [e for s in sets for e in [e for e in entries if e.set == s][:count]]
    known = {f"{e.set}/{e.name}": e for e in entries}
    for name in names.split(","):
        if name not in known:
            raise UsageError(f"--show: there is no {name!r}; {next(iter(known))} is one of them")
    return [known[name] for name in names.split(",")]


def _panels(
    report: Report, methods: list[Method], entries: list[Entry], limits: Limits
) -> list[Panel]:
    import numpy as np

    from srgan.errors import SRGANError
    from srgan.evaluation.benchmark import enlarge
    from srgan.evaluation.datasets import read
    from srgan.evaluation.page import Crop, Panel, crop_of

    values = {(r.method, r.set, r.picture): r.values for r in report.records if r.error is None}
    places, crops = [], []
    for entry in entries:
        try:
            sample = read(entry, scale=report.scale, limits=limits)
        except SRGANError:
            continue
        place = crop_of(sample.hr, 96)
        places.append((entry, sample.lr, place))
        crops.append([Crop("HR", np.ascontiguousarray(sample.hr[place]), "")])
    for method in methods:
        wanted = [
            (shown, lr, place, row)
            for shown, (entry, lr, place) in zip(crops, places, strict=True)
            if (row := values.get((method.name, entry.set, entry.name))) is not None
        ]
        upscaler = method.open() if wanted else None
        for shown, lr, place, row in wanted:
            assert upscaler is not None
            crop = np.ascontiguousarray(enlarge(upscaler, lr)[place])
            shown.append(Crop(method.name, crop, _scores(row)))
    return [
        Panel(f"{entry.set} {entry.name}", tuple(shown))
        for (entry, _, _), shown in zip(places, crops, strict=True)
    ]


def _scores(row: dict[str, float | None]) -> str:
    """Of the whole picture, for below its crop."""
    shown = (("psnr_y", "{:.2f} dB"), ("ssim_y", "{:.4f}"), ("stlpips", "ST-LPIPS {:.3f}"))
    return " / ".join(f.format(v) for name, f in shown if (v := row.get(name)) is not None)


class _Say:
    """One line that is written over on a terminal; a line every tenth part elsewhere.

    An error is said once, not once a method.
    """

    def __init__(self) -> None:
        self.said: set[tuple[str, ...]] = set()

    def __call__(self, progress: Progress) -> None:
        import sys

        record = progress.record
        start = "\r\033[K" if sys.stderr.isatty() else ""
        by_picture = (record.set, record.picture, record.error or "")
        by_method = (record.method, record.error or "")
        if record.error is not None and not {by_picture, by_method} & self.said:
            where = f"{record.set} {record.picture}, {record.method}"
            print(f"{start}srgan: {where}: {record.error}", file=sys.stderr)
        if record.error is not None:
            self.said |= {by_picture, by_method}
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        line = (
            f"{progress.done}/{progress.total} {record.set} {record.picture} {record.method}, "
            f"{minutes}:{seconds:02d} left"
        )
        if start:
            print(start + line, end="", file=sys.stderr, flush=True)
        elif progress.done % max(1, progress.total // 10) == 0:
            print(line, file=sys.stderr)


def _command(
    data: Path,
    sets: str | None,
    methods: str,
    scale: int,
    precision: str,
    measures: str | None,
    cost: bool,
    max_input_mp: float,
    output: Path,
) -> str:
    """What makes the same figures again, without the folders that are nobody else's."""
    parts = ["srgan benchmark", f"--data {data.name}"]
    parts += [f"--sets {sets}"] if sets else []
    if methods != "all":
        parts.append("--methods " + ",".join(Path(m).name for m in methods.split(",")))
    parts += [f"--scale {scale}"] if scale != 4 else []
    parts += [f"--precision {precision}"] if precision != "auto" else []
    parts += [f"--measures {measures}"] if measures else []
    parts += [] if cost else ["--no-cost"]
    parts += [f"--max-input-mp {max_input_mp:g}"] if max_input_mp != 64 else []
    return " ".join([*parts, f"-o {output.name}"])


def _facts(precision: str) -> tuple[str, ...]:
    import platform

    from srgan import __version__
    from srgan.inference.runtimes import native_bf16
    from srgan.processor import cores, fast_bf16, name
    from srgan.words import counted

    if precision == "auto":
        narrow = native_bf16() and fast_bf16()
        precision = "bf16 where a network was found to lose nothing by it" if narrow else "fp32"
    return (
        f"srgan {__version__}, Python {platform.python_version()}, {platform.system()}",
        f"{name()}, {counted(cores(), 'core')}; {precision}",
    )
