"""The server's socket, as granian takes it on each system."""

import asyncio
import errno
import socket
from typing import Any

import pytest

from srgan.server import run
from srgan.server.limits import ServerLimits


class Linux:
    """What granian's Rust asks for, one class a system."""

    def __init__(self, handle: int, unix: bool, backlog: int) -> None:
        self.handle = handle


class MacOS:
    def __init__(self, handle: int, unix: bool) -> None:
        self.handle = handle


class Windows:
    def __init__(self, handle: int) -> None:
        self.handle = handle


@pytest.mark.parametrize(
    ("platform", "holder"), [("linux", Linux), ("darwin", MacOS), ("win32", Windows)]
)
def test_the_socket_is_handed_over_on_every_system(
    platform: str, holder: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = run.listen("127.0.0.1", 0, backlog=8)
    port = listener.getsockname()[1]
    server = run._Server(lambda *_: None, listener, ServerLimits())
    monkeypatch.setattr(run, "SocketHolder", holder)
    monkeypatch.setattr(run.sys, "platform", platform)
    server._init_shared_socket()
    monkeypatch.undo()
    with socket.socket(fileno=server._shd.handle) as held:
        assert held.getsockname()[1] == port


def test_slow_readers_are_looked_for_again_once_a_descriptor_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweeps: list[int] = []

    class Reaper:
        def sweep(self) -> int:
            sweeps.append(len(sweeps))
            if len(sweeps) == 1:
                raise OSError(errno.EMFILE, "Too many open files")
            raise KeyError  # ends the test

    reaper: Any = Reaper()
    monkeypatch.setattr(run, "_SWEEP_SECONDS", 0.0)
    with pytest.raises(KeyError):
        asyncio.run(run._sweep(reaper))
    assert sweeps == [0, 1]
