"""Every limit of the server in one table: its flag, its environment variable and its default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from srgan.errors import UsageError
from srgan.image.limits import Limits

MEGA = 1_000_000
MIB = 1 << 20


def _limit(default: float, unit: str, help_: str) -> Any:
    return field(default=default, metadata={"unit": unit, "help": help_})


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one request, one client and the whole server may use."""

    max_upload_mb: float = _limit(32.0, "MiB", "largest request body")
    max_input_mp: float = _limit(16.0, "MP", "largest picture taken, all frames together")
    max_output_mp: float = _limit(100.0, "MP", "largest result, all frames together")
    max_frames: int = _limit(300, "frames", "longest animation or TIFF")
    max_parts: int = _limit(12, "parts", "parts of one form")
    max_field_kb: float = _limit(4.0, "KiB", "longest value of a form's field")
    max_name: int = _limit(255, "characters", "longest file name; it is only ever shown")
    max_header_kb: float = _limit(64.0, "KiB", "largest request header")
    queue_jobs: int = _limit(32, "jobs", "jobs that wait or run; more are refused with 503")
    queue_mp: float = _limit(256.0, "MP", "input pixels that wait or run")
    client_jobs: int = _limit(16, "jobs", "of these, or uploads, from one address; more: 429")
    uploads: int = _limit(64, "uploads", "uploads received at the same time")
    streams: int = _limit(256, "streams", "event streams open at the same time")
    connections: int = _limit(4096, "connections", "connections open at the same time")
    header_seconds: float = _limit(10.0, "s", "time for a request's header, and idle keep-alive")
    stall_seconds: float = _limit(10.0, "s", "longest pause within an upload or a download")
    min_rate_kb: float = _limit(8.0, "KiB/s", "slowest upload or download, after the first pause")
    decode_seconds: float = _limit(10.0, "s", "processor time to decode one picture")
    decode_memory_mb: float = _limit(1024.0, "MiB", "memory to decode one picture")
    job_seconds: float = _limit(900.0, "s", "computing time of one job")
    wait_seconds: float = _limit(30.0, "s", "longest that a request waits for its result")
    wait_mp: float = _limit(0.25, "MP", "inputs up to this wait for their result by default")
    lane_memory_mb: float = _limit(1000.0, "MiB", "the computing process restarts above this")
    keep_seconds: float = _limit(900.0, "s", "a finished job and its files are kept this long")
    spool_mb: float = _limit(4096.0, "MiB", "disk space for uploads and results together")
    stop_seconds: float = _limit(20.0, "s", "time to finish jobs after SIGTERM")

    @property
    def picture(self) -> Limits:
        """The limits that a picture is checked against."""
        return Limits(
            int(self.max_input_mp * MEGA), int(self.max_output_mp * MEGA), self.max_frames
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of ``srgan serve --limits``."""

    name: str
    flag: str
    variable: str
    kind: type[int] | type[float]
    default: float
    unit: str
    help: str


def table() -> tuple[Row, ...]:
    """Every limit, in the order of the dataclass."""
    rows = []
    for f in fields(ServerLimits):
        kind = int if f.type == "int" else float
        rows.append(
            Row(
                f.name,
                "--" + f.name.replace("_", "-"),
                "SRGAN_" + f.name.upper(),
                kind,
                f.default,  # type: ignore[arg-type]
                f.metadata["unit"],
                f.metadata["help"],
            )
        )
    return tuple(rows)


def resolve(
    flags: Mapping[str, float | None], environment: Mapping[str, str] | None = None
) -> ServerLimits:
    """The limits in force: a flag wins over the environment, that over the default.

    Raises:
        UsageError: a value that is no number, or not above 0.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for row in table():
        value: Any = flags.get(row.name)
        source = row.flag
        if value is None and row.variable in environment:
            value, source = environment[row.variable], row.variable
        if value is None:
            continue
        try:
            number = row.kind(value)
        except ValueError as error:
            raise UsageError(f"{source} wants a number of {row.unit}, not {value!r}") from error
        if not number > 0:
            raise UsageError(f"{source} must be above 0, not {value}")
        values[row.name] = number
    return ServerLimits(**values)
