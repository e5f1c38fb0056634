"""A folder job with a stub model, to be killed anywhere, and the check of what it left.

    python tests/inference/crash_job.py setup FOLDER [COUNT]   make FOLDER/in with COUNT pictures
    python tests/inference/crash_job.py run FOLDER [png|jpg|tif]  the job: FOLDER/in to FOLDER/out
    python tests/inference/crash_job.py check FOLDER           what was left, then a resumed job

``check`` exits with 1 and says why if a file under a final name is not whole, a picture reported
as done is missing, more than one finished picture is made again, or anything is left over.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from srgan.errors import SRGANError
from srgan.image.files import open_writer, read_picture, write_picture
from srgan.image.picture import Frame, Picture
from srgan.inference.folder import Event, Summary, run_folder
from srgan.inference.scan import Task, plan_folder
from srgan.inference.stop import stoppable

kind = "png"
"""Format of the outputs: png, jpg or tif."""


def setup(folder: Path, count: int) -> None:
    """Make the inputs: each of one gray, so that its output is known."""
    for k in range(count):
        colour = np.full((8, 8, 1), k * 5 % 256, np.uint8)
        write_picture(Picture((Frame(colour),)), folder / f"in/{k % 3}/{k:03d}.png")


def double(task: Task, replace: bool, stop: Callable[[], bool]) -> Iterable[str]:
    """The stub model: every pixel four times."""
    colour = read_picture(task.input).frames[0].colour.repeat(2, axis=0).repeat(2, axis=1)
    with open_writer(
        task.output, height=16, width=16, channels=1, format=task.format, overwrite=replace
    ) as writer:
        writer.write(colour[:9])
        writer.write(colour[9:])
    return ()


def run(folder: Path, *, resume: bool, report: Callable[[Event], None]) -> Summary:
    """The job."""
    plan = plan_folder(folder / "in", folder / "out", recursive=True, format=kind)
    with stoppable() as stop:
        return run_folder(
            plan,
            folder / "out",
            double,
            made_by={"model": "double"},
            resume=resume,
            report=report,
            stop=stop,
        )


def told(folder: Path) -> Callable[[Event], None]:
    """Note each finished picture outside of the output folder, as a terminal would."""
    log = (folder / "told").open("a", buffering=1)

    def note(event: Event) -> None:
        if event.status == "done":
            print(event.output, file=log)
        elif event.status != "skipped":
            print(f"{event.input}: {event.reason}", file=sys.stderr)

    return note


def whole(path: Path) -> bool:
    """Whether an output is what the job makes of its input."""
    try:
        colour = read_picture(path).frames[0].colour
    except SRGANError:
        return False
    return colour.shape == (16, 16, 1) and bool((colour == int(path.stem) * 5 % 256).all())


def check(folder: Path) -> list[str]:
    """What is wrong with what a killed job left, and with the job that went on."""
    out = folder / "out"
    left = [p for p in out.rglob(f"*.{kind}") if not p.name.startswith(".")]
    wrong = [f"torn: {p}" for p in left if not whole(p)]
    log = folder / "told"
    done = log.read_text().splitlines() if log.exists() else []
    wrong += [f"reported as done but missing: {p}" for p in done if p and not Path(p).exists()]
    before = {p: p.stat().st_ino for p in left}
    try:
        summary = run(folder, resume=True, report=lambda event: None)
    except SRGANError as error:
        return [*wrong, f"cannot be resumed: {error}"]
    inputs = sorted((folder / "in").rglob("*.png"))
    outputs = sorted(p for p in out.rglob(f"*.{kind}") if not p.name.startswith("."))
    if summary.exit_status or len(outputs) != len(inputs):
        wrong.append(f"resumed: {summary}, {len(outputs)} of {len(inputs)} outputs")
    wrong += [f"torn after the resumed job: {p}" for p in outputs if not whole(p)]
    again = [p for p, inode in before.items() if p.stat().st_ino != inode]
    if len(again) > 1:
        wrong.append(f"made again: {again}")
    known = {*outputs, out / ".srgan-journal.sqlite"}
    wrong += [f"left over: {p}" for p in out.rglob("*") if p.is_file() and p not in known]
    return wrong


def main() -> int:
    """One of the three commands."""
    global kind
    command, folder = sys.argv[1], Path(sys.argv[2])
    if command == "setup":
        setup(folder, int(sys.argv[3]) if len(sys.argv) > 3 else 50)
        return 0
    if command == "run":
        kind = sys.argv[3] if len(sys.argv) > 3 else kind
        try:
            summary = run(folder, resume=False, report=told(folder))
        except SRGANError as error:
            print(f"srgan: {error}", file=sys.stderr)
            return 1
        print(summary, file=sys.stderr)
        return summary.exit_status
    wrong = check(folder)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
