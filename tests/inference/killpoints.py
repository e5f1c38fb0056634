"""Kill or fail a folder job at its 1st, 2nd, 3rd … file-changing call, as SQLite's tests do.

    python tests/inference/killpoints.py [ENOSPC|EIO|EDQUOT] [--ever] [--pictures 50] [--step 1]

Without an error's name the process is killed. The job of ``crash_job.py`` runs in a forked child
for every point; what it left is then checked, and a resumed job brought to its end. Prints how
many points there were and what was wrong; needs Linux and a C compiler.
"""

import argparse
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CALLS = (
    *("rename", "link", "write", "fsync", "fdatasync", "pwrite"),
    *("unlink", "mkdir", "ftruncate", "open", "close"),
)
HERE = Path(__file__).parent
MEMORY = Path("/dev/shm")  # waits for no disk: a killed process loses nothing that it has written


def preloaded() -> ctypes.CDLL:
    """This process with the faults in it; starts itself again where they are not yet."""
    library = os.environ.get("LD_PRELOAD", "")
    if "faults" not in library:
        built = Path(tempfile.mkdtemp()) / "faults.so"
        source = str(HERE / "faults.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", built, source, "-ldl"], check=True)
        os.environ["LD_PRELOAD"] = str(built)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    return ctypes.CDLL(library)


def one(
    faults: ctypes.CDLL, folder: Path, call: str, n: int, error: int, ever: bool
) -> tuple[bool, list[str]]:
    """One point: whether the fault came, and what was wrong afterwards."""
    import crash_job

    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "told").unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        log = os.open(folder / "errors", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(log, 2)
        status = 3
        try:
            report = crash_job.told(folder)
            faults.faults_arm(call.encode(), n, error, ever)
            status = crash_job.run(folder, resume=False, report=report).exit_status
        except crash_job.SRGANError:
            status = 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            came = faults.faults_seen() >= n
            faults.faults_arm(b"", 0, 0, 0)
            os._exit(status + (16 if came else 0))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    wrong = []
    if "Traceback" in (folder / "errors").read_text(errors="replace"):
        wrong.append((folder / "errors").read_text(errors="replace"))
    came = status < 0 or status >= 16
    if came:
        wrong += crash_job.check(folder)
    return came, wrong


def main() -> int:
    """All points of all calls."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("error", nargs="?", choices=["ENOSPC", "EIO", "EDQUOT"])
    parser.add_argument("--ever", action="store_true", help="all calls from the n-th on fail")
    parser.add_argument("--pictures", type=int, default=50)
    parser.add_argument("--step", type=int, default=1)
    options = parser.parse_args()
    faults = preloaded()
    import crash_job

    error = getattr(errno, options.error) if options.error else 0
    points = bad = 0
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        folder = Path(place)
        crash_job.setup(folder, options.pictures)
        for call in CALLS:
            n = 1
            while True:
                came, wrong = one(faults, folder, call, n, error, options.ever)
                if not came:
                    break
                points += 1
                if wrong:
                    bad += 1
                    print(f"{call} {n}: " + "; ".join(wrong)[:2000], flush=True)
                n += options.step
            print(f"{call}: {(n - 1) // options.step} points", flush=True)
    print(f"{points} points, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
