"""A folder job killed, or failed by the disk, at some of its calls; the whole run takes minutes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "killpoints.py"


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"
)
@pytest.mark.parametrize("error", [[], ["ENOSPC"], ["EIO", "--ever"]])
def test_nothing_is_lost_torn_or_left_over(error: list[str]) -> None:
    command = [sys.executable, str(SCRIPT), *error, "--pictures", "3", "--step", "7"]
    ran = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].endswith(", 0 bad")
