"""The examples of docs/api.md run, and its tables are complete."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import RunningServer, picture

from srgan.server.order import FIELDS
from srgan.server.problems import CODES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(server: RunningServer, tmp_path: Path, number: int) -> None:
    language, code = EXAMPLES[number]
    if language == "sh" and not shutil.which("curl"):
        pytest.skip("needs curl")
    (tmp_path / "photo.png").write_bytes(picture(24, 32))
    code = code.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    command = ["sh", "-euc", code] if language == "sh" else [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    written = {f.name for f in tmp_path.iterdir()}
    for name in set(re.findall(r"photo_x\d\.\w+", code)):
        assert name in written
        assert (tmp_path / name).stat().st_size > 100


def test_every_field_and_code_is_described() -> None:
    assert len(EXAMPLES) >= 4
    for name in ("image", *FIELDS):
        assert f"| `{name}` |" in TEXT
    for name, code in CODES.items():
        assert f"| {code.status} | `{name}` |" in TEXT
