"""Slow readers, on real connections."""

import socket
import sys
import time
from types import SimpleNamespace

import pytest

from srgan.server.reaper import Reaper

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' TCP_INFO")


def _pair() -> tuple[socket.socket, socket.socket, int]:
    listener = socket.create_server(("127.0.0.1", 0))
    reader = socket.create_connection(listener.getsockname())
    writer, _ = listener.accept()
    writer.setblocking(False)
    port = listener.getsockname()[1]
    listener.close()
    return writer, reader, port


def _fill(writer: socket.socket) -> None:
    try:
        while True:
            writer.send(b"x" * 65536)
    except BlockingIOError:
        pass


def _read_all(reader: socket.socket) -> None:
    while reader.recv(65536):
        pass


class Clock:
    """Moves on only when a test says so, however slow the machine is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr("srgan.server.reaper.time", clock)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        time.sleep(0.02)  # for the kernel


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_reader_that_stops_is_reset_and_one_that_reads_is_not(clock: Clock) -> None:
    writer, reader, port = _pair()
    reaper = Reaper(port, stall_seconds=0.2, min_rate=1000)
    with writer, reader:
        for _ in range(6):  # reads all the time
            _fill(writer)
            assert reaper.sweep() == 0
            reader.recv(4_000_000)
            clock.sleep(0.08)
        # The kernel may still take some bytes for the reader: only then does it stand still.
        resets = 0
        for _ in range(30):
            _fill(writer)
            resets += reaper.sweep()
            if resets:
                break
            clock.sleep(0.25)
        assert resets == 1
        with pytest.raises(BrokenPipeError):
            writer.send(b"x")
        writer.close()  # as a server does with a connection that is broken
        with pytest.raises(ConnectionResetError):
            _read_all(reader)


def test_a_connection_with_nothing_to_send_is_left_alone(clock: Clock) -> None:
    writer, reader, port = _pair()
    reaper = Reaper(port, stall_seconds=0.05, min_rate=1000)
    with writer, reader:
        for _ in range(4):
            assert reaper.sweep() == 0
            clock.sleep(0.05)
        writer.send(b"still here")
        assert reader.recv(100) == b"still here"


def test_connections_of_other_ports_are_left_alone(clock: Clock) -> None:
    writer, reader, port = _pair()
    reaper = Reaper(port + 1, stall_seconds=0.05, min_rate=1000)
    with writer, reader:
        _fill(writer)
        for _ in range(3):
            assert reaper.sweep() == 0
            clock.sleep(0.06)
