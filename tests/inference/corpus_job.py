"""A folder job whose stub model doubles any picture: what odd and broken files do to a job.

python tests/inference/corpus_job.py INPUTS OUTPUTS
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from srgan.image.files import read_picture, write_picture
from srgan.inference.folder import Event, run_folder
from srgan.inference.scan import Task, plan_folder


def doubled(a: NDArray[Any]) -> NDArray[Any]:
    """Every pixel four times."""
    return a.repeat(2, axis=0).repeat(2, axis=1)


def double(task: Task, overwrite: bool, stop: Callable[[], bool]) -> Iterable[str]:
    """The stub model."""
    picture = read_picture(task.input)
    frames = tuple(
        replace(f, colour=doubled(f.colour), alpha=None if f.alpha is None else doubled(f.alpha))
        for f in picture.frames
    )
    write_picture(
        replace(picture, frames=frames), task.output, format=task.format, overwrite=overwrite
    )
    return picture.notices


def tell(event: Event) -> None:
    """One line for each picture that is not done."""
    if event.status != "done":
        print(f"{event.input}: {event.reason}", file=sys.stderr)


def main() -> int:
    """The job."""
    inputs, outputs = (Path(a) for a in sys.argv[1:3])
    plan = plan_folder(inputs, outputs, recursive=True)
    summary = run_folder(plan, outputs, double, made_by={}, report=tell)
    print(summary, file=sys.stderr)
    return summary.exit_status


if __name__ == "__main__":
    sys.exit(main())
