"""Resets connections whose client takes its response too slowly (Linux).

The HTTP server hands a response to the kernel and cannot tell a slow reader from a fast one. The
kernel can: it knows how many bytes of each connection the other side has acknowledged.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
import time
from dataclasses import dataclass

_SIOCOUTQ = 0x5411
_ACKED = struct.Struct("=Q")
_ACKED_AT = 120  # tcpi_bytes_acked in struct tcp_info, linux/tcp.h


@dataclass(slots=True)
class _Watch:
    peer: tuple[object, ...]
    since: float
    acked: int


class Reaper:
    """Looks after the connections that were accepted on a port.

    Args:
        port: the port listened on.
        stall_seconds: how long a reader may lag before its pace is judged.
        min_rate: bytes a second that must be acknowledged while bytes wait to be sent.
    """

    def __init__(self, port: int, *, stall_seconds: float, min_rate: float) -> None:
        self.port = port
        self.stall_seconds = stall_seconds
        self.min_rate = min_rate
        self._lagging: dict[int, _Watch] = {}

    def sweep(self) -> int:
        """Look at every connection once, reset the laggards; returns how many.

        Call it every second or two from one thread.
        """
        if sys.platform != "linux":
            return 0
        reset = 0
        lagging: dict[int, _Watch] = {}
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (thousands of entries)
            number = int(name)
            connection = self._open(number)
            if connection is None:
                continue
            with connection:
                watch = self._judge(number, connection)
                if watch is None:
                    continue
                if self._too_slow(watch, connection):
                    # Without lingering, closing sends a reset and frees the buffers at once.
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    _quiet_shutdown(connection)
                    reset += 1
                else:
                    lagging[number] = watch
        self._lagging = lagging
        return reset

    def _open(self, number: int) -> socket.socket | None:
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                return None
            duplicate = os.dup(number)
        except OSError:
            return None
        try:
            connection = socket.socket(fileno=duplicate)
        except OSError:
            os.close(duplicate)
            return None
        try:
            ours = (
                connection.family in (socket.AF_INET, socket.AF_INET6)
                and connection.getsockname()[1] == self.port
                and connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 0
            )
        except OSError:
            ours = False
        if not ours:
            connection.close()
            return None
        return connection

    def _judge(self, number: int, connection: socket.socket) -> _Watch | None:
        """The watch over a connection with unsent bytes; None where there are none."""
        try:
            peer = connection.getpeername()
            if _unsent(connection) == 0:
                return None
            watch = self._lagging.get(number)
            if watch is None or watch.peer != peer:
                return _Watch(peer, time.monotonic(), _acknowledged(connection))
        except OSError:
            return None
        return watch

    def _too_slow(self, watch: _Watch, connection: socket.socket) -> bool:
        now = time.monotonic()
        if now - watch.since < self.stall_seconds:
            return False
        acked = _acknowledged(connection)
        rate = (acked - watch.acked) / (now - watch.since)
        # A new period begins, so that a client cannot stop after a fast start.
        watch.since, watch.acked = now, acked
        return rate < self.min_rate


def _unsent(connection: socket.socket) -> int:
    import fcntl

    return int(struct.unpack("i", fcntl.ioctl(connection, _SIOCOUTQ, b"\0" * 4))[0])


def _acknowledged(connection: socket.socket) -> int:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(_ACKED.unpack_from(info, _ACKED_AT)[0]) if len(info) >= _ACKED_AT + 8 else 0


def _quiet_shutdown(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
