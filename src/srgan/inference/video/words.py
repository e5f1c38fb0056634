"""Subtitles in another codec, for kinds of file that do not take them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from srgan.inference.video.library import library

_OF_TEXT = ("srt", "subrip", "ssa", "ass", "mov_text", "webvtt", "text")
_TICK = Fraction(1, 1000)


def is_text(stream: Any) -> bool:
    """Whether a stream is subtitles of text, not of pictures."""
    return stream.type == "subtitle" and getattr(stream, "name", None) in _OF_TEXT


class Rewritten:
    """A stream of subtitles that is decoded and encoded again.

    Args:
        out: the container that is written.
        stream: of the source.
        encoder: ``"mov_text"``, ``"subrip"`` or ``"webvtt"``.

    Attributes:
        made: the stream of the result.
        change: what else than the codec is another, for a notice.
    """

    change = ""

    def __init__(self, out: Any, stream: Any, encoder: str) -> None:
        self._source = stream.codec_context
        self._source.open(strict=False)  # which makes the header
        self.made = out.add_stream(encoder)
        context = self.made.codec_context
        context.subtitle_header = self._source.subtitle_header
        context.time_base = self.made.time_base = _TICK

    def __call__(self, packet: Any | None) -> Iterator[Any]:
        """A packet of the source, or None after the last.

        Yields:
            packets of the result.
        """
        av = library()
        if packet is None or packet.pts is None:
            return
        try:
            shown = self._source.decode2(packet)
        except av.FFmpegError:
            return
        lines = [rect.ass for rect in shown or () if hasattr(rect, "ass")]
        if not lines:
            return  # MP4 has empty ones between the others
        text = b"\\N".join([lines[0], *(line.split(b",", 8)[-1] for line in lines[1:])])
        lasts = round((packet.duration or 0) * packet.time_base / _TICK)
        at = round(packet.pts * packet.time_base / _TICK)
        given = av.subtitles.subtitle.SubtitleSet.create(text, 0, lasts, 1000 * at)
        made = self.made.codec_context.encode_subtitle(given)
        made.stream, made.time_base = self.made, _TICK
        made.pts = made.dts = at
        made.duration = lasts
        yield made
