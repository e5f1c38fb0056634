"""`make` finds Python, and what it installs, on every system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"), reason="asks a make of POSIX"
)


def says(tmp_path: Path, python: str, **variables: str) -> str:
    """What `make install` would do where Python has no other name."""
    for tool in ("sh", "make", "sed"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    script = tmp_path / python
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    done = subprocess.run(
        [tmp_path / "make", "-n", "-W", "pyproject.toml", "install", "VENV=no-such-folder"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("python", ["python3", "python", "py"])
def test_python_may_have_each_of_its_names(python: str, tmp_path: Path) -> None:
    assert f"{python} -m venv no-such-folder\n" in says(tmp_path, python)


def test_windows_has_its_programs_elsewhere(tmp_path: Path) -> None:
    told = says(tmp_path, "python", OS="Windows_NT")
    assert "no-such-folder/Scripts/python -m pip" in told
    assert "no-such-folder/bin" not in told
