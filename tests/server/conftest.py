"""A running server for the tests that need nothing special of it."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra srgan[serve]")
pytest.importorskip("granian", reason="needs the extra srgan[serve]")
pytest.importorskip("httpx", reason="needs the extra srgan[dev]")

from fakes import RunningServer


def picture(
    height: int, width: int, *, mode: str = "RGB", kind: str = "PNG", seed: int = 0
) -> bytes:
    """A file of noise."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, *channels), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels, mode).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """A server with the default limits, but short waits."""
    running = RunningServer(stall_seconds=1.0, header_seconds=1.0, stop_seconds=3.0)
    yield running
    running.stop()
