"""Pictures in and out of files: what the rest of srgan imports."""

from srgan.image.decode import Info, probe, read_picture
from srgan.image.formats import FORMATS, Format, format_for

__all__ = ["FORMATS", "Format", "Info", "format_for", "probe", "read_picture"]
