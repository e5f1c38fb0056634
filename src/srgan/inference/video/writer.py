"""Writing a video: the enlarged frames, and everything else as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from math import lcm
from typing import Any, BinaryIO

from numpy.typing import NDArray

from srgan.errors import OutputFailed
from srgan.image.opening import text_of
from srgan.inference.video.beside import Beside
from srgan.inference.video.codecs import Codec, Container
from srgan.inference.video.colour import FromRGB
from srgan.inference.video.library import library
from srgan.inference.video.light import lit
from srgan.inference.video.memory import bounded
from srgan.inference.video.memory import threads as threads_within
from srgan.inference.video.priority import ordinary_priority
from srgan.inference.video.source import is_cover, video_stream
from srgan.inference.video.survey import Survey
from srgan.inference.video.texts import OF_THE_STREAM, kept, texts_of, unsaid

_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")
_MICROSECOND = Fraction(1, 1_000_000)
_NO_LOSS = ("software",)  # what wrote the source did not write the result


class Writer:
    """A video that is being written.

    Args:
        file: where to; readable as well.
        kind: of the file.
        codec, crf: of the pictures.
        source: the opened container whose other streams are copied.
        what: it is.
        height, width: of the frames.
        pixel_aspect: of a pixel of theirs.
        threads: of the encoder; by default as it likes.

    Attributes:
        notices: what could not be kept, one line each.

    Raises:
        OutputFailed: the encoder does not take such frames.
    """

    def __init__(
        self,
        file: BinaryIO,
        kind: Container,
        codec: Codec,
        crf: int | None,
        *,
        source: Any,
        what: Survey,
        height: int,
        width: int,
        pixel_aspect: Fraction,
        threads: int | None = None,
    ) -> None:
        av = library()
        os.environ.setdefault("SVT_LOG", "0")  # else its AV1 encoder chats on stderr
        self.notices: list[str] = []
        self._av, self._file, self._kind, self._what = av, file, kind, what
        self._source_metadata = kept(source.metadata, _OF_THE_FILE)
        self._chapters = list(source.chapters())
        if kind.muxer in ("mp4", "mov"):  # whose muxer mixes up those after one without a title
            self._chapters = [
                {**chapter, "metadata": {"title": "", **chapter["metadata"]}}
                for chapter in self._chapters
            ]
        finest = what.time_base.denominator <= codec.finest
        self._time_base = what.time_base if finest else _MICROSECOND
        self._durations: dict[int, int] = {}
        self._first: Fraction | None = None
        options = {}
        if kind.muxer in ("mp4", "mov"):
            options["movie_timescale"] = str(_timescale(source))
            options["movflags"] = "faststart"  # the index in front: players start at once
        if kind.muxer == "mov" and any("." in key for key in self._source_metadata):
            options["movflags"] += "+use_metadata_tags"  # Apple's own, such as the place
        self._sink = _FailsOnce(file)
        self._out = av.open(
            self._sink,
            "w",
            format=kind.muxer,
            options=options,
            io_open=lambda *_: _Again(self._sink),
        )
        self._out.metadata.update(self._source_metadata)
        self._video: Any = None
        self._beside = Beside(self._out, kind, what, chapters=bool(self._chapters))
        enlarged = video_stream(source)
        for stream in source.streams:
            if stream.index == enlarged.index:
                self._video = self._encoder(
                    codec, crf, stream, height, width, pixel_aspect, threads
                )
            else:
                self._beside.add(stream)
        if self._chapters:
            self._out.set_chapters(self._chapters)
        deep = what.depth > 8
        self._from_rgb = FromRGB(
            height,
            width,
            deep=deep,
            colours=what.colours,
            format=codec.format(deep),
            time_base=self._time_base,
        )
        try:
            with ordinary_priority():
                self._out.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            reason = text_of(Exception(getattr(error, "strerror", None) or error))
            raise OutputFailed(
                f"{codec.name} does not take frames of {width}x{height} ({reason}); "
                "choose another size or --codec"
            ) from error

    def copy(self, packets: list[Any]) -> None:
        """Put packets of other streams into the file."""
        self._beside.put(packets)

    def frame(self, pixels: NDArray[Any], pts: int, duration: int) -> None:
        """Encode the next frame.

        Args:
            pixels: (H, W, 3) uint8 or uint16 RGB.
            pts, duration: in units of the source's time base.
        """
        if self._first is None:
            self._first = pts * self._what.time_base
        end = self._ticks(pts + duration)
        pts = self._ticks(pts)
        self._durations[pts] = end - pts
        self._mux(self._video.encode(self._from_rgb(pixels, pts)))

    def finish(self) -> None:
        """Write what the encoder still holds, and the end of the file."""
        self._mux(self._video.encode(None))
        self._beside.finish()
        self._out.close()
        if self._sink.failed is not None:
            raise self._sink.failed
        self.notices += self._beside.notices
        self._check()

    def _ticks(self, pts: int) -> int:
        """A time of the source in units of the encoder."""
        return round(pts * self._what.time_base / self._time_base)

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            duration = self._durations.pop(packet.pts, 0)
            if duration:
                packet.duration = duration
            self._out.mux_one(packet)

    def _encoder(
        self,
        codec: Codec,
        crf: int | None,
        stream: Any,
        height: int,
        width: int,
        pixel_aspect: Fraction,
        threads: int | None,
    ) -> Any:
        options = {**codec.options, **(codec.brief if self._what.frames < 4 else {})}
        if crf is not None:
            options["crf"] = str(crf)
        deep = self._what.depth > 8
        options = bounded(codec, options, height * width, deep=deep)
        options = lit(codec.encoder, options, self._what.light)
        rate = min(self._what.rate, Fraction(codec.most_rate))
        made = self._out.add_stream(codec.encoder, rate=rate, options=options)
        context = made.codec_context
        context.width, context.height = width, height
        context.pix_fmt = codec.format(deep)
        context.time_base = made.time_base = self._time_base
        context.sample_aspect_ratio = pixel_aspect.limit_denominator(32767)
        colours = self._what.colours
        context.colorspace, context.color_range = colours.matrix, colours.range
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        if codec.tag and self._kind.muxer in ("mp4", "mov"):
            context.codec_tag = codec.tag
        count = threads or threads_within(height * width, deep=deep)
        context.thread_count = min(count, codec.most_threads)
        made.disposition = stream.disposition
        made.metadata.update(texts_of(stream, self._kind.muxer, OF_THE_STREAM))
        return made

    def _check(self) -> None:
        """Read what was written, and say what of it is not as it should be."""
        self._file.flush()
        self._file.seek(0)
        title = self._kind.title
        with self._av.open(self._file, "r", metadata_errors="replace") as made:
            there = {key.casefold() for key in made.metadata}
            if any("timecode" in stream.metadata for stream in made.streams):
                there.add("timecode")  # MP4 has it in a track
            told = kept(self._source_metadata, _NO_LOSS)
            lost = [key for key in told if key.casefold() not in there]
            if self._beside.attached > sum(stream.type == "attachment" for stream in made.streams):
                lost.append("attachments")
            if self._beside.covers > sum(map(is_cover, made.streams)):
                lost.append("cover")
            if len(self._chapters) > len(made.chapters()):
                lost.append("chapters")
            if "stereo_mode" in self._video.metadata.keys() - video_stream(made).metadata.keys():
                lost.append("mark as pictures for two eyes")
            lost += unsaid(self._beside.had, made.streams)
            first = next(made.demux(video_stream(made)))
            moved = first.pts * first.time_base - (self._first or 0)
        if lost:
            self.notices.append(f"{title} has no place for its {', '.join(lost)}: left out")
        if moved > 2 * first.time_base:
            self.notices.append(
                f"{title} has no time before 0: all of it starts {float(1000 * moved):.0f} ms "
                "later, in step"
            )


class _FailsOnce:
    """A file whose first failure is raised and no other: PyAV prints the traceback of each further.

    Attributes:
        failed: that failure.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failed: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write; after a failure to nowhere."""
        return int(self._try(self._file.write, data, instead=len(data)))

    def read(self, size: int) -> bytes:
        """The next bytes; after a failure none."""
        return bytes(self._try(self._file.read, size, instead=b""))

    def seek(self, to: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; after a failure nowhere."""
        return int(self._try(self._file.seek, to, whence, instead=0))

    def tell(self) -> int:
        """The place; after a failure 0."""
        return int(self._try(self._file.tell, instead=0))

    def _try(self, action: Callable[..., Any], *given: Any, instead: Any) -> Any:
        if self.failed is not None:
            return instead
        try:
            return action(*given)
        except OSError as error:
            self.failed = error
            raise


class _Again:
    """A file that is being written, read at a place of its own: to move its index to the front."""

    def __init__(self, file: _FailsOnce) -> None:
        self._file, self._at = file, 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        written = self._file.tell()
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        self._file.seek(written)
        return data

    def seek(self, to: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        written = self._file.tell()
        start = self._at if whence == os.SEEK_CUR else 0
        self._at = self._file.seek(start + to, whence if whence == os.SEEK_END else os.SEEK_SET)
        self._file.seek(written)
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at


def _timescale(source: Any) -> int:
    """Ticks a second in which all streams' starts are whole, for MP4 to say where they begin."""
    ticks = lcm(*(s.time_base.denominator for s in source.streams if s.time_base))
    return ticks if ticks <= 100_000_000 else 90_000
