"""Several processes on one folder.

    python tests/inference/share.py [PROCESSES] [PICTURES] [REPEATS] [kill]

With ``kill`` the first process is killed by SIGKILL in the middle: at most its one unfinished
picture may be missing, and a resumed job makes that. Exits with 1 if any picture is made twice or
not at all, or any output is not whole.
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import crash_job


def once(folder: Path, processes: int, pictures: int, kill: bool) -> list[str]:
    """What was wrong with one shared job."""
    log = folder / "told"
    crash_job.setup(folder, pictures)
    command = [sys.executable, crash_job.__file__, "run", str(folder)]
    jobs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(processes)]
    if kill:
        while not log.exists() or len(log.read_text().splitlines()) < pictures // 3:
            time.sleep(0.002)
        jobs[0].kill()
    errors = [job.communicate()[1].strip() for job in jobs]
    survivors = list(zip(jobs, errors, strict=True))[int(kill) :]
    wrong = [error for job, error in survivors if job.returncode]
    if kill and jobs[0].returncode != -signal.SIGKILL:
        wrong.append("the first process had ended before it was killed")
    told = log.read_text().splitlines()
    if not pictures - kill <= len(told) == len(set(told)) <= pictures:
        wrong.append(f"{len(told)} made, {len(set(told))} different, of {pictures}")
    missing = pictures - len(list((folder / "out").rglob(f"*.{crash_job.kind}")))
    if missing > kill:
        wrong.append(f"{missing} missing")
    return wrong + crash_job.check(folder)


def main() -> int:
    """Repeat it."""
    processes, pictures, repeats = [int(a) for a in sys.argv[1:4]] or [8, 200, 5]
    kill = sys.argv[4:] == ["kill"]
    bad = 0
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            wrong = once(Path(folder), processes, pictures, kill)
        bad += bool(wrong)
        print("\n".join(wrong) or "ok", flush=True)
    print(f"{processes} processes, {pictures} pictures: {repeats} jobs, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
