"""``srgan benchmark``: every method on the standard test sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from srgan.evaluation.benchmark import Method, Progress
    from srgan.evaluation.cost import Cost
    from srgan.evaluation.datasets import Entry
    from srgan.evaluation.page import Panel
    from srgan.evaluation.report import Report


def benchmark(
    output: Annotated[Path, typer.Option("-o", "--output", help="folder of the report")],
    data: Annotated[Path, typer.Option(help="folder with one folder a test set")] = Path("data"),
    sets: Annotated[str | None, typer.Option(help="names, such as Set5,Set14")] = None,
    methods: Annotated[
        str | None, typer.Option(help="names and weights files; default: all of this scale")
    ] = None,
    scale: Annotated[int, typer.Option(help="factor")] = 4,
    measures: Annotated[str | None, typer.Option(help="names; default: all there are")] = None,
    cost: Annotated[bool, typer.Option(help="measure time and memory too")] = True,
    panels: Annotated[int, typer.Option(help="pictures of each set shown as crops")] = 1,
    baseline: Annotated[
        Path | None, typer.Option(help="fail where the means differ from this file")
    ] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="write the means here")] = None,
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
    from srgan.evaluation.protocols import MEASURES
    from srgan.evaluation.report import Report, as_page, write
    from srgan.metrics.stlpips import available

    if scale < 2:
        raise UsageError(f"--scale must be at least 2, not {scale}")
    wanted = measures.split(",") if measures else list(MEASURES)
    for name in wanted:
        if name not in MEASURES:
            raise UsageError(f"--measures: {name!r} is unknown; choose among {', '.join(MEASURES)}")
    if "stlpips" in wanted and not available() and not measures:
        wanted.remove("stlpips")
        print("srgan: without ST-LPIPS; add it with: pip install 'srgan[metrics]'", file=sys.stderr)
    entries = find(data, sets.split(",") if sets else None, scale=scale)
    chosen = _methods(methods, scale)
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
        progress=_say,
    )
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    report = Report(
        scale=scale,
        command=_command(data, sets, methods, scale),
        facts=_facts(),
        records=tuple(records),
        costs=_costs(chosen, scale) if cost else {},
    )
    write(report, output, as_page(report, _panels(report, chosen, entries, panels)))
    print(output / "report.html")
    if write_baseline is not None:
        baselines.save(report, write_baseline)
    if baseline is not None:
        lines = baselines.differences(report, baseline)
        for line in lines:
            print(f"srgan: {line}", file=sys.stderr)
        if lines:
            raise SRGANError(f"{len(lines)} means differ from {baseline}")


def _methods(names: str | None, scale: int) -> list[Method]:
    from functools import partial
    from hashlib import sha256

    from srgan import __version__
    from srgan.errors import ModelRefused
    from srgan.evaluation.benchmark import Method
    from srgan.inference.open import load
    from srgan.weights.catalog import models
    from srgan.weights.format import read_header

    known = {m.name: m for m in models()}
    chosen = []
    for name in names.split(",") if names else known:
        path = _weights(name)
        if path is None:
            version = __version__
        else:
            header = read_header(path)
            if header.scale != scale:
                if names is None:
                    continue
                raise ModelRefused(f"{name}: enlarges x{header.scale}, not x{scale}; leave it out")
            version = sha256(path.read_bytes()).hexdigest()[:12]
        label = Path(name).stem if name not in known else name
        chosen.append(Method(label, version, partial(load, name, scale=scale), name))
    return chosen


def _weights(name: str) -> Path | None:
    """The weights file of a method; None for a filter."""
    from srgan.weights.catalog import models, weights_file

    path = Path(name)
    if path.suffix == ".safetensors":
        return path
    kinds = {m.name: m.kind for m in models()}
    return None if kinds.get(name) == "filter" else weights_file(name)


def _costs(methods: list[Method], scale: int) -> dict[str, Cost]:
    from srgan.evaluation.cost import Cost, memory_mb, seconds, static_cost

    times = seconds(methods)
    costs = {}
    for method in methods:
        path = _weights(method.argument)
        parameters, multiply_adds = static_cost(path) if path else (0, None)
        costs[method.name] = Cost(
            times.get(method.name),
            parameters,
            multiply_adds,
            memory_mb(method.argument, scale=scale),
        )
    return costs


def _panels(report: Report, methods: list[Method], entries: list[Entry], count: int) -> list[Panel]:
    import numpy as np

    from srgan.errors import SRGANError
    from srgan.evaluation.benchmark import enlarge
    from srgan.evaluation.datasets import read
    from srgan.evaluation.page import Crop, Panel, crop_of

    values = {(r.method, r.set, r.picture): r.values for r in report.records if r.error is None}
    shown: list[Panel] = []
    for set_name in report.sets if methods else []:
        for entry in [e for e in entries if e.set == set_name][:count]:
            try:
                sample = read(entry, scale=report.scale)
            except SRGANError:
                continue
            rows, columns = crop_of(sample.hr, 96)
            crops = [Crop("HR", np.ascontiguousarray(sample.hr[rows, columns]), "")]
            for method in methods:
                row = values.get((method.name, entry.set, entry.name))
                if row is None:
                    continue
                sr = enlarge(method.open(), sample.lr)
                scores = [
                    f"{row[m]:.{digits}f}{unit}"
                    for m, digits, unit in (("psnr_y", 2, " dB"), ("ssim_y", 4, ""))
                    if row.get(m) is not None
                ]
                if row.get("stlpips") is not None:
                    scores.append(f"ST-LPIPS {row['stlpips']:.3f}")
                crop = np.ascontiguousarray(sr[rows, columns])
                crops.append(Crop(method.name, crop, " / ".join(scores)))
            shown.append(Panel(f"{entry.set} {entry.name}", tuple(crops)))
    return shown


def _say(progress: Progress) -> None:
    """One line that is written over on a terminal; a line every tenth part elsewhere."""
    import sys

    record = progress.record
    if record.error is not None:
        start = "\r\033[K" if sys.stderr.isatty() else ""
        where = f"{record.set} {record.picture}, {record.method}"
        print(f"{start}srgan: {where}: {record.error}", file=sys.stderr)
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    line = (
        f"{progress.done}/{progress.total} {record.set} {record.picture} {record.method}, "
        f"{minutes}:{seconds:02d} left"
    )
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
    elif progress.done % max(1, progress.total // 10) == 0:
        print(line, file=sys.stderr)


def _command(data: Path, sets: str | None, methods: str | None, scale: int) -> str:
    parts = ["srgan benchmark", f"--data {data.name}"]
    parts += [f"--sets {sets}"] if sets else []
    if methods:
        parts.append("--methods " + ",".join(Path(m).name for m in methods.split(",")))
    return " ".join([*parts, f"--scale {scale}"])


def _facts() -> tuple[str, ...]:
    import os
    import platform

    from srgan import __version__

    return (
        f"srgan {__version__}, Python {platform.python_version()}",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores",
    )
