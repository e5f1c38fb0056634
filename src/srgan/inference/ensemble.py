"""The geometric self-ensemble: eight mirrored and turned runs, averaged.

Source: R. Timofte, R. Rothe, L. Van Gool, "Seven ways to improve example-based single image super
resolution", CVPR 2016; the literature marks its results with a plus, as in "EDSR+".
"""

from dataclasses import dataclass

import numpy as np

from srgan.classical.luma import LumaUpscaler
from srgan.errors import UsageError
from srgan.inference.upscaler import Image, Upscaler, part_of

MARK = "+"
"""Behind a method's name: its self-ensemble."""


@dataclass(frozen=True, slots=True)
class Ensembled:
    """The mean of what an upscaler makes of a picture in its eight positions.

    It takes eight times as long. What depends on the position, such as the guess at an ambiguous
    edge, is averaged out: nearer to the original, and calmer where texture is invented.
    """

    upscaler: Upscaler

    @property
    def scale(self) -> int:
        return self.upscaler.scale

    def __call__(self, image: Image) -> Image:
        """(H, W, 3) float32 in [0, 1] → (H * scale, W * scale, 3), not clipped."""
        return self.part(image, slice(0, image.shape[0]), slice(0, image.shape[1]))

    def part(self, image: Image, rows: slice, columns: slice) -> Image:
        """As :meth:`srgan.inference.upscaler.PartUpscaler.part`."""
        height, width = image.shape[:2]
        total: Image | None = None
        for transposed in (False, True):
            for down in (False, True):
                for across in (False, True):
                    y = _mirrored(rows, height) if down else rows
                    x = _mirrored(columns, width) if across else columns
                    seen = image[:: -1 if down else 1, :: -1 if across else 1]
                    if transposed:
                        seen, y, x = seen.transpose(1, 0, 2), x, y
                    made = part_of(self.upscaler, np.ascontiguousarray(seen), y, x)
                    if transposed:
                        made = made.transpose(1, 0, 2)
                    made = made[:: -1 if down else 1, :: -1 if across else 1]
                    total = made.copy() if total is None else np.add(total, made, out=total)
        assert total is not None
        total *= np.float32(1 / 8)
        return total


def ensembled(upscaler: Upscaler) -> Ensembled:
    """The self-ensemble of an upscaler; see :class:`Ensembled`.

    Raises:
        UsageError: it takes aligned pictures, which have one position.
    """
    if isinstance(upscaler, LumaUpscaler) and upscaler.size is not None:
        raise UsageError(f"aligned pictures have one position; take the model without {MARK}")
    return Ensembled(upscaler)


def _mirrored(side: slice, length: int) -> slice:
    return slice(length - side.stop, length - side.start)
