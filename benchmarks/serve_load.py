"""Load and attack a running server on this machine: ``python benchmarks/serve_load.py CASE URL``.

Cases: ``uploads`` (many clients upload), ``slow`` (slow headers, bodies and readers), ``leave``
(clients leave mid-job), ``mixed`` (memory over many requests), ``badimages`` (a folder of odd
files). Each prints one JSON object. Only addresses of this machine are accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import random
import re
import select
import socket
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

BOUNDARY = "srgan-load"
_TIMEOUT = 120.0


def noise(side: int) -> bytes:
    """A PNG of noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def form(content: bytes, **fields: str) -> bytes:
    """The body of an upload."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return b"".join([*parts, head.encode(), content, f"\r\n--{BOUNDARY}--\r\n".encode()])


class Target:
    """The server under test."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        if at.hostname not in ("127.0.0.1", "localhost") or at.port is None:
            raise SystemExit("only http://127.0.0.1:PORT is accepted")
        self.port = at.port

    def head(self, method: str, path: str, length: int | None = None, kind: str = "") -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if length is not None:
            kind = kind or f"multipart/form-data; boundary={BOUNDARY}"
            lines += [f"Content-Length: {length}", f"Content-Type: {kind}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def connect(self, limit: int = 1 << 20) -> tuple[Any, Any]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=limit)

    async def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """One request on a connection of its own."""
        start = time.monotonic()
        reader, writer = await self.connect()
        try:
            length = None if body is None else len(body)
            writer.write(self.head(method, path, length) + (body or b""))
            await writer.drain()
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _TIMEOUT)
            seconds = time.monotonic() - start
            text = head.decode("latin-1").lower()
            size = int((re.search(r"content-length: (\d+)", text) or [0, 0])[1])
            content = await asyncio.wait_for(reader.readexactly(size), _TIMEOUT)
        finally:
            writer.close()
        return Answer(int(text[9:12]), seconds, "retry-after" in text, content)

    async def metrics(self) -> dict[str, float]:
        text = (await self.ask("GET", "/metrics")).content.decode()
        found = (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")
        return {name: float(value) for name, _, value in found}


class Answer:
    """What came back, and how soon."""

    def __init__(self, status: int, seconds: float, retry_after: bool, content: bytes) -> None:
        self.status = status
        self.seconds = seconds
        self.retry_after = retry_after
        self.content = content


def milliseconds(times: list[float]) -> dict[str, float]:
    """p50, p99 and the longest."""
    if len(times) < 2:
        return {"count": len(times)}
    cuts = statistics.quantiles(times, n=100)
    return {
        "count": len(times),
        "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
        "max_ms": round(1000 * max(times), 1),
    }


async def watch_health(target: Target, times: list[float]) -> None:
    """Ask /healthz ten times a second, each on time whether or not the last has answered."""

    async def once() -> None:
        times.append((await target.ask("GET", "/healthz")).seconds)

    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(once())
            await asyncio.sleep(0.1)


async def uploads(target: Target, seconds: float, clients: int) -> dict[str, Any]:
    """So many clients upload a 256-pixel PNG, then again after a tenth of a second, and again."""
    body = form(noise(256), wait="0", model="bicubic")
    statuses: Counter[int] = Counter()
    times: list[float] = []
    health: list[float] = []
    silent = 0
    end = time.monotonic() + seconds

    async def client() -> None:
        nonlocal silent
        await asyncio.sleep(random.random())
        while time.monotonic() < end:
            answer = await target.ask("POST", "/v1/upscale", body)
            statuses[answer.status] += 1
            times.append(answer.seconds)
            silent += answer.status in (429, 503) and not answer.retry_after
            await asyncio.sleep(random.uniform(0.5, 1.5))

    watcher = asyncio.create_task(watch_health(target, health))
    await asyncio.gather(*(client() for _ in range(clients)))
    watcher.cancel()
    since = time.monotonic()
    while (m := await target.metrics())["srgan_queue_jobs"] + m["srgan_running_jobs"]:
        await asyncio.sleep(0.1)
    ended = {k.split('"')[1]: v for k, v in m.items() if k.startswith("srgan_jobs_total")}
    return {
        "statuses": statuses,
        "answer": milliseconds(times),
        "healthz": milliseconds(health),
        "refusals_without_retry_after": silent,
        "jobs": ended,
        "seconds_until_idle": round(time.monotonic() - since, 2),
        "memory_mb": memory(m),
    }


async def slow(target: Target, clients: int) -> dict[str, Any]:
    """Slow headers, bodies and readers, a third each: how long each is kept, how others fare."""
    idle: list[float] = []
    for _ in range(100):
        idle.append((await target.ask("GET", "/v1/models")).seconds)
    kept: dict[str, list[float]] = {"headers": [], "body": [], "reader": []}
    job = json.loads((await target.ask("POST", "/v1/upscale", form(noise(256), wait="0"))).content)
    while json.loads((await target.ask("GET", job["links"]["self"])).content)["state"] != "done":
        await asyncio.sleep(0.1)

    async def read_slowly() -> None:
        """Below asyncio's buffers, so that a reset is seen when it comes."""
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.setblocking(False)
            await loop.sock_connect(connection, ("127.0.0.1", target.port))
            start = time.monotonic()
            await loop.sock_sendall(connection, target.head("GET", job["links"]["result"]))
            # What was received stays readable after a reset: ask for the connection's state.
            state = select.poll()
            state.register(connection, select.POLLRDHUP)
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(60):
                    while not state.poll(0):
                        await loop.sock_recv(connection, 16)
                        await asyncio.sleep(1)
            kept["reader"].append(time.monotonic() - start)

    async def one(kind: str) -> None:
        if kind == "reader":
            await read_slowly()
            return
        reader, writer = await target.connect(limit=1024)
        start = time.monotonic()
        with contextlib.suppress(ConnectionError, TimeoutError):
            if kind == "headers":
                writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n".encode())
            else:
                writer.write(target.head("POST", "/v1/upscale", 100_000))
                writer.write(f"--{BOUNDARY}\r\n".encode())
            async with asyncio.timeout(60):
                while True:
                    await asyncio.sleep(1)
                    if reader.at_eof() or writer.is_closing():
                        break
                    writer.write(b"X")
                    await writer.drain()
                    with contextlib.suppress(TimeoutError):
                        if await asyncio.wait_for(reader.read(4096), 0.01) == b"":
                            break
        kept[kind].append(time.monotonic() - start)
        writer.close()

    busy: list[float] = []
    kinds = [("headers", "body", "reader")[i % 3] for i in range(clients)]
    crowd = asyncio.gather(*(one(kind) for kind in kinds))
    await asyncio.sleep(1)
    for _ in range(100):
        busy.append((await target.ask("GET", "/v1/models")).seconds)
        await asyncio.sleep(0.05)
    await crowd
    return {
        "closed_after_s": {k: [round(min(v), 1), round(max(v), 1)] for k, v in kept.items() if v},
        "connections": {k: len(v) for k, v in kept.items()},
        "idle": milliseconds(idle),
        "during": milliseconds(busy),
    }


async def leave(target: Target, clients: int, process: int) -> dict[str, Any]:
    """Clients wait for a result and leave; what the server still holds a moment later."""

    def held() -> dict[str, int]:
        at = Path(f"/proc/{process}")
        return {
            "descriptors": len(list((at / "fd").iterdir())),
            "threads": len(list((at / "task").iterdir())),
        }

    body = form(noise(512), wait="30")
    await target.ask("GET", "/healthz")
    before = held()

    async def one() -> int:
        _, writer = await target.connect()
        writer.write(target.head("POST", "/v1/upscale", len(body)) + body)
        await writer.drain()
        await asyncio.sleep(0.5)
        writer.close()
        return 0

    gone = []
    for _ in range(0, clients, 10):
        await asyncio.gather(*(one() for _ in range(10)))
        since = time.monotonic()
        while (m := await target.metrics())["srgan_running_jobs"] + m["srgan_queue_jobs"]:
            await asyncio.sleep(0.02)
        gone.append(time.monotonic() - since)
    await asyncio.sleep(6)
    m = await target.metrics()
    return {
        "before": before,
        "after": held(),
        "compute_stops_s": {"median": statistics.median(gone), "max": max(gone)},
        "spool_bytes": m["srgan_spool_bytes"],
        "kept_jobs": m["srgan_kept_jobs"],
    }


async def mixed(target: Target, requests: int) -> dict[str, Any]:
    """Good, broken and pointless requests in turn; memory before and after."""
    good = form(noise(64), wait="20", model="bicubic")
    broken = form(noise(64)[:500])
    nothing = form(b"hello")
    statuses: Counter[int] = Counter()
    calls = [
        ("POST", "/v1/upscale", good),
        ("POST", "/v1/upscale", broken),
        ("POST", "/v1/upscale", nothing),
        ("GET", "/v1/models", None),
        ("GET", "/v1/jobs/none", None),
        ("GET", "/openapi.json", None),
    ]

    async def some(count: int) -> None:
        for i in range(count):
            statuses[(await target.ask(*calls[i % len(calls)])).status] += 1

    await asyncio.gather(*(some(50) for _ in range(4)))
    start = memory(await target.metrics())
    await asyncio.gather(*(some(requests // 4) for _ in range(4)))
    end = memory(await target.metrics())
    return {"statuses": statuses, "memory_mb_after_200": start, "memory_mb_at_end": end}


async def badimages(target: Target, folder: Path, every: int) -> dict[str, Any]:
    """Odd files, one after the other."""
    statuses: Counter[str] = Counter()
    failed = []
    longest = 0.0
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size < 30 << 20)
    for path in files[::every]:
        body = form(path.read_bytes(), wait="0", scale="1.5", model="bicubic")
        answer = await target.ask("POST", "/v1/upscale", body)
        longest = max(longest, answer.seconds)
        status = str(answer.status)
        while answer.status == 202:
            job = json.loads(answer.content)
            at = job["links"]["self"]
            job = json.loads((await target.ask("GET", at)).content)
            if job["state"] in ("done", "failed"):
                problem = job["problem"]
                status = f"202, then {job['state']}" + (f" {problem['code']}" if problem else "")
                if problem and problem["status"] >= 500:
                    failed.append(str(path.relative_to(folder)))
                await target.ask("DELETE", at)
                break
            await asyncio.sleep(0.02)
        if answer.status >= 500:
            failed.append(str(path.relative_to(folder)))
        statuses[status] += 1
    return {
        "files": len(files[::every]),
        "statuses": statuses,
        "server_errors": failed[:20],
        "longest_answer_s": round(longest, 2),
        "memory_mb": memory(await target.metrics()),
    }


def memory(metrics: dict[str, float]) -> dict[str, int]:
    """MB by process."""
    name = "srgan_resident_memory_bytes"
    return {k.split('"')[1]: int(v / 1e6) for k, v in metrics.items() if k.startswith(name)}


def main() -> None:
    """Run one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=["uploads", "slow", "leave", "mixed", "badimages"])
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--pid", type=int, default=0)
    a = parser.parse_args()
    target = Target(a.url)
    case = {
        "uploads": lambda: uploads(target, a.seconds, a.clients),
        "slow": lambda: slow(target, a.clients),
        "leave": lambda: leave(target, a.clients, a.pid),
        "mixed": lambda: mixed(target, a.requests),
        "badimages": lambda: badimages(target, a.folder, a.every),
    }[a.case]
    print(json.dumps(asyncio.run(case())))


if __name__ == "__main__":
    main()
