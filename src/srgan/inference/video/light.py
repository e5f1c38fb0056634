"""HDR10's data: the screen that a video was made for (SMPTE ST 2086), and how bright it gets."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from srgan.inference.video.memory import with_more

SCREEN, BRIGHTNESS = "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"
# Where an encoder takes them: its option, and their names in it.
_NAMES = {
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}


@dataclass(frozen=True, slots=True)
class Light:
    """What a video says of the light it is made of.

    Attributes:
        screen: x and y of red, green, blue and white by CIE 1931, then the least and the most
            luminance in cd/m²; None where it does not say.
        brightness: cd/m² of the brightest pixel and of the brightest frame's mean; or None.
    """

    screen: tuple[Fraction, ...] | None = None
    brightness: tuple[int, int] | None = None

    def __bool__(self) -> bool:
        return self.screen is not None or self.brightness is not None


def light_of(side_data: dict[str, bytes]) -> Light:
    """What the side data of a frame say, in the structures of libavutil."""
    screen = brightness = None
    data = np.frombuffer(side_data.get(SCREEN, b"")[:88], np.int32).tolist()
    whole = len(data) == 22 and all(data[20:])  # both parts are there
    if whole and min(data[:20:2]) >= 0 and min(data[1:20:2]) > 0:
        screen = tuple(Fraction(data[i], data[i + 1]) for i in range(0, 20, 2))
    levels = np.frombuffer(side_data.get(BRIGHTNESS, b"")[:8], np.uint32).tolist()
    if len(levels) == 2 and any(levels):
        brightness = (levels[0], levels[1])
    return Light(screen, brightness)


def is_written(encoder: str) -> bool:
    """Whether an encoder can write such data."""
    return encoder in _NAMES


def lit(encoder: str, options: dict[str, str], light: Light) -> dict[str, str]:
    """An encoder's options, with what it shall write of the light."""
    if not light or not is_written(encoder):
        return options
    key, screen, brightness = _NAMES[encoder]
    own = []
    if light.screen is not None:
        own.append(f"{screen}={_screen(light.screen, whole=encoder != 'libsvtav1')}")
    if light.brightness is not None:
        own.append("{}={},{}".format(brightness, *light.brightness))
    return with_more(options, key, ":".join(own))


def _screen(numbers: tuple[Fraction, ...], *, whole: bool) -> str:
    """G(x,y)B(x,y)R(x,y)WP(x,y)L(most,least), in H.265's whole units or as plain numbers."""

    def said(number: Fraction, units: int) -> str:
        return str(round(number * units)) if whole else f"{float(number):.6f}"

    points = {
        name: f"{name}({said(x, 50_000)},{said(y, 50_000)})"
        for name, x, y in zip(("R", "G", "B", "WP"), numbers[0:8:2], numbers[1:8:2], strict=True)
    }
    least, most = numbers[8:]
    order = "".join(points[name] for name in ("G", "B", "R", "WP"))
    return f"{order}L({said(most, 10_000)},{said(least, 10_000)})"
