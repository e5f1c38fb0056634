"""Training data: packed photos, crops drawn by sample number, and their exact LR.

Everything random about sample ``n`` is drawn from (seed, n): any number of loader processes,
ranks and restarts gives the same crops, and a checkpoint needs no state of the loader.
"""

import random
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from srgan.degradation.pipeline import Degradation, degrade
from srgan.errors import DataRefused, UsageError
from srgan.image.resize import taps
from srgan.training.config import DataConfig
from srgan.training.packing import Pack, open_data
from srgan.words import counted

WORKER_TIMEOUT_S = 300.0
"""How long a batch may take to come from a loader process."""


def split(count: int, held_out: int, seed: int) -> tuple[list[int], list[int]]:
    """Indices for training and, never trained on, for validation.

    Raises:
        DataRefused: nothing would be left to train on.
    """
    if held_out >= count:
        raise DataRefused(
            f"{counted(count, 'photo')} and {held_out} of them held out leave none to train on; "
            "add photos or set data.held_out lower"
        )
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return sorted(order[held_out:]), sorted(order[:held_out])


def open_photos(
    config: DataConfig, data: Sequence[str | Path], cache: Path, *, anew: bool = False
) -> tuple[Pack, list[int], list[int]]:
    """A recipe's pictures: their pack, which of them to train on, and which to validate on.

    ``data``, ``cache``, ``anew`` and errors are those of :func:`srgan.training.packing.open_data`;
    those of ``config.extra`` are packed beside ``cache``.
    """
    pack = open_data(data, cache, anew=anew)
    use, held_out = split(len(pack), config.held_out, config.held_out_seed)
    if config.extra:
        extra = Path(config.extra).resolve()
        for photos in (Path(folder).resolve() for folder in data):
            if extra.is_relative_to(photos) or photos.is_relative_to(extra):
                raise UsageError(
                    f"recipe.data.extra: {config.extra} and the photos of {photos} are in one "
                    "another, and some photos are held out; keep them apart"
                )
        more = open_data([config.extra], cache.with_name("extra"), anew=anew)
        use += range(len(pack), len(pack) + len(more))
        pack = Pack(*pack.folders, *more.folders)
    return pack, use, held_out


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample is cut: photo, upper left corner, mirrored or not, quarter turns."""

    photo: int
    y: int
    x: int
    flip: bool
    turns: int


class Crops:
    """Random crops: sample number ``n`` is the same crop in every run with ``seed``.

    Photos are drawn with a chance in proportion to their area.

    Args:
        pack, use: the photos, and which of them.
        crop, scale: side of the HR crops, and HR pixels per LR pixel.
        seed: of all draws.
        augment: mirror and turn crops.
        distinct: so many samples, an update, come from as many photos; 1 leaves it to chance.
    """

    def __init__(
        self,
        pack: Pack,
        use: Sequence[int],
        *,
        crop: int,
        scale: int,
        seed: int,
        augment: bool = True,
        distinct: int = 1,
    ) -> None:
        self.side = crop + 4 * scale
        self.use = [i for i in use if min(pack.photos[i].height, pack.photos[i].width) >= self.side]
        if not self.use:
            raise DataRefused(
                f"no photo is at least {self.side} pixels high and wide; "
                "lower data.crop or add larger photos"
            )
        if len(self.use) < distinct:
            raise DataRefused(
                f"{counted(len(self.use), 'photo')} cannot fill an update's {distinct} samples; "
                "add photos, lower data.batch or set data.distinct = false"
            )
        self.pack = pack
        self.seed = seed
        self.augment = augment
        self.distinct = distinct
        self.drawn: tuple[int, list[int]] = (-1, [])
        areas = np.array([pack.photos[i].height * pack.photos[i].width for i in self.use])
        self.chances = areas / areas.sum()
        self.cumulative = np.cumsum(areas) / areas.sum()

    def place(self, number: int) -> Place:
        """Where sample ``number`` is cut."""
        draw = np.random.Generator(np.random.Philox(key=[self.seed, number]))
        if self.distinct > 1:
            update, sample = divmod(number, self.distinct)
            chosen = self._photos(update)[sample]
        else:
            drawn = int(np.searchsorted(self.cumulative, draw.random(), side="right"))
            chosen = min(drawn, len(self.use) - 1)
        i = self.use[chosen]
        photo = self.pack.photos[i]
        y = int(draw.integers(photo.height - self.side + 1))
        x = int(draw.integers(photo.width - self.side + 1))
        if not self.augment:
            return Place(i, y, x, flip=False, turns=0)
        return Place(i, y, x, bool(draw.integers(2)), int(draw.integers(4)))

    def _photos(self, update: int) -> list[int]:
        """The photos of an update, each another; those of the last one asked for are kept."""
        if self.drawn[0] != update:
            draw = np.random.Generator(np.random.Philox(key=[self.seed + (4 << 32), update]))
            chosen = draw.choice(len(self.use), self.distinct, replace=False, p=self.chances)
            self.drawn = (update, chosen.tolist())
        return self.drawn[1]

    def sample(self, number: int) -> NDArray[np.uint8]:
        """Crop ``number`` with its margin, (side, side, 3)."""
        at = self.place(number)
        photo = self.pack.photo(at.photo)
        crop = photo[at.y : at.y + self.side, at.x : at.x + self.side]
        return np.rot90(crop[:, ::-1] if at.flip else crop, at.turns)

    def batch(self, first: int, count: int) -> Tensor:
        """Samples ``first`` to ``first + count - 1``, (count, 3, side, side) uint8."""
        crops = np.stack([self.sample(n) for n in range(first, first + count)])
        return torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))

    def strides(self, number: int) -> tuple[int, int, int]:
        """Sample ``number`` in the flat pack: its first byte and its steps by row and column.

        Mirroring and quarter turns are signs and an exchange of the two steps.
        """
        at, last = self.place(number), self.side - 1
        photo = self.pack.photos[at.photo]
        start = self.pack.start(at.photo) + (at.y * photo.width + at.x) * 3
        down, right = photo.width * 3, 3
        if at.flip:
            start, right = start + last * right, -right
        for _ in range(at.turns):  # anticlockwise: the last column becomes the first row
            start, down, right = start + last * right, -right, down
        return start, down, right


def crops_of(config: DataConfig, pack: Pack, use: Sequence[int], *, scale: int, seed: int) -> Crops:
    """The crops that a recipe asks for."""
    return Crops(
        pack,
        use,
        crop=config.crop,
        scale=scale,
        seed=seed,
        augment=config.augment,
        distinct=config.batch if config.distinct else 1,
    )


class ResidentCrops:
    """The whole pack on the training device; a batch is one gather there."""

    def __init__(self, crops: Crops, device: torch.device) -> None:
        self.crops = crops
        self.pixels = torch.empty(crops.pack.bytes, dtype=torch.uint8, device=device)
        # Whole copies in memory, one for each GPU's process, might be more than there is.
        start = 0
        for piece in crops.pack.pieces():
            self.pixels[start : start + piece.size].copy_(torch.from_numpy(piece))
            start += piece.size
        self.steps = torch.arange(crops.side, device=device)
        self.channels = torch.arange(3, device=device)

    def batch(self, first: int, count: int) -> Tensor:
        """As :meth:`Crops.batch`, on the device."""
        numbers = range(first, first + count)
        table = moved(torch.tensor([self.crops.strides(n) for n in numbers]), self.pixels.device)
        start, down, right = (column.view(-1, 1, 1, 1) for column in table.unbind(1))
        rows = self.steps.view(1, 1, -1, 1) * down
        columns = self.steps.view(1, 1, 1, -1) * right
        return self.pixels[start + rows + columns + self.channels.view(1, -1, 1, 1)]


class _Updates(Dataset[tuple[Tensor, Tensor]]):
    """Item ``u`` is the rank's share of update ``u``: HR crops with margin, LR crops or nothing."""

    def __init__(
        self, crops: Crops, batch: int, offset: int, total: int, degradation: Degradation | None
    ) -> None:
        self.crops, self.batch, self.offset, self.total = crops, batch, offset, total
        self.degradation = degradation

    def __getitem__(self, update: int) -> tuple[Tensor, Tensor]:
        first = update * self.total + self.offset
        hr = self.crops.batch(first, self.batch)
        lr = torch.empty(0, dtype=torch.uint8)
        if self.degradation is not None:
            lr = degraded(hr, first, self.crops.seed, self.degradation)
        return hr, lr


