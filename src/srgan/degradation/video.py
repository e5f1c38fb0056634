"""What video coding does to a picture: blocks, smeared texture, chroma at half size.

Needs PyAV (`pip install "srgan[video]"`), with FFmpeg's libx264.
"""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.errors import UsageError

FRAMES = 4
REACH = 2
"""Pixels that the picture moves at most from frame to frame, along each axis."""
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""JPEG's, of full range."""
MARGIN = 16
"""Mirrored pixels around the picture, from which it moves in."""


def h264(image: NDArray[np.uint8], crf: int, draw: np.random.Generator) -> NDArray[np.uint8]:
    """One frame, any one, of a short clip in which ``image`` drifts, as H.264 leaves it.

    Args:
        image: RGB (H, W, 3).
        crf: x264's constant rate factor: 18 is nearly clean, 23 its default, 34 poor.
        draw: decides the motion, which of the frames it is, and where the blocks' grid lies.

    Raises:
        UsageError: PyAV is missing or lacks libx264.
    """
    height, width = image.shape[:2]
    padded = np.pad(image, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="symmetric")
    chosen = int(draw.integers(FRAMES))
    motion = draw.integers(-REACH, REACH + 1, 2)
    # A frame is a little larger than the picture, which lies anywhere in its grid of blocks.
    corner = draw.integers(0, 8, 2)
    rows, columns = (int(n + c + (n + c) % 2) for n, c in zip((height, width), corner, strict=True))
    frames = []
    for k in range(FRAMES):
        y, x = (MARGIN - corner + (k - chosen) * motion).tolist()
        frames.append(padded[y : y + rows, x : x + columns])
    y, x = corner.tolist()
    found = _colour(_coded(frames, crf, "veryfast")[chosen])
    return np.ascontiguousarray(found[y : y + height, x : x + width])


def clip(frames: Sequence[NDArray[np.uint8]], crf: int) -> list[NDArray[np.uint8]]:
    """RGB frames of one size, (H, W, 3) with even sides, after H.264 in 4:2:0.

    Args:
        frames: the clip.
        crf: x264's constant rate factor.

    Raises:
        UsageError: PyAV is missing or lacks libx264.
    """
    return [_colour(planes) for planes in _coded(frames, crf, "medium")]


def _coded(frames: Sequence[NDArray[np.uint8]], crf: int, preset: str) -> list[NDArray[np.uint8]]:
    """The planes of the frames after x264."""
    try:
        import av
    except ImportError as error:
        raise UsageError(
            'damage by video coding needs one more package: pip install "srgan[video]"'
        ) from error
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="h264") as container:
        # With AVX-512 x264 codes the same frames now so, now so; plain C does it alike everywhere.
        options = {"crf": str(crf), "preset": preset, "threads": "1", "x264-params": "asm=0"}
        try:
            stream = container.add_stream("libx264", rate=25, options=options)
        except ValueError as error:
            raise UsageError("this PyAV was built without libx264, which H.264 needs") from error
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for rgb in frames:
            frame = av.VideoFrame.from_ndarray(_planes(rgb), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r", format="h264") as container:
        return [np.asarray(frame.to_ndarray(), np.uint8) for frame in container.decode(video=0)]


def _planes(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB (H, W, 3) as Y, then Cb and Cr at half size: (H * 3 / 2, W), of full range."""
    height, width = rgb.shape[:2]
    luma, *chroma = np.moveaxis(rgb @ YCBCR.T + (0, 128, 128), 2, 0)
    half = [c.reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for c in chroma]
    return _bytes(np.concatenate([plane.ravel() for plane in (luma, *half)])).reshape(-1, width)


def _colour(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The inverse of :func:`_planes`; chroma is interpolated."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    chroma = planes[height:].reshape(2, height // 2, width // 2).astype(np.float32) - 128
    wide = [Image.fromarray(c).resize((width, height), Image.Resampling.BILINEAR) for c in chroma]
    ycbcr = np.stack([np.asarray(plane, np.float32) for plane in (planes[:height], *wide)], 2)
    return _bytes(ycbcr @ np.linalg.inv(YCBCR).T)


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded
