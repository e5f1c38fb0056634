"""Fuzz the readers of pictures and of weights: python tests/fuzz.py [MINUTES] [SEED]

Small good files of every kind are mutated: bytes changed, blocks moved, cut, repeated and spliced
between files. Whatever is not refused as declared is printed, with its seed and kind, and makes
the exit status 1.
"""

import io
import random
import sys
import tempfile
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import tifffile

from srgan.errors import ImageRefused, LimitExceeded, ModelRefused
from srgan.image.files import encode_picture, read_picture
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Metadata, Picture
from srgan.weights.format import Header, load_weights, save_weights

LIMITS = Limits(input_pixels=1_000_000, frames=30)
SLOW_S = 5.0
Seeds = dict[str, list[bytes]]


def seeds() -> Seeds:
    """Small good files, by kind."""
    rng = np.random.default_rng(1)
    made: Seeds = {"weights": []}
    for name in ("png", "jpeg", "webp", "tiff", "bmp", "gif", "avif", "heic"):
        made[name] = []
        for channels in (1, 3):
            for dtype in (np.uint8, np.uint16):
                for frames in (1, 3):
                    made[name].append(encode_picture(_picture(rng, channels, dtype, frames), name))
    deep = rng.integers(0, 1024, (19, 23, 3), np.uint16)
    for samples, bits in ((deep, 10), (deep[..., 0], 10), (deep * 4, 12)):
        made["avif"].append(imagecodecs.avif_encode(samples, bitspersample=bits))
    heic = pillow_heif.from_bytes(mode="RGB;16", size=(23, 19), data=(deep << 6).tobytes())
    out = io.BytesIO()
    heic.save(out, quality=50)
    made["heic"].append(out.getvalue())
    for codec in ("lzw", "jpegxl", "jpeg2000", "lerc", "zstd"):
        out = io.BytesIO()
        tifffile.imwrite(out, (deep >> 2).astype(np.uint8), compression=codec)
        made["tiff"].append(out.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.safetensors"
        arrays = {f"t{k}": rng.random((3, 4), np.float32) for k in range(3)}
        save_weights(path, arrays, Header("srresnet", {"channels": 4}, 4))
        made["weights"].append(path.read_bytes())
    return made


def _picture(rng: np.random.Generator, channels: int, dtype: type, frames: int) -> Picture:
    most = np.iinfo(dtype).max
    stills = tuple(
        Frame(
            rng.integers(0, most, (19, 23, channels), dtype, endpoint=True),
            rng.integers(0, most, (19, 23), dtype, endpoint=True) if channels == 3 else None,
            50.0 if frames > 1 else None,
        )
        for _ in range(frames)
    )
    return Picture(stills, Metadata(exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>", dpi=(72, 72)))


def mutated(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A damaged copy."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(out):
            out[at] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        elif kind == 1 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            out[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"))
        elif kind == 3:
            del out[at : at + rng.randrange(1, 64)]
        elif kind == 4:
            start = rng.randrange(len(out) + 1)
            out[at:at] = out[start : start + rng.randrange(1, 256)]
        else:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            out[at:] = other[start:]
        out = out or bytearray(b"\0")
    return bytes(out)


def attempt(kind: str, data: bytes, scratch: Path) -> str:
    """How a reader took the data: "read", "refused", or what was wrong."""
    started = time.process_time()
    try:
        if kind == "weights":
            scratch.write_bytes(data)
            load_weights(scratch)
        else:
            # Every second one as with --allow-damaged.
            picture = read_picture(data, limits=LIMITS, allow_damaged=len(data) % 2 == 0)
            assert picture.frames[0].colour.shape[2] in (1, 3)
    except (ImageRefused, LimitExceeded, ModelRefused) as error:
        took = "refused" if str(error).isprintable() else f"unprintable: {error!r}"
    except BaseException as error:
        took = f"{type(error).__name__}: {error}"
    else:
        took = "read"
    return took if time.process_time() - started < SLOW_S else f"slow: {took}"


def main() -> int:
    """Run for the given time."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    corpus, counts, wrong = seeds(), {"read": 0, "refused": 0}, 0
    end = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "w.safetensors"
        while time.monotonic() < end:
            seed += 1
            rng = random.Random(seed)
            kind = rng.choice(list(corpus))
            data = mutated(rng.choice(corpus[kind]), corpus[kind], rng)
            took = attempt(kind, data, scratch)
            if took in counts:
                counts[took] += 1
            else:
                wrong += 1
                print(f"seed {seed}, {kind}: {took}", flush=True)
    print(f"{sum(counts.values()) + wrong} inputs to seed {seed}: {counts}, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
