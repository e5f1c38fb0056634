"""Serve an application until a signal, in this process (granian)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server

from srgan.errors import UsageError
from srgan.server.limits import ServerLimits
from srgan.server.reaper import Reaper

_SWEEP_SECONDS = 1.0
_SEND_BUFFER = 256 * 1024

log = logging.getLogger("srgan.server")


def listen(host: str, port: int, *, backlog: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        UsageError: the address is taken or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: what waits for a slow reader must not grow to megabytes.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listener.bind((host, port))
        listener.listen(backlog)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {host}:{port}: {reason}; choose another --host or --port"
        ) from error
    listener.setblocking(False)
    return listener


class _Server(Server):
    """Granian on a socket that is there already, so that its port is known and its options set.

    It closes the socket in the end.
    """

    def __init__(self, app: Any, listener: socket.socket, limits: ServerLimits) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=max(128, limits.connections),
            backpressure=limits.connections,
            log_enabled=False,
            http1_settings=HTTP1Settings(
                header_read_timeout=int(limits.header_seconds * 1000),
                max_buffer_size=max(8192, int(limits.max_header_kb * 1024)),
            ),
        )
        self._listener = listener
        self.port = listener.getsockname()[1]

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder
        arguments: tuple[object, ...] = (self._listener.detach(),)
        if sys.platform != "win32":
            arguments += (False,)  # no Unix socket
        if sys.platform == "linux":
            arguments += (self.backlog,)
        self._ssp: Any = None
        self._shd: Any = holder(*arguments)


def serve(
    app: Any,
    listener: socket.socket,
    limits: ServerLimits,
    *,
    started: Callable[[], None] = lambda: None,
    ended: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then end the process: with 0, or with 1 after an error.

    The application's lifespan ends the jobs. ``started`` is called when requests are answered,
    ``ended`` when none is any more: nothing else runs after it.
    """
    # Granian's threads outlive its server. A thread that asks for the interpreter's lock while
    # the interpreter ends is unwound by CPython before 3.14, which Rust answers with abort().
    # So the interpreter never ends here: the process does. For the same reason the loop that
    # those threads call stays open.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    status = 0
    try:
        loop.run_until_complete(_serve(app, listener, limits, started))
    except BaseException as error:
        log.critical("the server failed: %r", error, exc_info=bool(os.environ.get("SRGAN_DEBUG")))
        status = 1
    try:
        ended()
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    finally:
        os._exit(status)


async def _serve(
    app: Any, listener: socket.socket, limits: ServerLimits, started: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    server = _Server(app, listener, limits)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    lifespan = _Lifespan(app)
    await lifespan.startup()
    serving = asyncio.create_task(server.serve(server._spawn_asgi_worker))
    reaper = Reaper(
        server.port,
        stall_seconds=limits.stall_seconds,
        min_rate=limits.min_rate_kb * 1024,
    )
    sweeping = asyncio.create_task(_sweep(reaper))
    started()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():  # it failed: nobody is answered any more
        await serving
    # Jobs end first, while their clients can still fetch what they wait for.
    await lifespan.shutdown()
    sweeping.cancel()
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def _sweep(reaper: Reaper) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        with contextlib.suppress(OSError):  # no descriptor free this time; or no /proc at all
            await asyncio.to_thread(reaper.sweep)


class _Lifespan:
    """The application's start and end (ASGI), told apart from the server's."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._to_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def startup(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.create_task(self._app(scope, self._to_app.get, self._from_app.put))
        await self._step("startup")

    async def shutdown(self) -> None:
        await self._step("shutdown")
        await self._task

    async def _step(self, name: str) -> None:
        await self._to_app.put({"type": f"lifespan.{name}"})
        message = await self._from_app.get()
        if not message["type"].endswith("complete"):
            raise RuntimeError(f"the application failed to {name}: {message}")
