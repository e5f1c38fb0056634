"""Who may ask: hosts, origins, methods and tokens, without a network."""

import asyncio
import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest

from srgan.server.guards import Access, Guards
from srgan.server.limits import ServerLimits

TOKEN = "s3cret"
LOCAL = Access()
OPEN = Access(("photos.example", "localhost"), TOKEN)


async def _app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(body)).encode()})


def ask(
    method: str = "GET",
    path: str = "/v1/models",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    *,
    access: Access = LOCAL,
    chunks: list[bytes] | None = None,
    version: str = "1.1",
    app: Any = _app,
    **limits: float,
) -> tuple[int, dict[str, str], bytes]:
    """Ask the guards; a list of headers is all there are, others come from a host of ours."""
    if isinstance(headers, list):
        pairs = headers
    else:
        pairs = list(({"host": "localhost:8000"} | (headers or {})).items())
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "http_version": version,
        "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in pairs],
    }
    queue = list(chunks or [b""])
    sent: list[Any] = []

    async def receive() -> Any:
        if not queue:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": queue.pop(0), "more_body": bool(queue) or stalls}

    async def send(message: Any) -> None:
        sent.append(message)

    stalls = chunks is not None and chunks[-1:] == [b"..."]
    guards = Guards(app, access, ServerLimits(**limits))  # type: ignore[arg-type]
    asyncio.run(guards(scope, receive, send))
    answered = {n.decode(): v.decode() for n, v in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(m.get("body", b"") for m in sent)


HOSTS = [
    ("localhost", 200),
    ("localhost:8000", 200),
    ("LOCALHOST:8000", 200),
    ("127.0.0.1", 200),
    ("127.0.0.1:1", 200),
    ("[::1]:8000", 200),
    ("[::1]", 200),
    ("evil.example", 421),
    ("evil.example:8000", 421),
    ("localhost.evil.example", 421),
    ("evil.example#localhost", 400),
    ("localhost.", 421),
    ("127.0.0.2", 421),
    ("127.1", 421),
    ("0.0.0.0:8000", 421),
    ("2130706433", 421),
    ("0x7f000001", 421),
    ("[::ffff:127.0.0.1]", 421),
    ("[::]", 421),
    ("169.254.169.254", 421),
    ("192.168.1.7:8000", 421),
    ("user@localhost", 400),
    ("localhost:99999", 400),
    ("localhost:", 400),
    ("localhost:80a", 400),
    ("localhost/x", 400),
    ("local host", 400),
    ("localhost, evil.example", 400),
    ("", 400),
    ("http://localhost", 400),
    ("[::1", 400),
    ("lócalhost", 400),
]


@pytest.mark.parametrize(("host", "status"), HOSTS)
@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models"])
def test_only_the_listed_hosts_are_answered_to(host: str, status: int, path: str) -> None:
    assert ask(path=path, headers={"host": host})[0] == status


def test_no_host_and_two_hosts_are_refused() -> None:
    assert ask(headers=[])[0] == 400
    assert ask(headers=[("host", "localhost"), ("host", "localhost")])[0] == 400
    assert ask(headers=[("host", "localhost"), ("host", "evil.example")])[0] == 400


ORIGINS: list[tuple[str, str, dict[str, str], int]] = [
    ("GET", "/", {}, 200),
    ("POST", "/v1/upscale", {}, 200),
    ("POST", "/v1/upscale", {"origin": "http://localhost:8000"}, 200),
    ("DELETE", "/v1/jobs/x", {"origin": "http://LOCALHOST:8000"}, 200),
    ("POST", "/v1/upscale", {"origin": "https://localhost:8000"}, 200),
    ("POST", "/v1/upscale", {"origin": "null"}, 403),
    ("GET", "/v1/models", {"origin": "null"}, 403),
    ("GET", "/", {"origin": "null"}, 403),
    ("POST", "/v1/upscale", {"origin": ""}, 403),
    ("POST", "/v1/upscale", {"origin": "http://evil.example"}, 403),
    ("POST", "/v1/upscale", {"origin": "http://localhost"}, 403),
    ("POST", "/v1/upscale", {"origin": "http://localhost:8001"}, 403),
    ("POST", "/v1/upscale", {"origin": "http://127.0.0.1:8000"}, 403),
    ("POST", "/v1/upscale", {"origin": "file://"}, 403),
    ("POST", "/v1/upscale", {"origin": "chrome-extension://abc"}, 403),
    ("POST", "/v1/upscale", {"origin": "http://localhost:8000.evil.example"}, 403),
    ("POST", "/v1/upscale", {"origin": "http://localhost:8000/"}, 403),
    ("DELETE", "/v1/jobs/x", {"origin": "http://evil.example"}, 403),
    ("GET", "/v1/jobs/x/result", {"origin": "http://evil.example"}, 403),
    ("OPTIONS", "/v1/upscale", {"origin": "http://evil.example"}, 403),
    ("HEAD", "/", {"origin": "http://evil.example"}, 403),
    ("GET", "/v1/models", {"sec-fetch-site": "same-origin"}, 200),
    ("GET", "/v1/models", {"sec-fetch-site": "none"}, 200),
    ("GET", "/v1/models", {"sec-fetch-site": "same-site"}, 403),
    ("GET", "/v1/models", {"sec-fetch-site": "cross-site"}, 403),
    ("GET", "/v1/models", {"sec-fetch-site": "anything"}, 403),
    ("POST", "/v1/upscale", {"sec-fetch-site": "cross-site"}, 403),
    ("POST", "/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ("GET", "/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
    ("HEAD", "/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
    ("GET", "/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ("GET", "/", {"sec-fetch-site": "cross-site"}, 403),
    ("GET", "/v1/x", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ("GET", "/page/app.js", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), ORIGINS)
def test_pages_of_other_sites_are_refused(
    method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert ask(method, path, headers)[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "identity"}, 200),
        ({"transfer-encoding": "chunked", "content-length": "3"}, 400),
        ({"content-length": str(40 << 20)}, 413),
    ],
)
def test_bodies_in_disguise_are_refused(headers: dict[str, str], status: int) -> None:
    assert ask("POST", "/v1/upscale", headers)[0] == status


@pytest.mark.parametrize(("size", "status"), [(900, 200), (1100, 431)])
def test_a_large_header_is_refused(size: int, status: int) -> None:
    assert ask(headers={"x": "y" * size}, max_header_kb=1)[0] == status


def test_the_old_protocol_is_refused() -> None:
    assert ask(version="1.0")[0] == 400


@pytest.mark.parametrize(
    ("path", "authorization", "status"),
    [
        ("/", None, 200),
        ("/page/app.js", None, 200),
        ("/healthz", None, 200),
        ("/v1/models", None, 401),
        ("/metrics", None, 401),
        ("/openapi.json", None, 401),
        ("/v1/models", "Bearer wrong", 401),
        ("/v1/models", TOKEN, 401),
        ("/v1/models", f"Basic {TOKEN}", 401),
        ("/v1/models", f"Bearer {TOKEN}", 200),
        ("/v1/models", f"bearer {TOKEN}", 200),
        ("/v1/models", f"Bearer {TOKEN}é", 401),
    ],
)
def test_a_token_opens_everything_but_the_page(
    path: str, authorization: str | None, status: int
) -> None:
    headers = {"host": "photos.example"} | (
        {"authorization": authorization} if authorization else {}
    )
    answered, found, _ = ask(path=path, headers=headers, access=OPEN)
    assert answered == status
    assert ("www-authenticate" in found) == (status == 401)


def test_every_answer_carries_the_headers_that_bind_the_browser() -> None:
    for host in ("localhost", "evil.example"):
        _, headers, _ = ask(headers={"host": host})
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize(("size", "status"), [(1023, 200), (1024, 200), (1025, 413)])
def test_a_body_without_a_length_is_counted(size: int, status: int) -> None:
    chunks = [b"x" * 500, b"x" * (size - 500)]
    headers = {"transfer-encoding": "chunked"}
    answered, _, body = ask(
        "POST", "/v1/upscale", headers, chunks=chunks, max_upload_mb=1024 / (1 << 20)
    )
    assert answered == status
    if status == 413:
        assert json.loads(body)["code"] == "upload_too_large"
        assert "have the server's operator raise --max-upload-mb" in json.loads(body)["detail"]


def test_a_body_that_stops_coming_is_given_up() -> None:
    status, headers, body = ask(
        "POST", "/v1/upscale", {"content-length": "10"}, chunks=[b"..."], stall_seconds=0.05
    )
    assert status == 408
    assert json.loads(body)["code"] == "too_slow"
    assert headers["connection"] == "close"


@pytest.mark.parametrize(("rate", "status"), [(1 / 1024, 200), (2 / 1024, 408)])
def test_a_body_that_drips_is_given_up_though_it_never_stops(
    monkeypatch: pytest.MonkeyPatch, rate: float, status: int
) -> None:
    """A byte a second, of ten; whoever is slower than that is waited for, for four seconds."""
    clock = SimpleNamespace(monotonic=itertools.count(1.0).__next__)
    monkeypatch.setattr("srgan.server.guards.time", clock)
    monkeypatch.setattr("srgan.server.guards._DRAIN_BYTES", 0)
    answered, _, _ = ask(
        "POST",
        "/v1/upscale",
        {"content-length": "10"},
        chunks=[b"x"] * 10,
        stall_seconds=4,
        min_rate_kb=rate,
    )
    assert answered == status


def test_a_refusal_takes_in_a_small_body_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its sender reads the answer instead of a reset."""
    monkeypatch.setattr("srgan.server.guards._DRAIN_SECONDS", 60.0)
    chunks = [b"x" * 1000] * 50
    headers = {"content-length": "50000", "origin": "null"}
    status, answered, _ = ask("POST", "/v1/upscale", headers, chunks=chunks)
    assert status == 403
    assert "connection" not in answered


def test_a_defect_is_told_without_its_inside() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("the password is 1234")

    status, _, body = ask(app=broken)
    assert status == 500
    assert json.loads(body)["code"] == "internal"
    assert b"1234" not in body
