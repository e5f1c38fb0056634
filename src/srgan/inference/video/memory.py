"""How many frames an encoder holds, bounded by how large they are."""

from __future__ import annotations

import os

from srgan.inference.video.codecs import Codec
from srgan.processor import cores

_BYTES = 256 << 20  # for frames that wait for their turn, and again for threads
_OF_A_PIXEL = 3  # 4:2:0 of 8 bits, and the smaller copies that motion is looked for in
_OF_A_REFERENCE = 6  # four times the luma, at half pixels, and chroma
_LOOK_AHEAD = {"libx264": 40, "libx265": 20, "libsvtav1": 32, "libvpx-vp9": 25}
_REORDERED = 4  # frames that x265 holds back at least, unless it reorders none


def bounded(codec: Codec, options: dict[str, str], pixels: int, *, deep: bool) -> dict[str, str]:
    """An encoder's options, with a look-ahead that is shorter for large frames.

    Args:
        codec: the encoder.
        options: its other options.
        pixels: of a frame.
        deep: whether samples have more than 8 bits.
    """
    usual = _LOOK_AHEAD.get(codec.encoder)
    frames = _BYTES // (_OF_A_PIXEL * (1 + deep) * pixels)
    if usual is None or frames >= usual:
        return options
    if codec.encoder == "libx264":
        sync = {"x264-params": "sync-lookahead=0"} if frames < usual // 4 else {}
        return {**options, "rc-lookahead": str(max(frames, 1)), **sync}
    if codec.encoder == "libvpx-vp9":
        return {**options, "lag-in-frames": str(frames)}
    if codec.encoder == "libsvtav1":
        # Its groups of pictures are of 2 to the power of its levels.
        groups = "lp=2" if frames >= 8 else f"lp=1:hierarchical-levels={3 if frames >= 4 else 2}"
        return with_more(options, "svtav1-params", f"lookahead=0:{groups}")
    ahead = max(frames, _REORDERED + 1)
    return with_more(options, "x265-params", f"rc-lookahead={ahead}:frame-threads=1")


def with_more(options: dict[str, str], key: str, own: str) -> dict[str, str]:
    """An encoder's options, with ``own`` behind what its own option ``key`` has already."""
    given = options.get(key)
    return {**options, key: f"{given}:{own}" if given else own}


def threads(pixels: int, *, deep: bool) -> int:
    """The most threads that each may work on a frame of its own; 0 for as many as it likes.

    It likes half as many again as there are cores, those that are not this process's too.
    """
    most = max(1, 2 * _BYTES // (_OF_A_REFERENCE * (1 + deep) * pixels))
    own = cores()
    usual = 3 * own // 2
    return 0 if own == os.cpu_count() and usual <= most else min(usual, most)
