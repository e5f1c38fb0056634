"""A folder job on disks that are really full: python tests/inference/full_disk.py [PICTURES] [STEP]

Runs the job of ``crash_job.py`` on memory disks of 4 KiB, and STEP times 4 KiB more each time,
until all fits. Each job that does not fit has to end with status 1 and a line that says so; the
disk is then enlarged, what was left is checked, and the job resumed. Needs Linux, and the right to
mount in a user namespace or as root.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import crash_job

HERE = Path(__file__)
PAGE = 4096
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def mount(folder: Path, options: str) -> None:
    """A memory disk."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


def once(folder: Path, size: int) -> tuple[int, list[str]]:
    """A job on a disk of so many bytes: its status, and what was wrong."""
    out = folder / "out"
    mount(out, f"size={size}")
    (folder / "told").unlink(missing_ok=True)
    try:
        job = [sys.executable, crash_job.__file__, "run", str(folder)]
        ran = subprocess.run(job, capture_output=True, text=True, check=False)
        wrong = []
        if "Traceback" in ran.stderr or ran.returncode not in (0, 1):
            wrong.append(f"status {ran.returncode}: {ran.stderr}")
        if ran.returncode and "No space left on device" not in ran.stderr:
            wrong.append(f"not clear: {ran.stderr}")
        if any(path.suffix == ".part" for path in out.rglob("*")):
            wrong.append("a temporary file was left")
        mount(out, "remount,size=64m")
        return ran.returncode, wrong + crash_job.check(folder)
    finally:
        subprocess.run(["umount", out], check=True)


def main() -> int:
    """All sizes."""
    if "inside" not in sys.argv:
        os.execvp("unshare", [*NAMESPACE, sys.executable, str(HERE), *sys.argv[1:], "inside"])
    pictures, step = [int(a) for a in sys.argv[1:-1]] or [12, 1]
    bad = points = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        crash_job.setup(folder, pictures)
        (folder / "out").mkdir()
        status = 1
        while status:
            points += 1
            status, wrong = once(folder, (1 + (points - 1) * step) * PAGE)
            bad += bool(wrong)
            print("".join(f"{points}: {line}\n" for line in wrong), end="", flush=True)
    print(f"{points} disks, the last large enough, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
