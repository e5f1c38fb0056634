"""Sound in another codec, for kinds of file that do not take it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from srgan.inference.video.library import library

# By the number of channels; all the encoders take them.
_LAYOUTS = dict(enumerate(("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"), start=1))
_OF_AAC = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_FORMATS = {"aac": "fltp", "libopus": "flt", "flac": "s16"}
# What sound of more than 16 bits is decoded to, if it was coded without loss; else it is fltp.
_DEEP = ("s32", "s32p", "flt", "dbl", "s64")
_BITS = {"aac": 96_000, "libopus": 64_000}  # a second and channel
_FILL = "async=1"  # silence where time stamps leave a gap, so that it stays in step


def name_layout(context: Any) -> None:
    """Say which speakers sound is for where it has but a number of them, which MP4 refuses."""
    layout = context.layout
    if _is_nameless(layout) and layout.nb_channels in _LAYOUTS:
        context.layout = _LAYOUTS[layout.nb_channels]


def has_layout(context: Any) -> bool:
    """Whether it is known for which speakers sound is, or can be said by :func:`name_layout`."""
    return not _is_nameless(context.layout) or context.layout.nb_channels in _LAYOUTS


def _is_nameless(layout: Any) -> bool:
    return bool(layout.name.endswith(" channels"))


class Recoded:
    """A stream of sound that is decoded and encoded again; every moment keeps its time.

    Args:
        out: the container that is written.
        stream: of the source.
        encoder: ``"aac"``, ``"libopus"`` or ``"flac"``.

    Attributes:
        made: the stream of the result.
        change: what else than the codec is another, for a notice.
    """

    def __init__(self, out: Any, stream: Any, encoder: str) -> None:
        self._source = stream
        source = stream.codec_context
        rate = source.sample_rate
        if encoder == "libopus" or (encoder == "aac" and rate not in _OF_AAC):
            rate = 48000
        channels = source.layout.nb_channels
        self._layout = _LAYOUTS.get(channels, "stereo")
        self.change = f", its {channels} channels mixed to 2" if channels not in _LAYOUTS else ""
        deep = encoder == "flac" and source.format.name in _DEEP
        self._format, self._rate = "s32" if deep else _FORMATS[encoder], rate
        self.made = out.add_stream(encoder, rate=rate)
        context = self.made.codec_context
        context.layout, context.format = self._layout, self._format
        if encoder in _BITS:
            context.bit_rate = _BITS[encoder] * context.layout.nb_channels
        self._graph: Any = None
        self._like: tuple[Any, ...] = ()
        self._next = 0

    def __call__(self, packet: Any | None) -> Iterator[Any]:
        """A packet of the source, or None after the last.

        Yields:
            packets of the result.
        """
        try:
            frames = self._source.decode(packet)
        except library().FFmpegError:
            frames = []  # it has been told, and silence takes its place
        for frame in frames:
            if frame.pts is None:  # what a decoder still held at the end
                frame.pts, frame.time_base = self._next, self._source.time_base
            lasts = Fraction(frame.samples, frame.sample_rate) / frame.time_base
            self._next = round((frame.pts or 0) + lasts)
            like = (frame.format.name, frame.layout.name, frame.sample_rate, frame.time_base)
            if like != self._like:
                yield from self._drained()
                self._graph, self._like = self._graph_for(*like), like
            self._graph.push(frame)
            yield from self._pulled()
        if packet is None:
            yield from self._drained()
            yield from self.made.encode(None)

    def _drained(self) -> Iterator[Any]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pulled()

    def _pulled(self) -> Iterator[Any]:
        av = library()
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield from self.made.encode(frame)

    def _graph_for(self, format: str, layout: str, rate: int, time_base: Any) -> Any:
        graph = library().filter.Graph()
        nodes = [
            graph.add_abuffer(format=format, layout=layout, sample_rate=rate, time_base=time_base),
            graph.add("aresample", f"{self._rate}:{_FILL}"),
            graph.add(
                "aformat",
                f"sample_fmts={self._format}:sample_rates={self._rate}"
                f":channel_layouts={self._layout}",
            ),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*nodes)
        graph.configure()
        return graph
