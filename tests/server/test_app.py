"""The API as clients see it, on a real server in a process of its own."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fakes import PATIENCE, RunningServer, picture, until
from PIL import Image

SMALL = picture(12, 20)
SLOW = picture(128, 128)  # 16 tiles


def pixels(content: bytes) -> Any:
    return np.asarray(Image.open(BytesIO(content)))


def code(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    return str(document["code"])


def test_a_small_picture_is_answered_with_its_result(server: RunningServer) -> None:
    answer = server.post(SMALL, "my photo.png")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert 'filename="my photo_x4.png"' in answer.headers["content-disposition"]
    assert np.array_equal(pixels(answer.content), pixels(SMALL).repeat(4, 0).repeat(4, 1))
    job = f"/v1/jobs/{answer.headers['x-srgan-job']}"
    until(lambda: server.client.get(job).status_code == 404, "the job goes with its answer")


def test_a_result_equals_the_librarys_byte_for_byte(server: RunningServer) -> None:
    from srgan.image.files import encode_picture, read_picture
    from srgan.inference.open import load
    from srgan.inference.upscale import upscale_picture

    source = picture(30, 40, mode="RGBA")
    answer = server.post(source, model="bicubic", scale="2.5", format="webp", quality="90")
    result = upscale_picture(read_picture(source), load("bicubic"), size=(75, 100))
    assert answer.content == encode_picture(result, "WEBP", 90)


def test_what_the_result_cannot_hold_is_told(server: RunningServer) -> None:
    pages = BytesIO()
    first, *others = (Image.new("L", (6, 5), shade) for shade in (30, 120, 210))
    first.save(pages, "TIFF", save_all=True, append_images=others)
    answer = server.post(pages.getvalue(), "pages.tif", format="png")
    assert answer.status_code == 200
    told = json.loads(answer.headers["x-srgan-notices"])
    assert told == ["PNG holds one page: the first of 3 is written"]
    assert "x-srgan-notices" not in server.post(SMALL).headers


def test_a_job_is_followed_to_its_result(server: RunningServer) -> None:
    with ExitStack() as opened:
        with server.held():
            accepted = server.post(SLOW, model="slow", wait=0)
            assert accepted.status_code == 202
            job = accepted.json()
            assert accepted.headers["location"] == f"/v1/jobs/{job['id']}" == job["links"]["self"]
            assert len(job["id"]) >= 22
            assert server.client.get(job["links"]["result"]).status_code == 409
            events = opened.enter_context(server.client.stream("GET", job["links"]["events"]))
            assert events.headers["content-type"].startswith("text/event-stream")
        data = [line[6:] for line in events.iter_lines() if line.startswith("data: ")]
    told = [json.loads(document) for document in data]
    fractions = [t["progress"] for t in told]
    assert fractions == sorted(fractions)
    # There are 16 tiles; a machine that is slow to tell leaves some out.
    assert len({f for f in fractions if 0 < f < 1}) >= 2
    assert told[-1]["state"] == "done"
    assert told[-1]["seconds_left"] is None
    assert (told[-1]["output"]["width"], told[-1]["output"]["height"]) == (512, 512)
    result = server.client.get(job["links"]["result"])
    assert pixels(result.content).shape == (512, 512, 3)
    other = server.client.get(job["links"]["result"], params={"format": "jpeg", "quality": 50})
    assert other.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(other.content)).size == (512, 512)
    original = server.client.get(f"{job['links']['self']}/input")
    assert np.array_equal(pixels(original.content), pixels(SLOW))
    assert server.client.delete(job["links"]["self"]).status_code == 204
    assert code(server.client.get(job["links"]["result"])) == "job_unknown"


def test_the_dial_reaches_the_model(server: RunningServer) -> None:
    half = server.post(SMALL, model="srgan", realism="0.5")
    faithful = server.post(SMALL, model="srgan", realism="0")
    assert pixels(half.content).mean() == pytest.approx(pixels(faithful.content).mean() / 2, abs=1)


def test_a_file_that_is_no_picture_is_told_so_without_a_path(server: RunningServer) -> None:
    answer = server.post(b"hello", "photo.jpg")
    assert answer.status_code == 422
    assert code(answer) == "image_refused"
    assert str(server.folder) not in answer.text
    cut = server.post(picture(200, 200)[:3000])
    assert (cut.status_code, code(cut)) == (422, "image_refused")


def test_pictures_over_a_limit_are_refused_before_they_are_decoded(server: RunningServer) -> None:
    file = BytesIO()
    Image.new("L", (5000, 4000)).save(file, "PNG")
    answer = server.post(file.getvalue())
    assert code(answer) == "picture_too_large"
    assert "have the server's operator raise --max-input-mp" in answer.json()["detail"]
    file = BytesIO()
    Image.new("L", (3000, 3000)).save(file, "PNG")
    answer = server.post(file.getvalue())
    assert code(answer) == "picture_too_large"
    whose = "choose a smaller size or have the server's operator raise --max-output-mp"
    assert whose in answer.json()["detail"]


def test_a_crash_costs_its_own_request_only(server: RunningServer) -> None:
    assert code(server.post(SMALL, model="crash")) == "compute_failed"
    assert server.post(SMALL).status_code == 200


def _endless() -> bytes:
    """A thousand tiles: minutes of work."""
    file = BytesIO()
    Image.new("L", (1024, 1024)).save(file, "PNG")
    return file.getvalue()


def test_deleting_a_job_stops_its_work(server: RunningServer) -> None:
    job = server.post(_endless(), model="slow", wait=0).json()
    server.until("srgan_running_jobs 1")
    server.client.delete(job["links"]["self"])
    server.until("srgan_running_jobs 0")
    assert not (server.folder / job["id"]).exists()


def _folders(server: RunningServer) -> set[Path]:
    return set(server.folder.iterdir())


def test_a_client_that_leaves_stops_its_work(server: RunningServer) -> None:
    before = _folders(server)
    body = _form(_endless(), model="slow", wait="30")
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(body)
        server.until("srgan_running_jobs 1")
    server.until("srgan_running_jobs 0")
    until(lambda: not _folders(server) - before, "its folder goes")


def _form(content: bytes, **fields: str) -> bytes:
    """A whole request, for sending without waiting for the answer."""
    request = httpx.Request(
        "POST", "http://localhost/v1/upscale", files={"image": ("a.png", content)}, data=fields
    )
    head = [b"POST /v1/upscale HTTP/1.1", *(b": ".join(pair) for pair in request.headers.raw)]
    return b"\r\n".join([*head, b"", request.read()])


def test_nothing_is_left_of_what_was_refused(server: RunningServer) -> None:
    before = _folders(server)
    form = {"content-type": "multipart/form-data"}
    answers = [
        server.post(b"hello"),
        server.post(SMALL, scale="99"),
        server.post(SMALL, "../../../../tmp/evil.png"),
        server.client.post("/v1/upscale", content=b"x", headers=form),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 200, 400]
    until(lambda: not _folders(server) - before, "their folders go")


def test_what_is_not_there(server: RunningServer) -> None:
    assert code(server.client.get("/nothing")) == "not_found"
    assert code(server.client.get("/v1/jobs/nothing")) == "job_unknown"
    assert code(server.client.get("/page/../app.py")) == "not_found"
    put = server.client.put("/v1/models")
    assert code(put) == "method_not_allowed"
    assert put.headers["allow"] == "GET, HEAD"
    assert server.client.options("/v1/upscale").status_code == 405
    assert server.client.put("/v1/jobs/nothing").headers["allow"] == "DELETE, GET, HEAD"
    assert server.client.post("/healthz").headers["allow"] == "GET, HEAD"


def test_the_head_alone_may_be_asked_for(server: RunningServer) -> None:
    """Many a health check does, and who wants to know the size of a result."""
    job = server.post(SMALL, wait=0).json()["links"]["self"]
    until(lambda: server.client.get(job).json()["state"] == "done", "the job is done")
    paths = ["/", "/healthz", "/readyz", "/metrics", "/v1/models", "/openapi.json"]
    for path in [*paths, job, f"{job}/result", f"{job}/input"]:
        head = server.client.head(path)
        assert (path, head.status_code, head.content) == (path, 200, b"")
    result = server.client.head(f"{job}/result").headers
    content = server.client.get(f"{job}/result").content
    assert (result["content-type"], result["content-length"]) == ("image/png", str(len(content)))


def test_what_there_is_to_choose(server: RunningServer) -> None:
    offer = server.client.get("/v1/models").json()
    assert offer["default"] == "srresnet"
    dials = {m["name"]: m["realism"] for m in offer["models"]}
    assert dials == {
        "srgan": True,
        "srresnet": False,
        "slow": False,
        "crash": False,
        "bicubic": False,
    }
    assert offer["limits"]["max_upload_mb"] == 32.0


def test_the_page_asks_for_nothing_from_elsewhere(server: RunningServer) -> None:
    page = server.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    names = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert names
    for name in names:
        assert name.startswith("/page/") or name == "/openapi.json"
        asset = server.client.get(name)
        assert asset.status_code == 200
        assert "http://" not in asset.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in asset.text


def test_the_openapi_document_describes_every_route(server: RunningServer) -> None:
    document = server.client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/upscale",
        "/v1/jobs/{id}",
        "/v1/jobs/{id}/events",
        "/v1/jobs/{id}/result",
        "/v1/jobs/{id}/input",
        "/v1/models",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    form = document["paths"]["/v1/upscale"]["post"]["requestBody"]["content"]
    schema = form["multipart/form-data"]["schema"]
    assert schema["required"] == ["image"]
    assert schema["properties"]["wait"]["maximum"] == PATIENCE
    for path, way in (("/v1/upscale", "post"), ("/v1/jobs/{id}", "get"), ("/readyz", "get")):
        answers = document["paths"][path][way]["responses"]
        for status, answer in answers.items():
            kinds = set(answer.get("content", {}))
            assert ("application/problem+json" in kinds) == (int(status) >= 400)
        schema = answers["404"]["content"]["application/problem+json"]["schema"]["$ref"]
        assert schema.rpartition("/")[2] in document["components"]["schemas"]
    assert "securitySchemes" not in document["components"]


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    server = RunningServer(queue_jobs=4, client_jobs=3, queue_mp=1.2, stop_seconds=1.5)
    try:
        assert server.post(_endless(), model="slow", wait=0).status_code == 202
        pixels_ = server.post(_endless(), model="slow", wait=0)
        for _ in range(2):
            assert server.post(SMALL, model="slow", wait=0).status_code == 202
        share = server.post(SMALL, model="slow", wait=0)
        assert (pixels_.status_code, code(pixels_)) == (503, "queue_full")
        assert (share.status_code, code(share)) == (429, "too_many_jobs")
        for refused in (pixels_, share):
            assert int(refused.headers["retry-after"]) >= 1
    finally:
        # What cannot be finished in time does not hold up the end.
        assert server.stop() == 0
    assert list(server.folder.iterdir()) == []


def test_sigterm_finishes_what_runs_and_takes_no_more() -> None:
    server = RunningServer(stop_seconds=PATIENCE, wait_seconds=PATIENCE)
    answers: list[httpx.Response] = []
    waiting = threading.Thread(
        target=lambda: answers.append(server.post(SLOW, model="slow", wait=PATIENCE))
    )
    try:
        with server.held():
            waiting.start()
            server.until("srgan_running_jobs 1")
            server.process.terminate()
            until(lambda: server.client.get("/readyz").status_code == 503, "stopping")
            refused = server.post(SMALL)
            assert (refused.status_code, code(refused)) == (503, "stopping")
        waiting.join()
        assert answers[0].status_code == 200
    finally:
        assert server.ended() == 0


def test_a_token_is_needed_where_one_is_set_and_results_expire() -> None:
    server = RunningServer(token="s3cret", keep_seconds=0.5)
    try:
        job = server.post(SMALL, wait=0).json()
        assert code(httpx.get(f"{server.url}/v1/models")) == "unauthorized"
        assert code(httpx.get(f"{server.url}{job['links']['result']}")) == "unauthorized"
        assert httpx.get(f"{server.url}/").status_code == 200
        document = server.client.get("/openapi.json").json()
        assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
        assert document["paths"]["/v1/upscale"]["post"]["security"] == [{"HTTPBearer": []}]
        # It runs, ends and expires.
        until(lambda: server.client.get(job["links"]["self"]).status_code == 404, "expired")
        until(lambda: not _folders(server), "its folder goes")
    finally:
        server.stop()


@pytest.fixture(scope="module")
def strict() -> Iterator[RunningServer]:
    """A server that waits for no one."""
    running = RunningServer(stall_seconds=1.0, header_seconds=1.0)
    yield running
    running.stop()


def _talk(server: RunningServer, request: bytes) -> bytes:
    """Send bytes over a connection; all that came back until the server closed it."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        # It may have answered and closed before it had read everything.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65536):
                received += more
    return received


