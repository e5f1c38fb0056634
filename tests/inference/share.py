"""Several processes on one folder: python tests/inference/share.py [PROCESSES] [PICTURES] [REPEATS]

Exits with 1 if any picture is made twice or not at all, or any output is not whole.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import crash_job


def once(folder: Path, processes: int, pictures: int) -> list[str]:
    """What was wrong with one shared job."""
    crash_job.setup(folder, pictures)
    command = [sys.executable, crash_job.__file__, "run", str(folder)]
    jobs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(processes)]
    errors = [job.communicate()[1].strip() for job in jobs]
    wrong = [error for job, error in zip(jobs, errors, strict=True) if job.returncode]
    told = (folder / "told").read_text().splitlines()
    if len(told) != pictures or len(set(told)) != pictures:
        wrong.append(f"{len(told)} made, {len(set(told))} different, of {pictures}")
    return wrong + crash_job.check(folder)


def main() -> int:
    """Repeat it."""
    processes, pictures, repeats = [*map(int, sys.argv[1:]), 8, 200, 5][:3]
    bad = 0
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            wrong = once(Path(folder), processes, pictures)
        bad += bool(wrong)
        print("\n".join(wrong) or "ok", flush=True)
    print(f"{processes} processes, {pictures} pictures: {repeats} jobs, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
