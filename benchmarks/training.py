"""Updates a second of the trainer against a plain PyTorch loop, and the loader against both.

    python benchmarks/training.py --data FOLDER_OR_PACK [--updates 12] [--device cpu]

The plain loop is written as well-known repositories write it: a Dataset that decodes a PNG for each
crop in loader processes, downscales it with Pillow, float32, no channels_last, no compile. Ways
take turns, round by round, so that a busy machine slows all of them; the median counts.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from srgan.networks.srresnet import SRResNet
from srgan.training.data import Batches, Crops
from srgan.training.packing import Pack, open_data

CROP, BATCH = 96, 16


class PlainDataset(Dataset[tuple[Tensor, Tensor]]):
    """One decoded PNG a sample."""

    def __init__(self, files: list[Path], length: int) -> None:
        self.files, self.length = files, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        draw = np.random.default_rng(i)
        image = Image.open(self.files[i % len(self.files)]).convert("RGB")
        x, y = draw.integers(image.width - CROP + 1), draw.integers(image.height - CROP + 1)
        hr = image.crop((x, y, x + CROP, y + CROP))
        lr = hr.resize((CROP // 4, CROP // 4), Image.Resampling.BICUBIC)
        return _tensor(lr), _tensor(hr) * 2 - 1


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def plain_batches(pack: Pack, folder: Path, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches as usual repositories make them."""
    files = []
    for i in range(min(16, len(pack))):
        files.append(folder / f"{i}.png")
        if not files[-1].exists():
            Image.fromarray(pack.photo(i)).save(files[-1])
    dataset = PlainDataset(files, 10**6)
    yield from DataLoader(dataset, batch_size=BATCH, num_workers=workers, drop_last=True)


def stepper(
    device: torch.device, *, bf16: bool, channels_last: bool, compile_: bool
) -> Callable[[Tensor, Tensor], None]:
    """One update of the paper's generator for mean squared error."""
    network = SRResNet().to(device)
    if channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    forward = torch.compile(network) if compile_ else network

    def step(lr: Tensor, hr: Tensor) -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            sr = forward(lr.to(device))
        loss = F.mse_loss(sr.float(), hr.to(device))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        float(loss)

    return step


def rates(
    ways: dict[str, Callable[[], None]], updates: int, rounds: int, device: torch.device
) -> dict[str, float]:
    """The median updates a second of each way, all taking turns."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for do in ways.values():
        do()  # warm-up, and compilation
    for _ in range(rounds):
        for name, do in ways.items():
            begun = time.perf_counter()
            for _ in range(max(1, updates // rounds)):
                do()
            if device.type == "cuda":
                torch.cuda.synchronize()
            seen[name].append(max(1, updates // rounds) / (time.perf_counter() - begun))
    return {name: statistics.median(values) for name, values in seen.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--updates", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=2, help="of the plain loop")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    device = torch.device(options.device)

    with tempfile.TemporaryDirectory() as scratch:
        pack = open_data([options.data], Path(scratch) / "pack")
        crops = Crops(pack, range(len(pack)), crop=CROP, scale=4, seed=0)
        ours = Batches(
            crops,
            batch=BATCH,
            scale=4,
            crop=CROP,
            output_range=(-1.0, 1.0),
            device=device,
        )
        plain = plain_batches(pack, Path(scratch), options.workers)
        numbers = iter(range(10**9))
        plain_step = stepper(device, bf16=False, channels_last=False, compile_=False)
        variants = {"fp32": (False, False), "fp32, channels_last": (False, True)}
        variants |= {"bf16": (True, False), "bf16, channels_last (the trainer)": (True, True)}
        ways: dict[str, Callable[[], None]] = {"plain loop": lambda: plain_step(*next(plain))}
        for name, (bf16, channels_last) in variants.items():
            step = stepper(device, bf16=bf16, channels_last=channels_last, compile_=False)
            ways[name] = lambda step=step: step(*ours(next(numbers)))  # type: ignore[misc]
        if options.compile:
            step = stepper(device, bf16=True, channels_last=True, compile_=True)
            ways["bf16, channels_last, compile"] = lambda: step(*ours(next(numbers)))
        found = rates(ways, options.updates, options.rounds, device)
        loader = {
            "loader alone": lambda: ours(next(numbers)) and None,
            "plain loader alone": lambda: next(plain) and None,
        }
        fed = rates(loader, options.updates * 8, options.rounds, device)  # type: ignore[arg-type]

    base = found["plain loop"]
    print(f"PyTorch {torch.__version__}, {device}, {torch.get_num_threads()} threads,")
    print(f"batch {BATCH}, crops of {CROP} pixels, medians of {options.rounds} rounds\n")
    print("| way | updates/s | times the plain loop |\n|---|---|---|")
    for name, rate in found.items():
        print(f"| {name} | {rate:.2f} | {rate / base:.2f} |")
    best = max(found.values())
    print(f"\nLoader: {fed['loader alone']:.0f} batches/s, {fed['loader alone'] / best:.0f} times")
    print(f"what the fastest way takes; the plain loader: {fed['plain loader alone']:.1f}.")


if __name__ == "__main__":
    main()