def test_slow_headers_and_slow_bodies_are_closed(strict: RunningServer) -> None:
    _talk(strict, b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    kind = b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    assert _talk(strict, head + kind + b"--b").startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("chunk", [b"zz\r\n--b", b"3\r\n--b--", b"f" * 17 + b"\r\n--b"])
def test_a_malformed_chunk_is_a_bad_request(strict: RunningServer, chunk: bytes) -> None:
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    kind = b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    before = strict.client.get("/metrics").text
    answer = _talk(strict, head + kind + chunk)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"code": "bad_request"' in answer
    counted = r'srgan_http_requests_total.*route="/v1/upscale",status="400"} (\d+)'
    found = [re.findall(counted, text) for text in (before, strict.client.get("/metrics").text)]
    assert int(found[1][0]) == (int(found[0][0]) if found[0] else 0) + 1


def test_a_client_that_leaves_in_its_upload_is_counted_as_that(strict: RunningServer) -> None:
    request = _form(SMALL)
    with socket.create_connection(("127.0.0.1", strict.port), timeout=PATIENCE) as connection:
        connection.sendall(request[:-9])
    route = 'srgan_http_requests_total{method="POST",route="/v1/upscale"'
    strict.until(route + ',status="499"} 1')


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (
            b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
            b"Content-Length: 2\r\n\r\nx",
            400,
        ),
        (b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /" + b"\xff" * 10 + b" HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01 hello, TLS", 400),
    ],
)
def test_malformed_requests_end_with_a_refusal(
    strict: RunningServer, request_: bytes, status: int
) -> None:
    assert re.match(rb"HTTP/1\.[01] %d " % status, _talk(strict, request_))
    assert strict.client.get("/healthz").status_code == 200
