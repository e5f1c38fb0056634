"""Pictures in and out of files: what the rest of srgan imports."""

from srgan.image.decode import Info, probe, read_first, read_picture
from srgan.image.encode import (
    QUALITY,
    StripWriter,
    encode_picture,
    open_writer,
    write_picture,
)
from srgan.image.fit import losses
from srgan.image.formats import FORMATS, Format, format_for

__all__ = [
    "FORMATS",
    "QUALITY",
    "Format",
    "Info",
    "StripWriter",
    "encode_picture",
    "format_for",
    "losses",
    "open_writer",
    "probe",
    "read_first",
    "read_picture",
    "write_picture",
]
