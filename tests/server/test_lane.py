"""What the computing process does with a decoded picture."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.image.picture import Frame, Picture
from srgan.server.decoder import save_planes
from srgan.server.lane import Choice, Task, run


class Counting:
    """Repeats pixels, and counts how often it was called."""

    scale = 2

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls += 1
        return image.repeat(2, axis=0).repeat(2, axis=1)


def test_frames_that_the_format_does_not_hold_are_not_enlarged(tmp_path: Path) -> None:
    frames = tuple(Frame(np.full((8, 8, 3), n, np.uint8), None, 40.0) for n in (40, 80, 120))
    save_planes(Picture(frames, format="GIF"), tmp_path)
    asked = SimpleNamespace(progress=lambda fraction: None, cancelled=lambda: False)
    for format_, calls in (("PNG", 3), ("JPEG", 1)):
        upscaler = Counting()
        target = tmp_path / f"result.{format_.lower()}"
        task = Task(Choice("nearest"), tmp_path, target, format_, 16, 16)
        notices = run(task, upscaler, asked)
        assert upscaler.calls == calls
        assert ("frame" in " ".join(notices)) == (format_ == "JPEG")
        with Image.open(target) as image:
            assert (image.size, getattr(image, "n_frames", 1)) == ((16, 16), calls)
