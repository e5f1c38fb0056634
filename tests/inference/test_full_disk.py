"""A folder job on a disk that is really full."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "full_disk.py"


def mountable(folder: Path) -> bool:
    """Whether a memory disk may be mounted in a namespace of our own."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs"]
    try:
        ran = subprocess.run([*command, "tmpfs", folder], capture_output=True, check=False)
    except OSError:
        return False
    return ran.returncode == 0


def test_a_full_disk_is_one_line_and_the_job_goes_on_later(tmp_path: Path) -> None:
    if not mountable(tmp_path):
        pytest.skip("needs Linux and the right to mount in a user namespace")
    command = [sys.executable, str(SCRIPT), "3", "6"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].endswith(", 0 bad")
