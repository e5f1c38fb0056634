"""A running server for the tests that need nothing special of it."""

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi", reason="needs the extra srgan[serve]")
pytest.importorskip("granian", reason="needs the extra srgan[serve]")
pytest.importorskip("httpx", reason="needs the extra srgan[dev]")

from fakes import RunningServer


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """A server with the default limits, but short waits."""
    running = RunningServer(stall_seconds=1.0, header_seconds=1.0, stop_seconds=3.0)
    yield running
    running.stop()
