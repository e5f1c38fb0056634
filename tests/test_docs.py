"""The documentation says what the program does."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_reference_names_every_command_and_option() -> None:
    reference = runpy.run_path(str(ROOT / "scripts" / "cli_reference.py"))["reference"]()
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference, (
        "docs/cli.md is out of date: run `python scripts/cli_reference.py`"
    )
    assert "## `srgan upscale`" in reference
    assert "`--long-edge`" in reference
