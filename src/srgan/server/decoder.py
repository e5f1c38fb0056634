"""Everything that reads an upload's bytes, in a child with little time and memory.

A file that crashes or hangs a decoder costs its own request and nothing else: the child is
replaced. What it hands on is plain: an array and a few numbers, never a pickle.
"""

from __future__ import annotations

import base64
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from srgan.errors import ImageRefused, OutputFailed
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Metadata, Picture
from srgan.server.child import Asked, Serve

PLANES = "planes.npy"
FACTS = "facts.json"
_NICE = 5
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Look:
    """Read an upload's header: the answer is an ``Info``."""

    source: Path


@dataclass(frozen=True, slots=True)
class Decode:
    """Decode an upload into a folder, for :func:`load_planes`: the answer is None."""

    source: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Convert:
    """Write a result in another format: the answer is None."""

    source: Path
    target: Path
    format: str
    quality: int | None


@dataclass(frozen=True, slots=True)
class Decoder:
    """Makes the function that answers in the child; runs there.

    Attributes:
        limits: on what clients send; results that are converted may have a result's size.
        seconds: of processor time for one question.
        memory: bytes of memory beyond what the child has after its start.
    """

    limits: Limits
    seconds: float
    memory: float

    def __call__(self) -> Serve:
        """Load the decoders, then shut the door behind them."""
        # All that is needed has to be in place before memory is limited.
        import srgan.image.files  # noqa: F401

        if sys.platform != "win32":
            import os

            os.nice(_NICE)
        if sys.platform == "linux":
            import resource

            ceiling = _at_most(resource.RLIMIT_AS, _address_space() + int(self.memory))
            resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return self._answer

    def _answer(self, question: Any, asked: Asked) -> Any:
        from srgan.image.files import probe

        self._grant_time()
        try:
            if isinstance(question, Look):
                return probe(question.source, limits=self.limits)
            if isinstance(question, Decode):
                return self._decode(question)
            return self._convert(question)
        except MemoryError:
            raise ImageRefused("decoding it takes more memory than the server grants") from None
        except OSError as error:  # of the server's own files: the library tells of the upload's
            reason = error.strerror or type(error).__name__
            raise OutputFailed(f"the server cannot keep it: {reason}; try again later") from error

    def _grant_time(self) -> None:
        if sys.platform == "linux":
            import resource

            until = _at_most(resource.RLIMIT_CPU, int(time.process_time() + self.seconds) + 1)
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (until, hard))

    def _decode(self, question: Decode) -> None:
        from srgan.image.files import read_picture

        save_planes(read_picture(question.source, limits=self.limits), question.folder)

    def _convert(self, question: Convert) -> None:
        from srgan.image.files import read_picture, write_picture

        limits = replace(self.limits, input_pixels=self.limits.output_pixels)
        picture = read_picture(question.source, limits=limits)
        write_picture(
            picture,
            question.target,
            format=question.format,
            quality=question.quality,
            overwrite=True,
        )


def _address_space() -> int:
    """Bytes that this process has mapped; without /proc, as in some jails, those it has touched."""
    import resource

    try:
        pages = int(_STATM.read_text(encoding="utf-8").split()[0])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def _at_most(kind: int, value: int) -> int:
    """A limit, or the hard one that this process was started with where that is lower."""
    import resource

    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def save_planes(picture: Picture, folder: Path) -> None:
    """Write a picture's pixels and facts into a folder."""
    first = picture.frames[0].colour
    channels = first.shape[2] + picture.has_alpha
    shapes = [(*frame.size, channels) for frame in picture.frames]
    samples = sum(math.prod(shape) for shape in shapes)
    descr = np.lib.format.dtype_to_descr(first.dtype)
    layout = {"descr": descr, "fortran_order": False, "shape": (samples,)}
    # Not a map of the file: on a full disk that is a dead process instead of an error.
    with (folder / PLANES).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, layout)
        for frame in picture.frames:
            planes = (frame.colour,) if frame.alpha is None else (frame.colour, frame.alpha)
            file.write(np.ascontiguousarray(np.dstack(planes)).data)
    facts = {
        "format": picture.format,
        "notices": picture.notices,
        "shapes": shapes,
        "durations": [frame.duration_ms for frame in picture.frames],
        "resolutions": [frame.dpi for frame in picture.frames],
        "alpha": picture.has_alpha,
        "metadata": {
            key: {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
            for key, value in asdict(picture.metadata).items()
        },
    }
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def load_planes(folder: Path) -> Picture:
    """The picture that :func:`save_planes` wrote; its pixels stay in the file until used."""
    planes = np.load(folder / PLANES, mmap_mode="r", allow_pickle=False)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    metadata: dict[str, Any] = {
        key: base64.b64decode(value["bytes"]) if isinstance(value, dict) else value
        for key, value in facts["metadata"].items()
    }
    if metadata["dpi"] is not None:
        metadata["dpi"] = tuple(metadata["dpi"])
    metadata["texts"] = tuple((key, text) for key, text in metadata["texts"])
    frames, start = [], 0
    facts_of_each = zip(facts["shapes"], facts["durations"], facts["resolutions"], strict=True)
    for shape, duration, dpi in facts_of_each:
        end = start + math.prod(shape)
        plane = planes[start:end].reshape(shape)
        start = end
        colour = np.ascontiguousarray(plane[..., :-1] if facts["alpha"] else plane)
        alpha = np.ascontiguousarray(plane[..., -1]) if facts["alpha"] else None
        frames.append(Frame(colour, alpha, duration, tuple(dpi) if dpi else None))
    return Picture(tuple(frames), Metadata(**metadata), facts["format"], tuple(facts["notices"]))
