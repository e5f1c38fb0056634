"""Keeping libtiff's own messages off the terminal: its failures are told in one line of ours."""

import ctypes
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path

import PIL


@cache
def hush() -> None:
    """Tell the libtiff inside Pillow's wheel to print nothing.

    Pillow takes its errors as return values all the same. Where there is no such library beside
    Pillow, as in a distribution's own build, its messages stay.
    """
    room = Path(PIL.__file__).parent
    bundled = chain(
        (room.parent / "pillow.libs").glob("libtiff*"), (room / ".dylibs").glob("libtiff*")
    )
    for path in bundled:
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(str(path))
            library.TIFFSetErrorHandler(None)
            library.TIFFSetWarningHandler(None)
