"""Upscalers that need no weights, and a server that runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from srgan.inference.tiles import Tiled
from srgan.server.lane import Choice
from srgan.weights.catalog import Model

MODELS = (
    Model("srgan", "network", "sharp"),
    Model("srresnet", "network", "faithful"),
    Model("slow", "network", "takes its time"),
    Model("crash", "network", "ends the process"),
    Model("bicubic", "filter", "Keys' cubic"),
)
TILE_SECONDS = 0.15
PATIENCE = 180.0
"""Seconds after which a test gives up: no measure of speed, so that a slow machine passes too."""


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never true: {what}"
        time.sleep(0.02)


def picture(
    height: int, width: int, *, mode: str = "RGB", kind: str = "PNG", seed: int = 0
) -> bytes:
    """A file of noise."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, *channels), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels, mode).save(file, kind)
    return file.getvalue()


class Blocks:
    """Repeats pixels; darkens by the dial, so that a test sees it."""

    scale = 4

    def __init__(self, realism: float) -> None:
        self.realism = realism

    def __call__(self, image: Any) -> Any:
        return (image * (1 - self.realism)).repeat(4, axis=0).repeat(4, axis=1).astype(np.float32)


class Sleepy(Blocks):
    """Takes its time for each tile, and waits for as long as a file is there."""

    def __init__(self, held: Path) -> None:
        super().__init__(0.0)
        self.held = held

    def __call__(self, image: Any) -> Any:
        time.sleep(TILE_SECONDS)
        while self.held.exists():
            time.sleep(0.01)
        return super().__call__(image)


@dataclass(frozen=True)
class Opener:
    """Opens the fakes; pickled into the computing process."""

    held: Path

    def __call__(self, choice: Choice) -> Any:
        if choice.model == "bicubic":
            from srgan.inference.open import load

            return load("bicubic")
        if choice.model == "slow":
            return Tiled(Sleepy(self.held), tile=32, margin=0)
        if choice.model == "crash":
            return lambda image: os._exit(3)
        return Blocks(choice.realism or 0.0)


class RunningServer:
    """A server in a process of its own, with its limits changed."""

    def __init__(self, token: str | None = None, **limits: float) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="srgan-test-")
        self._hold = Path(self._temporary.name) / "held"
        self.folder = Path(self._temporary.name) / "spool"
        self.folder.mkdir()
        settings = json.dumps(
            {
                "limits": limits,
                "token": token,
                "spool": str(self.folder),
                "held": str(self._hold),
            }
        )
        here = Path(__file__).parent
        source = str(here.parents[1] / "src")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([source, str(here), os.environ.get("PYTHONPATH", "")])
        }
        self.process = subprocess.Popen(
            [sys.executable, str(here / "fakes.py"), settings],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert self.process.stdout is not None
            self.port = int(self.process.stdout.readline())
            self.url = f"http://127.0.0.1:{self.port}"
            # A connection for each request: one that is kept open may be closed by the server
            # in the very moment in which it is used again.
            self.client = httpx.Client(
                base_url=self.url,
                timeout=PATIENCE,
                limits=httpx.Limits(max_keepalive_connections=0),
                headers={"Authorization": f"Bearer {token}"} if token else {},
            )
            until(lambda: self.client.get("/readyz").status_code == 200, "ready")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def post(self, content: bytes, name: str = "photo.png", **fields: Any) -> httpx.Response:
        """Send a picture."""
        files = {"image": (name, content)}
        return self.client.post("/v1/upscale", files=files, data=fields)

    def until(self, line: str) -> None:
        """Wait until the metrics have a line."""
        until(lambda: line in self.client.get("/metrics").text.splitlines(), line)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile no tile of the slow model ends."""
        self._hold.touch()
        try:
            yield
        finally:
            self._hold.unlink()

    def stop(self) -> int:
        """End it as a service manager does; its exit status."""
        self.client.close()
        self.process.terminate()
        return self.ended()

    def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise


def main() -> None:
    """Serve the fakes; prints the port."""
    from srgan.server.app import Config, create_app
    from srgan.server.guards import Access
    from srgan.server.limits import ServerLimits
    from srgan.server.run import listen, serve

    settings = json.loads(sys.argv[1])
    limits = ServerLimits(**settings["limits"])
    access = Access(token=settings["token"])
    # Under its importable name, for the processes that unpickle it.
    from fakes import Opener as Importable

    opener = Importable(Path(settings["held"]))
    config = Config(MODELS, "srresnet", Path(settings["spool"]), access, limits, opener)
    listener = listen("127.0.0.1", 0, backlog=2048)
    print(listener.getsockname()[1], flush=True)
    serve(create_app(config), listener, limits)


if __name__ == "__main__":
    main()
