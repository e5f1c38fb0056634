"""Answers sent piece by piece."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.responses import StreamingResponse

from srgan.server.problems import Problem
from srgan.server.streams import Streams


def sent(answer: StreamingResponse) -> tuple[dict[bytes, bytes], bytes]:
    """The headers and the body that a client gets."""
    messages: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    asyncio.run(answer({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send))
    return dict(messages[0]["headers"]), b"".join(m.get("body", b"") for m in messages)


def test_a_file_removed_before_its_first_byte_is_sent_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    content = bytes(range(256)) * 200  # more than one piece
    path.write_bytes(content)
    streams, ends = Streams(2), []
    answer = streams.download(
        path, media="image/png", headers={"X-Srgan-Job": "7"}, ended=lambda: ends.append(1)
    )
    path.unlink()
    headers, body = sent(answer)
    assert body == content
    assert headers[b"content-length"] == b"51200"
    assert headers[b"x-srgan-job"] == b"7"
    assert ends == [1]
    assert streams.open == 0


def test_streams_are_counted_while_they_are_open_and_refused_beyond_the_limit() -> None:
    streams = Streams(1)
    seen = []

    async def content() -> AsyncIterator[bytes]:
        seen.append(streams.open)
        with pytest.raises(Problem, match="too many streams"):
            streams.check()
        yield b"x"

    streams.check()
    assert sent(streams.answer(content(), media="text/plain"))[1] == b"x"
    assert seen == [1]
    streams.check()
