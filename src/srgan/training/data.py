"""Training data: photos packed once into flat uint8, crops drawn by sample number.

A pack is a folder of ``pixels.u8`` (all photos, RGB, one after the other) and ``index.json``
(for each its name, offset, height and width). Reading a batch is a gather from a memory map; the LR
crops are made from the HR crops by MATLAB's bicubic downscale, exactly.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from srgan.errors import DataRefused
from srgan.image.resize import taps

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
SUPPORT = 8
"""HR pixels per unit of scale/4 that the bicubic kernel reads beyond a crop."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of a pack: (height, width, 3) uint8 from ``offset`` on."""

    name: str
    offset: int
    height: int
    width: int


class Pack:
    """Photos as one memory-mapped array; ``photo(i)`` is a view, (H, W, 3) uint8 RGB."""

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        try:
            index = json.loads((folder / "index.json").read_text())
            self.pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r")
        except (OSError, ValueError, KeyError) as error:
            raise DataRefused(
                f"{folder}: not a pack of photos ({error}); make one: srgan data prepare"
            ) from error
        self.photos = [Photo(**entry) for entry in index["photos"]]

    def __len__(self) -> int:
        return len(self.photos)

    def photo(self, i: int) -> NDArray[np.uint8]:
        p = self.photos[i]
        flat = self.pixels[p.offset : p.offset + p.height * p.width * 3]
        return flat.reshape(p.height, p.width, 3)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of each file of a data folder."""

    photos: int
    pixels: int
    quarantined: tuple[tuple[str, str], ...]


def prepare(folders: Sequence[str | Path], out: str | Path, *, smallest: int = 128) -> Prepared:
    """Read every photo below ``folders`` once and pack it; broken ones are listed, not fatal.

    Args:
        folders: where the photos are, sub-folders included.
        out: folder of the pack; ``quarantine.json`` in it lists what was left out and why.
        smallest: photos with a side below this are left out.

    Raises:
        DataRefused: no photo could be used.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    photos: list[dict[str, object]] = []
    quarantined: list[tuple[str, str]] = []
    offset = 0
    with (out / "pixels.u8").open("wb") as pixels:
        for folder in map(Path, folders):
            for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
                name = path.relative_to(folder).as_posix()
                try:
                    with Image.open(path) as image:
                        array = np.asarray(image.convert("RGB"))
                except Exception as error:  # decoders fail in many ways
                    quarantined.append((name, f"cannot be read: {error}"))
                    continue
                if min(array.shape[:2]) < smallest:
                    quarantined.append((name, f"a side is shorter than {smallest} pixels"))
                    continue
                pixels.write(array.tobytes())
                photos.append(
                    {
                        "name": name,
                        "offset": offset,
                        "height": array.shape[0],
                        "width": array.shape[1],
                    }
                )
                offset += array.size
    (out / "quarantine.json").write_text(json.dumps(quarantined, indent=1))
    if not photos:
        raise DataRefused(
            f"no usable photo below {', '.join(map(str, folders))}; "
            f"{out / 'quarantine.json'} says why"
        )
    (out / "index.json").write_text(json.dumps({"photos": photos}))
    return Prepared(len(photos), offset // 3, tuple(quarantined))


def split(count: int, held_out: int, seed: int) -> tuple[list[int], list[int]]:
    """Indices for training and, never trained on, for validation."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return sorted(order[held_out:]), sorted(order[:held_out])


class Downscale:
    """MATLAB's bicubic downscale of (N, 3, H, W) crops as two matrix products, exact.

    The crops carry a margin of ``2 * scale`` pixels on each side, which the kernel reads and
    which is cut away; so a crop's LR is the same as the crop of the whole photo's LR.
    """

    def __init__(self, scale: int, crop: int, device: torch.device) -> None:
        margin = 2 * scale
        n = crop + 2 * margin
        t = taps(n, n // scale, scale=1.0 / scale, kernel="bicubic", antialias=True)
        matrix = np.zeros((n // scale, n))
        for i in range(n // scale):
            np.add.at(matrix[i], t.indices[i], t.weights[i])
        # Weights are multiples of 1/4096 and samples are bytes: float32 products are exact at x4.
        self.matrix = torch.tensor(matrix[2:-2], dtype=torch.float32, device=device)

    def __call__(self, hr: Tensor) -> Tensor:
        """(N, 3, crop + margins, same) uint8 → (N, 3, crop / scale, same), bytes as float32."""
        rows = torch.matmul(self.matrix, hr.float())
        rows = (rows + 0.5).floor_().clamp_(0, 255)
        columns = torch.matmul(rows, self.matrix.T)
        return (columns + 0.5).floor_().clamp_(0, 255)


class Crops:
    """Random augmented crops: sample number ``n`` is the same crop in every run with ``seed``.

    Photos are drawn with a chance in proportion to their area.
    """

    def __init__(self, pack: Pack, use: Sequence[int], *, crop: int, scale: int, seed: int) -> None:
        self.side = crop + 4 * scale
        self.use = [i for i in use if min(pack.photos[i].height, pack.photos[i].width) >= self.side]
        if not self.use:
            raise DataRefused(
                f"no photo is at least {self.side} pixels high and wide; "
                "lower crop or add larger photos"
            )
        self.pack = pack
        self.seed = seed
        areas = [pack.photos[i].height * pack.photos[i].width for i in self.use]
        self.cumulative = np.cumsum(areas) / np.sum(areas)

    def sample(self, number: int) -> NDArray[np.uint8]:
        """Crop ``number`` with its margin, (side, side, 3)."""
        draw = np.random.Generator(np.random.Philox(key=[self.seed, number]))
        chosen = int(np.searchsorted(self.cumulative, draw.random(), side="right"))
        photo = self.pack.photo(self.use[min(chosen, len(self.use) - 1)])
        y = int(draw.integers(photo.shape[0] - self.side + 1))
        x = int(draw.integers(photo.shape[1] - self.side + 1))
        crop = photo[y : y + self.side, x : x + self.side]
        flip, turns = int(draw.integers(2)), int(draw.integers(4))
        if flip:
            crop = crop[:, ::-1]
        return np.rot90(crop, turns)

    def batch(self, first: int, count: int) -> Tensor:
        """Samples ``first`` to ``first + count - 1``, (count, 3, side, side) uint8."""
        crops = np.stack([self.sample(n) for n in range(first, first + count)])
        return torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
