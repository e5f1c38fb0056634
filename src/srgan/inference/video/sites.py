"""Where the chroma samples of a stream lie."""

from __future__ import annotations

import io
from typing import Any

from srgan.inference.video.colour import BT2020, Colours
from srgan.inference.video.library import library

_ACROSS, _DOWN = b"\x55\xb7\x81", b"\x55\xb8\x81"  # ChromaSitingHorz and Vert of RFC 9559
_NAMES = {(1, 1): "topleft", (1, 2): "left", (2, 1): "top", (2, 2): "center"}


def chroma_site(video: Any, colours: Colours) -> str:
    """Where chroma lies in a stream, by the name that libswscale knows.

    What the stream or its decoder says holds; else, by the rule of most codecs, left of the middle
    of two rows, and in BT.2020 on the first of them.
    """
    return _said(video) or ("topleft" if colours.matrix == BT2020 else "left")


def _said(video: Any) -> str | None:
    """What FFmpeg knows of it: PyAV does not show it, but the head of a Matroska file does."""
    av = library()
    head = io.BytesIO()
    try:
        with av.open(head, "w", format="matroska") as trial:
            trial.add_stream_from_template(video, opaque=True)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return None
    data = head.getvalue()
    across, down = (data[data.find(key) + 3] if key in data else 0 for key in (_ACROSS, _DOWN))
    return _NAMES.get((across, down))
