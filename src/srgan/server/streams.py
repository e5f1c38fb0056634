"""Answers that are sent piece by piece, counted while they are open."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from srgan.server.problems import Problem

_CHUNK = 16 * 1024


class Streams:
    """The streams that are open at the moment, ``limit`` at most."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0

    def check(self) -> None:
        """Refuse to open another.

        Raises:
            Problem: there are too many.
        """
        if self.open >= self.limit:
            raise Problem("queue_full", "too many streams are open; try again", retry_after=2)

    def answer(
        self,
        content: AsyncIterator[bytes],
        *,
        media: str,
        headers: dict[str, str] | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> StreamingResponse:
        """The answer that sends ``content``; ``ended`` is called when it was sent, or could not be.

        A client may leave before the first byte.
        """
        return _Stream(self, content, ended, media, headers)

    def download(
        self,
        path: Path,
        *,
        media: str,
        headers: dict[str, str],
        ended: Callable[[], None] = lambda: None,
    ) -> StreamingResponse:
        """The answer that sends a file, which may be removed from now on."""
        file = path.open("rb")

        async def chunks() -> AsyncIterator[bytes]:
            # Reads come from memory, mostly: the file was just written.
            while chunk := file.read(_CHUNK):
                yield chunk

        def close() -> None:
            file.close()
            ended()

        size = str(os.fstat(file.fileno()).st_size)
        return self.answer(
            chunks(), media=media, headers={"Content-Length": size, **headers}, ended=close
        )


class _Stream(StreamingResponse):
    def __init__(
        self,
        streams: Streams,
        content: AsyncIterator[bytes],
        ended: Callable[[], None],
        media: str,
        headers: dict[str, str] | None,
    ) -> None:
        super().__init__(content, media_type=media, headers=headers)
        self._streams, self._ended = streams, ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams.open += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.open -= 1
            self._ended()
