"""``srgan upscale FOLDER``: the folder job as the command line shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from srgan.cli.progress import progress_bar
from srgan.image.atomic import shown
from srgan.image.limits import Limits
from srgan.inference.file import Options, size_mark, upscale_file, wanted_size
from srgan.inference.folder import Event, Process, outputs_made, run_folder
from srgan.inference.scan import Task, check_space, plan_folder
from srgan.inference.stop import Stop
from srgan.inference.upscaler import Upscaler


def upscale_folder(
    folder: Path,
    output: Path,
    options: Options,
    *,
    load: Callable[[], Upscaler],
    stop: Stop,
    made_by: Mapping[str, object],
    model: str,
    template: str = "{stem}",
    recursive: bool = False,
    resume: bool = False,
    workers: int = 1,
    far: AbstractContextManager[tuple[Process, int]] | None = None,
    quiet: bool = False,
    json: bool = False,
) -> int:
    """Enlarge a folder's pictures and say what became of each.

    Args:
        folder: of the inputs.
        output: of the results.
        options: of each picture.
        load: opens the model; called once it is known that the job can start.
        stop: what SIGINT and SIGTERM have asked for.
        made_by: the model's identity and what else, beside ``options``, decides the pixels.
        model: its name, for the template.
        template: of the results' names.
        recursive, resume, workers: as :func:`srgan.inference.folder.run_folder` takes them.
        far: does the work elsewhere, with its own number of workers.
        quiet: say nothing but errors.
        json: one JSON object a line on stdout instead of text.

    Returns:
        the exit status: 1 if any picture was refused or failed, 130 or 143 after a signal.

    Raises:
        UsageError, ImageRefused, OutputFailed: the job cannot start.
    """
    plan = plan_folder(
        folder,
        output,
        recursive=recursive,
        template=template,
        format=options.format,
        values={"scale": size_mark(options).removeprefix("x"), "model": model},
        made_before=outputs_made(output),
    )
    for notice in () if quiet else plan.notices:
        print(notice, file=sys.stderr)
    stdout = sys.stdout  # which a cluster turns away from

    def report(event: Event) -> None:
        if json:
            print(event.as_json(), file=stdout, flush=True)
        if event.status in ("refused", "failed"):
            print(f"srgan: {shown(event.input)}: {event.reason}", file=sys.stderr)
        elif not quiet:
            for notice in event.notices:
                print(f"{shown(event.input)}: {notice}", file=sys.stderr)
            if not json:
                print(_line(event), file=stdout, flush=True)

    if not plan.tasks:  # and no folder of results
        for path, reason in plan.unreadable:
            report(Event("refused", path, "", reason))
        return stop.exit_status or int(bool(plan.unreadable))
    scarce = check_space(
        plan.tasks,
        output,
        size_of=lambda height, width: wanted_size(height, width, options),
        limits=options.limits,
    )
    if scarce and not quiet:
        print(scarce, file=sys.stderr)
    decides = {**made_by, "options": _deciding(options)}
    with far or _here(load, options, workers, show=not quiet) as (process, count):
        summary = run_folder(
            plan,
            output,
            process,
            made_by=decides,
            resume=resume,
            overwrite=options.overwrite,
            workers=count,
            report=report,
            stop=stop,
        )
        if not quiet or summary.exit_status:
            print(f"{shown(folder)}: {summary}", file=sys.stderr)
    return stop.exit_status or summary.exit_status


def _deciding(options: Options) -> str:
    """What of the options a result depends on, however they were given.

    Not what is refused: whoever lets more through wants the rest, not all again.
    """
    plain = replace(
        options, scale=options.factor, overwrite=False, allow_damaged=False, limits=Limits()
    )
    return repr(plain)


@contextmanager
def _here(
    load: Callable[[], Upscaler], options: Options, workers: int, *, show: bool
) -> Iterator[tuple[Process, int]]:
    upscaler = load()

    def process(task: Task, again: bool, asked: Callable[[], bool]) -> tuple[str, ...]:
        wanted = replace(options, overwrite=again, format=task.format)
        with progress_bar(task.name, show=show and workers == 1) as progress:
            return upscale_file(
                task.input, task.output, upscaler, wanted, progress=progress, cancelled=asked
            ).notices

    yield process, workers


def _line(event: Event) -> str:
    if event.status == "skipped":
        return f"{shown(event.output)}  skipped: {event.reason}"
    return f"{shown(event.output)}  {event.seconds:.1f} s"
