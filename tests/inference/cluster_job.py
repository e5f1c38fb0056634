"""A folder job on a local Ray of two workers whose model kills them, for the test of clusters.

    python tests/inference/cluster_job.py FOLDER faults   FOLDER/in, and again with --resume
    python tests/inference/cluster_job.py FOLDER stop     every picture takes an hour

Prints a line of JSON for each picture. The gray level of a picture says what its upscaling does.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from srgan.inference.cluster import LOCAL, cluster
from srgan.inference.file import Options
from srgan.inference.folder import Event, run_folder
from srgan.inference.scan import plan_folder
from srgan.inference.stop import stoppable
from srgan.inference.upscaler import Image, Upscaler
from srgan.inference.worker import Opening

STDOUT = sys.stdout
DIES_ONCE, DIES_TWICE, TAKES_AN_HOUR = 50, 100, 150


@dataclass
class Deadly:
    """Every pixel four times; notes each picture that it begins."""

    folder: Path
    scale: int = 2

    def __call__(self, image: Image) -> Image:
        level = round(float(image[0, 0, 0]) * 255)
        with (self.folder / "begun").open("a") as log:
            log.write(f"{level}\n")
        times = (self.folder / "begun").read_text().split().count(str(level))
        if times <= {DIES_ONCE: 1, DIES_TWICE: 2}.get(level, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if level == TAKES_AN_HOUR:
            time.sleep(3600)
        return image.repeat(2, axis=0).repeat(2, axis=1)


def load(folder: Path, *, threads: int) -> Upscaler:
    """The model, as a worker opens it."""
    return Deadly(folder)


def tell(event: Event) -> None:
    """One line."""
    print(event.as_json(), file=STDOUT, flush=True)


def main() -> int:
    """The job, and the resumed job."""
    folder, what = Path(sys.argv[1]), sys.argv[2]
    opening = Opening(partial(load, folder), "deadly", partial(str, "deadly"))
    with (
        stoppable() as stop,
        cluster(LOCAL, opening, Options(scale=2), workers=2, stop=stop) as (make, count),
    ):
        for resume in (False, True)[: 2 if what == "faults" else 1]:
            summary = run_folder(
                plan_folder(folder / "in", folder / "out"),
                folder / "out",
                make,
                made_by={"model": "deadly"},
                resume=resume,
                workers=count,
                report=tell,
                stop=stop,
            )
            print(f"{summary} by {count}", file=sys.stderr, flush=True)
    return stop.exit_status or summary.exit_status


if __name__ == "__main__":
    sys.exit(main())
