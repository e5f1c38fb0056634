"""Pure ASGI guards in front of the routes: who may ask, what is always said, how slow is too slow.

They are plain ASGI and not ``@app.middleware("http")``, behind which a route cannot see that its
client has left.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from srgan.server.limits import MIB, ServerLimits
from srgan.server.problems import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)
_ORIGIN = re.compile(r"https?://(.+)", re.ASCII)
_OPEN_PATHS = ("/", "/healthz", "/readyz", "/favicon.ico")
_DRAIN_BYTES = MIB
_DRAIN_SECONDS = 2.0

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; object-src 'none'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"x-frame-options", b"DENY"),
]


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask.

    Attributes:
        hosts: host names that are answered to, in lower case, without a port.
        token: what ``Authorization: Bearer`` must carry; None: nothing is needed.
    """

    hosts: tuple[str, ...] = LOCAL_HOSTS
    token: str | None = None


def is_host(name: str) -> bool:
    """Whether it is a host name, or an address as a Host header has it, without a port."""
    match = _HOST.fullmatch(name.lower())
    return match is not None and match[2] is None


def header(scope: Scope, name: bytes) -> str | None:
    """A request header's value; None where it is missing.

    Raises:
        Problem: it is given more than once.
    """
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1:
        raise Problem("bad_request", f"the header {name.decode()} is given {len(values)} times")
    return values[0].decode("latin-1") if values else None


def check_header(scope: Scope, limits: ServerLimits) -> None:
    """Refuse a request whose header is too large.

    Raises:
        Problem: with the limit.
    """
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size + len(scope["path"]) > limits.max_header_kb * 1024:
        raise Problem("header_too_large", f"send less than {limits.max_header_kb:g} KiB of headers")


def check_access(scope: Scope, access: Access) -> None:
    """Refuse a request by its host, origin, token or form.

    Raises:
        Problem: with the reason.
    """
    if scope["http_version"] not in ("1.1", "2"):
        raise Problem("bad_request", "HTTP/1.0 is not spoken here; use HTTP/1.1")
    host = header(scope, b"host")
    match = _HOST.fullmatch(host.lower()) if host is not None else None
    if match is None or int(match[2] or 0) > 65535:
        raise Problem("bad_host", "send one Host header of the form name:port")
    if match[1] not in access.hosts:
        raise Problem(
            "wrong_host",
            "this server does not answer to that host name; start it with --allowed-host to add it",
        )
    assert host is not None
    _check_origin(scope, host.lower())
    if header(scope, b"transfer-encoding") and header(scope, b"content-length"):
        raise Problem("bad_request", "send Content-Length or Transfer-Encoding, not both")
    if header(scope, b"content-encoding") not in (None, "identity"):
        raise Problem("unsupported_type", "send the body as it is, without Content-Encoding")
    path = scope["path"]
    if access.token is not None and path not in _OPEN_PATHS and not path.startswith("/page/"):
        scheme, _, given = (header(scope, b"authorization") or "").partition(" ")
        right = secrets.compare_digest(given.encode(), access.token.encode())
        if scheme.lower() != "bearer" or not right:
            raise Problem("unauthorized", "send the header Authorization: Bearer TOKEN")


def _check_origin(scope: Scope, host: str) -> None:
    origin = header(scope, b"origin")
    if origin is not None:
        match = _ORIGIN.fullmatch(origin.lower())
        # A default port may be left out on either side, by a browser behind a TLS proxy.
        if match is None or _bare(match[1]) != _bare(host):
            raise Problem("foreign_origin", "pages of other sites may not use this server")
    site = header(scope, b"sec-fetch-site")
    if site in (None, "same-origin", "none"):
        return
    opened = header(scope, b"sec-fetch-mode") == "navigate" and scope["method"] in ("GET", "HEAD")
    if not (opened and scope["path"] == "/"):
        raise Problem("foreign_origin", "pages of other sites may not use this server")


def _bare(host: str) -> str:
    return re.sub(r":(80|443)$", "", host)


class Guards:
    """Wraps the routes: checks access, paces bodies, adds headers, answers whatever goes wrong.

    ``seen`` is told the method, path and status of each request, for the metrics.
    """

    def __init__(
        self,
        app: App,
        access: Access,
        limits: ServerLimits,
        seen: Callable[[str, str, int, float], None] = lambda *a: None,
        report: Callable[[Exception], None] = lambda e: None,
    ) -> None:
        self.app = app
        self.access = access
        self.limits = limits
        self.seen = seen
        self.report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.monotonic()
        status = 0
        body = _Body(receive, self.limits)

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                await _drain(body)
                status = message["status"]
                headers = list(message.get("headers", []))
                present = {name.lower() for name, _ in headers}
                headers += [(n, v) for n, v in _ALWAYS if n not in present]
                if b"cache-control" not in present:
                    headers.append((b"cache-control", b"no-store"))
                if not body.complete:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        try:
            check_header(scope, self.limits)
            check_access(scope, self.access)
            length = header(scope, b"content-length")
            if length is not None and int(length) > self.limits.max_upload_mb * MIB:
                raise too_large(self.limits)
            if length in (None, "0") and header(scope, b"transfer-encoding") is None:
                body.complete = True
            await self.app(scope, body.receive, send_on)
        except Exception as error:
            if not isinstance(error, Problem):
                self.report(error)
                error = Problem("internal", "something went wrong; the server's log says more")
            if not status:
                await answer(error, send_on)
        finally:
            self.seen(scope["method"], scope["path"], status, time.monotonic() - start)


async def answer(problem: Problem, send: Send) -> None:
    """Send a problem as the response."""
    body = problem.body()
    headers = [*problem.headers(), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def too_large(limits: ServerLimits) -> Problem:
    """The refusal of a body over the limit."""
    return Problem(
        "upload_too_large",
        f"the upload is larger than {limits.max_upload_mb:g} MiB; have the server's operator raise "
        "--max-upload-mb",
    )


class _Body:
    """Receives a body, and gives up on one that is too large or comes too slowly."""

    def __init__(self, receive: Receive, limits: ServerLimits) -> None:
        self.inner = receive
        self.limits = limits
        self.start: float | None = None
        self.received = 0
        self.complete = False

    async def receive(self) -> Message:
        if self.complete:
            return await self.inner()
        now = time.monotonic()
        self.start = self.start or now
        message: Message | None = None
        stall = self.limits.stall_seconds
        try:
            # Whoever keeps the pace has a whole pause left; who does not, until its end.
            spent = now - self.start
            paced = self.received >= self.limits.min_rate_kb * 1024 * spent
            left = stall if paced else stall - spent
            if left > 0:
                message = await asyncio.wait_for(self.inner(), left)
        except TimeoutError:
            pass
        if message is None:
            raise Problem(
                "too_slow",
                f"the body came slower than {self.limits.min_rate_kb:g} KiB/s "
                f"or paused for {stall:g} s",
            )
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
            if self.received > self.limits.max_upload_mb * MIB:
                raise too_large(self.limits)
        return message


async def _drain(body: _Body) -> None:
    """Take in the rest of a small body, so that its sender reads the answer, not a reset."""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while not body.complete and body.received < _DRAIN_BYTES:
                if (await body.receive())["type"] == "http.disconnect":
                    return
    except (TimeoutError, Problem):
        return
