"""Photo-realistic single-image super-resolution (SRGAN, https://arxiv.org/abs/1609.04802).

import srgan

srgan.upscale("photo.jpg")                  # writes photo_x4.jpg
big = srgan.upscale(pillow_image, scale=2)  # Pillow in, Pillow out; numpy in, numpy out
upscaler = srgan.load("srresnet")           # keep it for many pictures
srgan.upscale_video("clip.mp4")             # writes clip_x4.mp4
"""

from os import environ as _environ
from typing import TYPE_CHECKING

from srgan.api import load, models, upscale, upscale_video
from srgan.errors import (
    Cancelled,
    DataRefused,
    ImageRefused,
    LimitExceeded,
    ModelRefused,
    OutputFailed,
    RuntimeFailed,
    SRGANError,
    SRGANWarning,
    TrainingStopped,
    UsageError,
)

if TYPE_CHECKING:
    from srgan.inference.upscaler import Upscaler
    from srgan.weights.catalog import Model
else:

    def __getattr__(name):
        """The types of what is returned; only who names one waits for the import."""
        if name == "Model":
            from srgan.weights.catalog import Model

            return Model
        if name == "Upscaler":
            from srgan.inference.upscaler import Upscaler

            return Upscaler
        raise AttributeError(f"module 'srgan' has no attribute {name!r}")

    def __dir__():
        """So that ``help(srgan)`` and the Tab key know these types before they are imported."""
        return sorted({*globals(), *__all__})


# ONNX Runtime 1.32 keeps an id of the machine and tells its makers of its use: not for us.
_environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "DataRefused",
    "ImageRefused",
    "LimitExceeded",
    "Model",
    "ModelRefused",
    "OutputFailed",
    "RuntimeFailed",
    "SRGANError",
    "SRGANWarning",
    "TrainingStopped",
    "Upscaler",
    "UsageError",
    "__version__",
    "load",
    "models",
    "upscale",
    "upscale_video",
]
