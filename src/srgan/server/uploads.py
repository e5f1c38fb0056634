"""A form's way onto disk: one picture and a few short fields, each within its limit."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from srgan.server.limits import ServerLimits
from srgan.server.problems import Problem

FILE_FIELD = "image"
_PART_HEADERS = 8
_HEADER_BYTES = 4096
_BOUNDARY = 200


@dataclass(slots=True)
class Form:
    """What was sent: the fields, and the name that the picture had on the client's disk.

    The name is for showing only and is never used as a path.
    """

    fields: dict[str, str] = field(default_factory=dict)
    name: str | None = None


async def receive_form(
    content_type: str | None, stream: AsyncIterator[bytes], target: Path, limits: ServerLimits
) -> Form:
    """Receive a form; its picture goes to a file, byte by byte as it was sent.

    Args:
        content_type: the request's header.
        stream: the request's body.
        target: the picture's file; it is created.

    Raises:
        Problem: another type, a form that breaks a rule, no picture in it, or no disk space.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data":
        raise Problem("unsupported_type", "send a form of the type multipart/form-data")
    if not 0 < len(boundary) <= _BOUNDARY:
        raise Problem("bad_request", "the form's Content-Type has no usable boundary")
    try:
        with target.open("xb") as file:
            reader = _Reader(file, limits)
            parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
            async for chunk in stream:
                parser.write(chunk)
            parser.finalize()
    except FormParserError as error:
        raise Problem("bad_request", "the form is malformed") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            detail = "there is no disk space for the upload; try later"
            raise Problem("disk_full", detail, retry_after=60) from error
        raise
    if not reader.done:
        raise Problem("bad_request", "the form ends before its last boundary")
    if reader.form.name is None:
        raise Problem("bad_value", f'send the picture as a file in the field "{FILE_FIELD}"')
    return reader.form


class _Reader:
    """Takes the parser's events."""

    def __init__(self, file: IO[bytes], limits: ServerLimits) -> None:
        self.form = Form()
        self.done = False
        self._file = file
        self._limits = limits
        self._parts = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._header_count = 0
        self._field: str | None = None
        self._value = bytearray()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begin,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_end": self._on_end,
        }

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.max_parts:
            raise Problem("bad_request", f"the form has more than {self._limits.max_parts} parts")
        self._headers = {}
        self._header_count = 0
        self._field = None
        self._value.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._check_header()

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header_name) + len(self._header_value) > _HEADER_BYTES:
            raise Problem("bad_request", "a part of the form has a header that is too long")

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""
        self._header_count += 1
        if self._header_count > _PART_HEADERS:
            raise Problem("bad_request", "a part of the form has too many headers")

    def _on_headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition"))
        if disposition != b"form-data" or b"name" not in options:
            raise Problem("bad_request", "a part of the form has no name")
        name = _text(options[b"name"])
        if name == FILE_FIELD:
            if b"filename" not in options:
                raise Problem("bad_value", f'send "{name}" as a file with a file name')
            if self.form.name is not None:
                raise Problem("bad_value", "send one picture a request")
            self.form.name = _text(options[b"filename"])
            if len(self.form.name) > self._limits.max_name:
                raise Problem("bad_value", "the file name is too long")
            return
        if b"filename" in options:
            raise Problem("bad_value", f'the only file is the field "{FILE_FIELD}"')
        if name in self.form.fields:
            raise Problem("bad_value", f'the field "{name[:40]}" is given twice')
        self._field = name

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._file.write(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > self._limits.max_field_kb * 1024:
            raise Problem("bad_value", f'the field "{self._field[:40]}" is too long')

    def _part_end(self) -> None:
        if self._field is not None:
            self.form.fields[self._field] = _text(bytes(self._value))

    def _on_end(self) -> None:
        self.done = True


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
