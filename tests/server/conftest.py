"""A running server for the tests that need nothing special of it."""

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi", reason="needs the extra srgan[serve]")
pytest.importorskip("granian", reason="needs the extra srgan[serve]")
pytest.importorskip("httpx", reason="needs the extra srgan[dev]")

from fakes import PATIENCE, RunningServer


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """A server with the default limits, but patient with tests on a slow machine."""
    running = RunningServer(
        stall_seconds=PATIENCE,
        header_seconds=PATIENCE,
        wait_seconds=PATIENCE,
        decode_seconds=60,
        stop_seconds=3,
    )
    yield running
    running.stop()
