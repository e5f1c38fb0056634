"""A decoded picture: its frames, what the file said beside the pixels, and what was lost."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One still picture, upright.

    Attributes:
        colour: (H, W, 3) RGB or (H, W, 1) gray, uint8 in [0, 255] or uint16 in [0, 65535].
        alpha: (H, W) opacity of the same type, not premultiplied into ``colour``; None if opaque.
        duration_ms: how long an animation shows this frame, in milliseconds.
        dpi: dots per inch of a TIFF's page, horizontal and vertical.
    """

    colour: NDArray[Any]
    alpha: NDArray[Any] | None = None
    duration_ms: float | None = None
    dpi: tuple[float, float] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.colour.shape[0]), int(self.colour.shape[1])


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says beside its pixels.

    Attributes:
        icc: the colour profile that gives the pixel values their meaning; None means sRGB.
        exif: a TIFF structure as in a JPEG's APP1, without the ``Exif`` prefix; orientation is 1.
        xmp: an XMP packet.
        iptc: IPTC's records (IIM), such as the caption that an archive or agency wrote.
        dpi: dots per inch, horizontal and vertical.
        loop: how often an animation plays, 0 for ever.
        comment: of a JPEG or GIF.
        texts: a PNG's, each with its keyword, such as ``("Title", "A house")``.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    loop: int | None = None
    comment: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A still picture, an animation or the pages of a TIFF.

    All frames have one type, and one size but for the pages of a TIFF.

    Attributes:
        frames: at least one.
        metadata: what the file said beside the pixels.
        format: the name of the file's format, such as "JPEG".
        notices: lines to tell the user once, such as a conversion that was needed.
    """

    frames: tuple[Frame, ...]
    metadata: Metadata = field(default_factory=Metadata)
    format: str = "PNG"
    notices: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        """Rows of the first frame."""
        return self.frames[0].size[0]

    @property
    def width(self) -> int:
        """Columns of the first frame."""
        return self.frames[0].size[1]

    @property
    def bit_depth(self) -> int:
        """8 or 16 bits per channel."""
        return 8 * int(self.frames[0].colour.dtype.itemsize)

    @property
    def gray(self) -> bool:
        """Whether the frames hold one channel."""
        return bool(self.frames[0].colour.shape[2] == 1)

    @property
    def has_alpha(self) -> bool:
        """Whether the frames hold an opacity."""
        return self.frames[0].alpha is not None
