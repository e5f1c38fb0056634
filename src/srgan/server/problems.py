"""Errors as clients see them: ``application/problem+json`` (RFC 9457) with fixed codes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan.errors import (
    ImageRefused,
    LimitExceeded,
    ModelRefused,
    OutputFailed,
    SRGANError,
    UsageError,
)
from srgan.image.atomic import shown


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of problem: its HTTP status and what it is called."""

    status: int
    title: str


CODES: dict[str, Code] = {
    "bad_request": Code(400, "The request is malformed"),
    "bad_host": Code(400, "The Host header is missing or malformed"),
    "unauthorized": Code(401, "A token is needed"),
    "foreign_origin": Code(403, "Requests from other sites are refused"),
    "not_found": Code(404, "There is nothing at this address"),
    "job_unknown": Code(404, "There is no such job, or it has expired"),
    "method_not_allowed": Code(405, "This address does not know the method"),
    "too_slow": Code(408, "The request arrived too slowly"),
    "not_ready": Code(409, "The job has no result"),
    "upload_too_large": Code(413, "The upload is too large"),
    "picture_too_large": Code(413, "The picture or its result is too large"),
    "unsupported_type": Code(415, "The body is of a type that is not taken"),
    "wrong_host": Code(421, "This server does not answer to that host name"),
    "image_refused": Code(422, "The file is not a picture that can be read"),
    "bad_value": Code(422, "A field has a value that means nothing"),
    "too_many_jobs": Code(429, "This client has too many jobs waiting"),
    "header_too_large": Code(431, "The request's header is too large"),
    "client_gone": Code(499, "The client left before the result was ready"),
    "internal": Code(500, "Something went wrong that should not"),
    "compute_failed": Code(500, "The result could not be computed"),
    "queue_full": Code(503, "The server is busy"),
    "stopping": Code(503, "The server is stopping"),
    "not_started": Code(503, "The server is not ready yet"),
    "job_timeout": Code(504, "The job took longer than a job may"),
    "disk_full": Code(507, "The server has no disk space left"),
}


class Problem(SRGANError):
    """A request that is answered with an error.

    Args:
        code: a key of :data:`CODES`.
        detail: what is wrong and how to mend it, in one line.
        retry_after: seconds after which it is worth trying again.
        allow: the methods that an address knows.
    """

    def __init__(
        self, code: str, detail: str, *, retry_after: int | None = None, allow: str | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.allow = allow

    @property
    def status(self) -> int:
        """The HTTP status."""
        return CODES[self.code].status

    def document(self) -> dict[str, Any]:
        """The problem as JSON."""
        return {
            "type": "about:blank",
            "title": CODES[self.code].title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The response's headers."""
        headers = [(b"content-type", b"application/problem+json")]
        if self.retry_after is not None:
            headers.append((b"retry-after", str(self.retry_after).encode()))
        if self.allow is not None:
            headers.append((b"allow", self.allow.encode()))
        if self.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        return headers

    def body(self) -> bytes:
        """The response's body."""
        return json.dumps(self.document(), ensure_ascii=False).encode("utf-8", "replace")


_CODE_OF: tuple[tuple[type[Exception], str], ...] = (
    (ImageRefused, "image_refused"),
    (LimitExceeded, "picture_too_large"),
    (ModelRefused, "bad_value"),
    (UsageError, "bad_value"),
    (OutputFailed, "disk_full"),
)


def problem_of(error: Exception, folder: Path | None = None) -> Problem:
    """An error of the library as it is told to a client.

    The names of the folder's files, which are nobody's business, are left out, and it says whose
    the flags are that raise a limit.
    """
    code = next((code for kind, code in _CODE_OF if isinstance(error, kind)), "compute_failed")
    detail = str(error)
    if folder is not None:
        detail = re.sub(rf"{re.escape(shown(folder))}[/\\][^/\\:]+: ", "", detail)
    return Problem(code, re.sub(r"\braise (?=--max-)", "have the server's operator raise ", detail))
