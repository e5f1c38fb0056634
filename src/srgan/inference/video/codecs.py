"""What results can be encoded with, and the containers that hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from srgan.errors import UsageError
from srgan.image.atomic import shown
from srgan.inference.video.library import library


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder.

    Attributes:
        name: as users write it after ``--codec``.
        encoder: FFmpeg's name of it.
        shallow, deep: its sample formats of 8 and of 10 bits; None where it has no such.
        crf: its constant rate factor, lower for better; None where it is lossless.
        largest_crf: the worst.
        options: for the encoder.
        tag: what MP4 calls it, where the usual name is not understood by all players.
        least: pixels of a side.
        most_rate: frames a second that it takes; of more, its rate control thinks they are these.
        finest: the largest divisor of a second that it counts time in.
        brief: further options for a video of fewer than 4 frames.
        most_threads: that it can be asked for.
    """

    name: str
    encoder: str
    shallow: str
    deep: str | None
    crf: int | None
    largest_crf: int = 51
    options: dict[str, str] = field(default_factory=dict)
    tag: str | None = None
    least: int = 1
    most_rate: int = 1000
    finest: int = (1 << 31) - 1
    brief: dict[str, str] = field(default_factory=dict)
    most_threads: int = (1 << 31) - 1

    def format(self, deep: bool) -> str:
        """The sample format for pixels of more than 8 bits or not."""
        return self.deep if deep and self.deep is not None else self.shallow


CODECS = {
    codec.name: codec
    for codec in (
        Codec("h264", "libx264", "yuv420p", "yuv420p10le", 18, options={"preset": "medium"}),
        Codec(
            "hevc",
            "libx265",
            "yuv420p",
            "yuv420p10le",
            20,
            options={"preset": "medium", "x265-params": "log-level=none"},
            tag="hvc1",
            least=64,  # x265 4.1 writes beyond its memory at widths of 34 to 50
            # and gives frames that it reorders no time of decoding where there are 1 or 2
            brief={"x265-params": "log-level=none:bframes=0"},
            most_threads=16,  # each of them on a frame of its own, and more it refuses
        ),
        Codec(
            "av1",
            "libsvtav1",
            "yuv420p",
            "yuv420p10le",
            24,
            63,
            options={"preset": "8", "svtav1-params": "chroma-sample-position=left"},
            most_rate=240,
        ),
        Codec(
            "vp9",
            "libvpx-vp9",
            "yuv420p",
            None,
            24,
            63,
            options={"deadline": "good", "cpu-used": "4", "row-mt": "1", "b": "0"},
            finest=1_000_000_000,
        ),
        Codec("ffv1", "ffv1", "yuv444p", "yuv444p10le", None, options={"level": "3"}),
    )
}
"""Every codec by name."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file.

    Attributes:
        title: what people call it.
        muxer: FFmpeg's name of it.
        suffixes: of file names.
        codecs: what it is given, the usual one first.
        sound, words: the encoders of sound and of subtitles that it does not take as they are.
        longest: units of time that a frame is shown at most; None without such a limit.
        tick: the unit of its time stamps in seconds where it has but one, as a fraction's divisor.
    """

    title: str
    muxer: str
    suffixes: tuple[str, ...]
    codecs: tuple[str, ...]
    sound: str
    words: str
    longest: int | None = None
    tick: int | None = None


_MP4 = (1 << 31) - (1 << 24)  # its muxer counts in 32 bits with a sign, and wants some room
CONTAINERS = (
    Container(
        "MP4", "mp4", (".mp4", ".m4v"), ("h264", "hevc", "av1", "vp9"), "aac", "mov_text", _MP4
    ),
    Container("QuickTime", "mov", (".mov", ".qt"), ("h264", "hevc"), "aac", "mov_text", _MP4),
    Container(
        "Matroska",
        "matroska",
        (".mkv",),
        ("h264", "hevc", "av1", "vp9", "ffv1"),
        "flac",
        "subrip",
        tick=1000,
    ),
    Container("WebM", "webm", (".webm",), ("av1", "vp9"), "libopus", "webvtt", tick=1000),
)
FALLBACK = ".mkv"
"""The suffix of a result whose source has one that is not written: Matroska holds nearly all."""


def container_for(path: Path) -> Container:
    """The kind of file that a name stands for.

    Raises:
        UsageError: none that is written.
    """
    for container in CONTAINERS:
        if path.suffix.lower() in container.suffixes:
            return container
    known = ", ".join(suffix for c in CONTAINERS for suffix in c.suffixes)
    raise UsageError(f"{shown(path)} names no video that can be written; the suffixes are {known}")


def codec_for(
    container: Container, name: str | None, crf: int | None, *, deep: bool = False
) -> tuple[Codec, int | None]:
    """The codec of a name, by default the container's usual one, and its rate factor.

    For more than 8 bits (``deep``) HEVC takes the place of H.264, which few devices play so.

    Raises:
        UsageError: an unknown codec, one that the container or this PyAV has not, or a factor
            out of its range.
    """
    usual, hevc = container.codecs[0], CODECS["hevc"]
    if deep and usual == "h264" and hevc.encoder in library().codecs_available:
        usual = hevc.name
    chosen = CODECS.get(usual if name is None else name) if isinstance(name, str | None) else None
    if chosen is None:
        raise UsageError(f"codec {name!r} is unknown; it is one of {', '.join(CODECS)}")
    if chosen.name not in container.codecs:
        raise UsageError(
            f"{container.title} is not given {chosen.name}; choose --codec "
            f"{' or '.join(container.codecs)}, or another suffix of --output"
        )
    if chosen.encoder not in library().codecs_available:
        raise UsageError(
            f"this build of PyAV has no {chosen.encoder}; choose another --codec, "
            "or PyAV's own wheels"
        )
    if crf is None:
        return chosen, chosen.crf
    if chosen.crf is None:
        raise UsageError(f"{chosen.name} is lossless; leave --crf out")
    if not 0 <= crf <= chosen.largest_crf:
        raise UsageError(f"--crf of {chosen.name} is 0 to {chosen.largest_crf}, not {crf}")
    return chosen, crf
