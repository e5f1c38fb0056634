"""A folder job whose disk loses power at some of its calls; the whole run takes minutes."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "powerloss.py"


def traceable() -> bool:
    """Whether strace is here and may be used, and shows the calls by the names that are known."""
    if shutil.which("strace") is None or platform.machine() != "x86_64":
        return False
    ran = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], check=False)
    return ran.returncode == 0


@pytest.mark.skipif(not traceable(), reason="needs x86-64, strace and the right to use it")
@pytest.mark.parametrize("forget", [None, "files", "folders"])
def test_what_a_disk_without_power_may_hold(forget: str | None) -> None:
    command = [sys.executable, str(SCRIPT), "--pictures", "2", "--step", "5"]
    if forget:
        command += ["--forget", forget]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    # The control, a disk that ignores fsync, shows that faults would be found.
    assert ran.returncode == (1 if forget else 0), ran.stdout + ran.stderr
    last = ran.stdout.splitlines()[-1]
    assert last.endswith(", 0 bad") != bool(forget)
