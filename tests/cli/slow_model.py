"""``srgan`` with a model that is slow on purpose, for signals to come in the middle of its work.

    python tests/cli/slow_model.py BEGUN one|many GRACE ARGUMENTS…

Touches the file BEGUN when the work is under way: ``one`` tile wider than 20 pixels, which takes an
hour, or ``many`` of a twentieth of a second. GRACE are the seconds after
which a process that was asked to stop ends without having come to an end.
"""

import sys
import time
from pathlib import Path

from srgan.cli import main
from srgan.inference import open as opening
from srgan.inference import stop
from srgan.inference.tiles import tiled
from srgan.inference.upscaler import Image, Upscaler

begun, kind, grace = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])


class Slow:
    """Every pixel four times, in its time."""

    scale = 2

    def __call__(self, image: Image) -> Image:
        if kind == "many" or image.shape[1] > 20:
            begun.touch()
            time.sleep(0.05 if kind == "many" else 3600)
        return image.repeat(2, axis=0).repeat(2, axis=1)


def load(*_: object, **__: object) -> Upscaler:
    return tiled(Slow(), size=4 if kind == "many" else 4096, margin=0, workers=2)


stop._GRACE_S = grace
opening.load = load  # type: ignore[assignment]
sys.argv = ["srgan", *sys.argv[4:]]
main.main()