def degraded(hr: Tensor, first: int, seed: int, degradation: Degradation) -> Tensor:
    """The damaged LR of HR crops with margin: (N, 3, side, side) → (N, 3, side / 4 - 4, same)."""
    small = []
    for i, crop in enumerate(hr.permute(0, 2, 3, 1).numpy()):
        draw = np.random.Generator(np.random.Philox(key=[seed + (1 << 32), first + i]))
        small.append(degrade(crop, degradation, draw)[2:-2, 2:-2])
    return torch.from_numpy(np.ascontiguousarray(np.stack(small).transpose(0, 3, 1, 2)))


class Batches:
    """LR in [0, 1] and HR in the output range, for one update after the other.

    Args:
        crops: what is drawn.
        batch: samples of an update, over all ranks.
        scale, crop: HR pixels per LR pixel, and the side of the HR crops.
        output_range: of HR.
        device: where the batches are wanted, and where they are shrunk.
        workers: loader processes; 0 draws in this process.
        rank, world: this process among those that share an update.
        degradation: damage for the LR instead of the plain bicubic downscale.
        resident: keep all photos on the device; ``None`` decides by its free memory.
    """

    def __init__(
        self,
        crops: Crops,
        *,
        batch: int,
        scale: int,
        crop: int,
        output_range: tuple[float, float],
        device: torch.device,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
        degradation: Degradation | None = None,
        resident: bool | None = None,
    ) -> None:
        if batch % world:
            raise DataRefused(f"data.batch = {batch} cannot be shared by {world} processes")
        self.crops, self.device, self.workers = crops, device, workers
        self.total, self.share, self.offset = batch, batch // world, rank * (batch // world)
        self.low, self.high = output_range
        self.margin = 2 * scale
        self.downscale = Downscale(scale, crop, device)
        self.degradation = degradation
        if resident is None:
            resident = device.type == "cuda" and degradation is None and _fits(crops.pack, device)
        self.resident = ResidentCrops(crops, device) if resident else None

    def __call__(self, update: int) -> tuple[Tensor, Tensor]:
        """The batch of one update: (n, 3, h, w) LR and (n, 3, h * scale, w * scale) HR."""
        first = update * self.total + self.offset
        if self.resident is not None:
            return self.prepare(self.resident.batch(first, self.share), torch.empty(0))
        return self.prepare(*self._updates()[update])

    def first(self, samples: int) -> tuple[Tensor, Tensor]:
        """At least so many pairs, those of the first updates."""
        parts = [self(update) for update in range(-(-samples // self.share))]
        lr, hr = (torch.cat(images) for images in zip(*parts, strict=True))
        return lr, hr

    def iterate(self, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of updates ``first`` to ``last - 1``.

        A loader process that dies makes the next thing done in this process raise RuntimeError,
        wherever that is; :func:`srgan.training.faults.explained` knows it.
        """
        if self.resident is not None or not self.workers:
            yield from map(self, range(first, last))
            return
        loader = DataLoader(
            self._updates(),
            sampler=range(first, last),
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=4,
            timeout=WORKER_TIMEOUT_S,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_leave_signals,
            # Of its own, or starting it would move PyTorch's random state, which is saved.
            generator=torch.Generator(),
        )
        for hr, lr in loader:
            yield self.prepare(hr, lr)

    def prepare(self, hr_bytes: Tensor, lr_bytes: Tensor) -> tuple[Tensor, Tensor]:
        """From bytes to what the networks see."""
        hr_bytes = moved(hr_bytes, self.device)
        if lr_bytes.numel():
            small = moved(lr_bytes, self.device).float()
        else:
            small = self.downscale(hr_bytes)
        m = self.margin
        hr = hr_bytes[:, :, m:-m, m:-m].float() / 255.0 * (self.high - self.low) + self.low
        return (
            (small / 255.0).contiguous(memory_format=torch.channels_last),
            hr.contiguous(memory_format=torch.channels_last),
        )

    def _updates(self) -> _Updates:
        return _Updates(self.crops, self.share, self.offset, self.total, self.degradation)


def _leave_signals(worker: int) -> None:
    """Ctrl-C and a scheduler's SIGTERM reach all processes; this one ends when the first is done.

    The first goes on until it has saved, and ends a loader that hangs by one SIGTERM after another.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(number, signal.SIG_DFL))


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; pinned on its way to a GPU, which would be waited for else."""
    if device.type == "cuda" and not tensor.is_cuda:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _fits(pack: Pack, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return pack.bytes < free // 2
