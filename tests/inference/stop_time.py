"""How long a signal takes to end ``srgan upscale``: python tests/inference/stop_time.py [TIMES]

A picture of 3 megapixels in tiles of 640 pixels, each of which takes seconds, alone and in a
folder, with SIGINT and SIGTERM by turns at random moments of the work. Prints the times from the
signal to the end of the process, and exits with 1 if one left a temporary file or ended otherwise.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from srgan.image.files import write_picture
from srgan.image.picture import Frame, Picture


def once(source: Path, out: Path, number: int) -> tuple[float, int]:
    """Seconds to the end and the exit status."""
    command = [sys.executable, "-m", "srgan.cli.main", "upscale", source, "-o", out]
    more = ["--tile", "640", "--precision", "fp32", "--overwrite", "-q"]
    job = subprocess.Popen([*map(str, command), *more], stderr=subprocess.DEVNULL)
    folder = out if source.is_dir() else out.parent
    while not any(folder.glob(".srgan-*.part")):  # a folder's journal, or the result begun
        time.sleep(0.01)
    time.sleep(random.uniform(0.0, 4.0))
    started = time.monotonic()
    job.send_signal(number)
    status = job.wait()
    return time.monotonic() - started, status


def main() -> int:
    """Repeat it."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
        photos, out = Path(place) / "photos", Path(place) / "out"
        write_picture(Picture((Frame(noise),)), photos / "a.png")
        out.mkdir()
        for source, target in ((photos / "a.png", out / "a.png"), (photos, out)):
            took = []
            for k in range(times):
                number = (signal.SIGINT, signal.SIGTERM)[k % 2]
                seconds, status = once(source, target, number)
                took.append(seconds)
                left = [p.name for p in out.iterdir() if p.suffix in (".part", ".png")]
                if status != 128 + number or left:
                    bad += 1
                    print(f"status {status}, left {left}", flush=True)
            what = "folder" if source.is_dir() else "picture"
            print(f"{what}: {times} signals, {min(took):.2f} to {max(took):.2f} s", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
