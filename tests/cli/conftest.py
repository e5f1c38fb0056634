"""Run the command line in this process, as a user's shell would."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from srgan.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def srgan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["srgan", *map(str, arguments)])
        status = 0
        try:
            main.main()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return run
