"""A clip to measure `srgan video` with: a window of 320x180 that moves over photos.

    python benchmarks/video_clip.py ../shared/data/train -o pan.mp4
    srgan video pan.mp4

The photos are halved first, so that the clip has no noise and blocks of a camera's own. Needs PyAV.
"""

import argparse
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT, RATE, FRAMES_OF_A_PHOTO = 320, 180, 24, 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=4, help="one photo each")
    arguments = parser.parse_args()
    photos = sorted(arguments.photos.glob("*.jpg"))[: arguments.seconds]
    with av.open(str(arguments.output), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.colorspace = stream.codec_context.color_primaries = 1
        for path in photos:
            with Image.open(path) as photo:
                half = ImageOps.exif_transpose(photo).convert("RGB").reduce(2)
            half = ImageOps.fit(half, (max(half.width, 400), max(half.height, 240)))
            for i in range(FRAMES_OF_A_PHOTO):
                left, top = 2 * i, i
                pixels = np.asarray(half.crop((left, top, left + WIDTH, top + HEIGHT)))
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
                out.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=1)))
        out.mux(stream.encode(None))


if __name__ == "__main__":
    main()
