"""Opening a video and decoding it; every failure is one error, every flaw is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from srgan.errors import ImageRefused, LimitExceeded
from srgan.image.atomic import shown
from srgan.image.formats import SNIFF_BYTES, Format, sniff
from srgan.image.opening import binary, text_of
from srgan.inference.video.library import library

# Kinds that hold time stamps and name no other files or addresses, as play lists do.
_KINDS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,ivf,mxf,nut"
_SOUNDS = "mp3,wav,flac,aac,aiff,ac3,amr,caf"


@contextmanager
def opened(source: Path) -> Iterator[Any]:
    """The container of a video file.

    Whatever FFmpeg raises inside the block leaves it as an error of srgan.

    Raises:
        ImageRefused: it is no video that can be read.
    """
    av = library()
    try:
        with binary(source) as file:
            head = file.read(SNIFF_BYTES)
            file.seek(0)
            if not head:
                raise ImageRefused("is empty")
            if isinstance(sniff(head), Format):
                raise ImageRefused("is a picture; enlarge it by `srgan upscale`")
            options = {"format_whitelist": f"{_KINDS},{_SOUNDS}", "protocol_whitelist": "file"}
            with av.open(file, "r", options=options, metadata_errors="replace") as container:
                yield container
    except (ImageRefused, LimitExceeded) as error:
        raise type(error)(f"{shown(source)}: {error}") from error.__cause__
    except av.FFmpegError as error:
        raise ImageRefused(f"{shown(source)}: {_reason(error)}") from error
    except OSError as error:
        raise ImageRefused(f"{shown(source)}: cannot be read: {error.strerror}") from error


def video_stream(container: Any) -> Any:
    """The stream that is enlarged: the first that moves.

    Raises:
        ImageRefused: there is none.
    """
    for stream in container.streams.video:
        if not is_cover(stream):
            return stream
    what = "sound and no" if container.streams.audio else "no"
    raise ImageRefused(f"holds {what} moving picture: there is nothing to enlarge")


def is_cover(stream: Any) -> bool:
    """Whether a stream is a still picture beside the others."""
    return bool(stream.disposition & library().stream.Disposition.attached_pic)


def decoder(container: Any, threads: int | None) -> Any:
    """The stream that is enlarged, ready to be decoded.

    Raises:
        ImageRefused: there is none, or it is of a kind that is not read.
    """
    video = video_stream(container)
    if video.codec_context is None:
        raise ImageRefused("its pictures are of a kind that is not read")
    video.thread_type = "AUTO"
    if threads is not None:
        video.thread_count = threads
    return video


def decoded(
    container: Any, video: Any, flaw: Callable[[str], None] = lambda what: None
) -> Iterator[tuple[Any, list[Any]]]:
    """All packets of a container in its order, each with the frames that come of it.

    Args:
        container: as :func:`opened` gives it.
        video: as :func:`decoder` gives it.
        flaw: told what cannot be read.

    Yields:
        a packet, of any stream, and frames of the video; at the end None and the last frames.
    """
    av = library()
    packets = container.demux()
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            flaw(f"breaks off ({text_of(error)})")
            packet = None  # what the decoder still holds comes out
        frames: list[Any] = []
        again = packet is not None and not packet.size and packet.dts is not None
        # An empty packet says "the last frame again"; to a decoder it would be the end.
        # The number in an empty one that ends a stream is always 0: ask the stream.
        if packet is None or (packet.stream.index == video.index and not again):
            try:
                frames = video.decode(packet)
            except av.EOFError:
                pass
            except av.FFmpegError:
                flaw("cannot be decoded")
        yield packet, frames
        if packet is None:
            return


def _reason(error: Exception) -> str:
    av = library()
    text = str(getattr(error, "strerror", None) or error)
    if isinstance(error, av.InvalidDataError | av.ArgumentError | av.EOFError):
        return "not a video of a known kind, or cut off or damaged at its start or end"
    return f"cannot be read: {text_of(Exception(text))}"
