"""What `srgan upscale` and `srgan video` tell of each file: done, failed, or not to be begun."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan.errors import ImageRefused, SRGANError, UsageError

if TYPE_CHECKING:
    from srgan.inference.file import Done
    from srgan.inference.video.job import VideoDone


def tell_failed(error: SRGANError, source: Path, *, speaks_of: Iterable[Path], json_: bool) -> None:
    """One line on stderr, which names the source unless it begins with a path of ``speaks_of``."""
    from srgan.image.atomic import shown

    message = str(error)
    if not message.startswith(tuple(shown(path) for path in speaks_of)):
        message = f"{shown(source)}: {message}"
    print(f"srgan: {message}", file=sys.stderr)
    if json_:
        what = "refused" if isinstance(error, ImageRefused) else "failed"
        _emit({"input": str(source), "status": what, "reason": str(error)})


def tell_done(
    done: Done | VideoDone, line: str, *, quiet: bool, json_: bool, **more: object
) -> None:
    """Notices on stderr, and on stdout the line or, as JSON, what became of the file.

    Args:
        done: what became of it.
        line: how large it is now and what it took, as a person reads it.
        quiet: neither notices nor the line.
        json_: an object in place of the line.
        more: members of the object that only one of the two commands has.
    """
    from srgan.image.atomic import shown

    if not quiet:
        for notice in done.notices:
            print(f"{shown(done.source)}: {notice}", file=sys.stderr)
    (h, w), (big_h, big_w) = done.size_in, done.size_out
    if json_:
        _emit(
            {
                "input": str(done.source),
                "status": "done",
                "output": str(done.target),
                "size_in": [w, h],
                "size_out": [big_w, big_h],
                "frames": done.frames,
                **more,
                "seconds": round(done.seconds, 3),
                "notices": list(done.notices),
            }
        )
    elif not quiet:
        print(f"{shown(done.target)}  {w}x{h} → {big_w}x{big_h}{line}")


def refuse_stdout(output: Path | None) -> None:
    """Refuse an output of ``-``, which would be a folder of that name.

    Raises:
        UsageError: it is one.
    """
    if output == Path("-"):
        raise UsageError("-o -: results are not written to standard output; name a file or folder")


def refuse_shared_targets(pairs: Iterable[tuple[Path, Path]]) -> None:
    """Refuse sources of which two would have one result.

    Raises:
        UsageError: there are such.
    """
    from srgan.image.atomic import one_name, shown

    taken: dict[str, Path] = {}
    for given, target in pairs:
        other = taken.setdefault(one_name(target), given)
        if other is not given:
            raise UsageError(
                f"{shown(other)} and {shown(given)} would both become {shown(target)}; "
                "give them one at a time"
            )


def _emit(entry: dict[str, Any]) -> None:
    print(json.dumps(entry, ensure_ascii=True), flush=True)
