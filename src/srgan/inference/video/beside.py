"""The streams beside the picture: copied as they are, or recoded where the target wants it."""

from __future__ import annotations

import io
from collections import Counter
from fractions import Fraction
from typing import Any

from srgan.inference.video.codecs import Container
from srgan.inference.video.library import library
from srgan.inference.video.sound import Recoded, has_layout, name_layout
from srgan.inference.video.source import is_cover
from srgan.inference.video.survey import Survey
from srgan.inference.video.texts import OF_THE_STREAM, texts_of
from srgan.inference.video.words import Rewritten, is_text

_WARM_UP_S = Fraction(1, 20)  # what a decoder wants before the first sound: 2112 samples of AAC
_ALL = 48  # AVDISCARD_ALL
_COVERS = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png")}  # that Matroska attaches


class Beside:
    """What goes with the picture into the file that is written.

    Args:
        out: the container that is written.
        kind: of the file.
        what: the video is.
        chapters: whether it has some.

    Attributes:
        attached, covers: how many attachments, and pictures that are covers.
        had: the streams of the source that have a place.
        notices: what could not be kept as it is, one line each.
    """

    def __init__(self, out: Any, kind: Container, what: Survey, *, chapters: bool) -> None:
        self._av, self._out, self._kind, self._what = library(), out, kind, what
        self._chapters = chapters
        self._copies: dict[int, Any] = {}
        self._recoded: dict[int, Recoded | Rewritten] = {}
        self._dropped: Counter[str] = Counter()
        self.attached = self.covers = 0
        self.had: list[Any] = []
        self.notices: list[str] = []

    def add(self, stream: Any) -> None:
        """Make a place for a stream of the source, if there can be one."""
        if stream.type == "data" and (
            "timecode" in stream.metadata or (self._chapters and _names_chapters(stream))
        ):
            return  # MP4's tracks of the time code and of the chapters' names: written anew
        if is_cover(stream) and self._kind.muxer == "matroska" and _codec(stream) in _COVERS:
            self._attach(stream)
            return
        headless = stream.index in self._what.headless
        held = not headless and _codec(stream) is not None and self._holds(stream)
        why = f"its {_named(stream)} cannot be copied into {self._kind.title}"
        if headless:
            why = f"the header of its {_named(stream)} is damaged"
        if not held and stream.type == "audio" and _can_be_decoded(stream):
            sound = Recoded(self._out, stream, self._kind.sound)
            self._recode(stream, sound, self._kind.sound, why)
            return
        if not held and is_text(stream):
            words = Rewritten(self._out, stream, self._kind.words)
            self._recode(stream, words, self._kind.words, why)
            return
        if not held:
            self.notices.append(
                f"{self._kind.title} has no place for its {_named(stream)}: left out"
            )
            return
        made = self._out.add_stream_from_template(stream, opaque=True)
        made.disposition = stream.disposition
        if stream.type == "audio":
            name_layout(made.codec_context)
        if stream.type == "attachment":
            self.attached += 1
        else:
            made.metadata.update(texts_of(stream, self._kind.muxer))
        if is_cover(stream):
            self.covers += 1
        elif stream.type == "video":
            self.notices.append("its further moving picture is copied as it is")
        self._copies[stream.index] = made
        self.had.append(stream)

    def put(self, packets: list[Any]) -> None:
        """Write packets of the source; those of streams that have no place are left."""
        for packet in packets:
            recoded = self._recoded.get(packet.stream_index)
            stream = self._copies.get(packet.stream_index)
            if stream is None and recoded is None:
                continue
            what = _named(packet.stream)
            if self._is_endless(packet, stream if recoded is None else recoded.made):
                packet.duration = max(0, round(self._what.ends / packet.time_base) - packet.pts)
            shift = round(self._what.start / packet.time_base)
            if packet.pts is not None:
                packet.pts -= shift
            if packet.dts is not None:
                packet.dts -= shift
            if recoded is not None:
                for made in recoded(packet):
                    self._mux(made, what)
            elif not (packet.is_discard and self._would_be_heard(packet)):
                packet.stream = stream
                self._mux(packet, what)

    def finish(self) -> None:
        """Write what encoders still hold."""
        for recoded in self._recoded.values():
            for made in recoded(None):
                self._mux(made, _named(recoded.made))
        for what, count in self._dropped.items():
            self.notices.append(f"{count} packets of its {what} have no sensible time: left out")

    def _attach(self, stream: Any) -> None:
        """Put a cover where Matroska has it, in an attachment."""
        data = self._what.covers.get(stream.index)
        if data is not None:
            suffix, kind = _COVERS[stream.name]
            name = stream.metadata.get("filename", f"cover.{suffix}")
            self._out.add_attachment(name, kind, data)
            self.covers += 1

    def _is_endless(self, packet: Any, made: Any) -> bool:
        """Whether a subtitle says no end but so late a time that the target cannot hold it."""
        most = self._kind.longest
        return bool(
            most is not None
            and packet.stream.type == "subtitle"
            and packet.pts is not None
            and (packet.duration or 0) * packet.time_base / made.time_base > most
        )

    def _would_be_heard(self, packet: Any) -> bool:
        """Whether sound that the source's edit list hides would no longer be hidden."""
        if packet.pts is None or packet.stream.type != "audio":
            return False
        at = packet.pts * packet.time_base
        has_edits = self._kind.muxer in ("mp4", "mov")
        return bool(at >= 0 or (at < -_WARM_UP_S and not has_edits))

    def _mux(self, packet: Any, what: str) -> None:
        try:
            self._out.mux_one(packet)
        except self._av.FFmpegError as error:
            if not isinstance(error, self._av.ArgumentError | self._av.InvalidDataError):
                raise
            self._dropped[what] += 1  # such as one that goes back in time

    def _recode(self, stream: Any, recoded: Recoded | Rewritten, codec: str, why: str) -> None:
        recoded.made.disposition = stream.disposition
        recoded.made.metadata.update(texts_of(stream, self._kind.muxer, OF_THE_STREAM))
        self.had.append(stream)
        self._recoded[stream.index] = recoded
        self.notices.append(f"{why}: recoded to {codec.removeprefix('lib')}{recoded.change}")

    def _holds(self, stream: Any) -> bool:
        """Whether the kind of file takes a stream as it is, found by trying."""
        heard = stream.type == "audio" and _can_be_decoded(stream)
        if heard and self._kind.muxer == "mp4" and not has_layout(stream.codec_context):
            return False  # which its muxer would find at the end
        try:
            with self._av.open(io.BytesIO(), "w", format=self._kind.muxer) as trial:
                trial.add_stream_from_template(stream, opaque=True)
                trial.start_encoding()
        except (self._av.FFmpegError, ValueError):
            return False
        return True


def _can_be_decoded(stream: Any) -> bool:
    context = getattr(stream, "codec_context", None)
    return context is not None and context.sample_rate > 0


def _named(stream: Any) -> str:
    kind = {"audio": "sound", "subtitle": "subtitles", "video": "picture"}
    what = kind.get(stream.type, stream.type)
    name = _codec(stream)
    return f"{what} ({name})" if name else what


def _names_chapters(stream: Any) -> bool:
    """Whether it is MP4's track of chapters' names, which its demuxer reads by itself.

    Data of cameras are of the same codec, but not left out by the demuxer.
    """
    return _codec(stream) == "bin_data" and int(getattr(stream, "discard", _ALL)) == _ALL


def _codec(stream: Any) -> str | None:
    return getattr(stream, "name", None)  # PyAV lets it be missing where it knows no codec
