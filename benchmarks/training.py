"""Updates a second of the trainer against a plain PyTorch loop, and the loader against both.

    python benchmarks/training.py --data FOLDER_OR_PACK [--updates 8] [--device cpu] [--workers 2]

The plain loops are written as well-known repositories write them: a Dataset that decodes a PNG of
480 pixels for each crop in loader processes and downscales it with Pillow; float32, no
channels_last, no compile. The trainer's rows are the trainer itself (``srgan train``) on the same
networks: the paper's generator for MSE, and SRGAN-VGG54, whose VGG19 has random weights here.
Ways take turns, round by round, one warm-up update before each block; the median round counts.
On a CPU that others use, ``--clock processor`` counts the processor seconds of one thread.
``--quick`` runs all of it on tiny networks, to see that it works.
"""

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from srgan.networks.blocks import PReLU
from srgan.networks.discriminator import Discriminator
from srgan.networks.srresnet import SRResNet
from srgan.networks.vgg import BLOCKS, VGG
from srgan.training.config import GanConfig, PretrainConfig, build
from srgan.training.data import Batches, Crops
from srgan.training.gan import train_gan
from srgan.training.packing import Pack, open_data
from srgan.training.pretrain import pretrain
from srgan.training.setup import keep_freed_memory

Way = Callable[[int], float]
"""Does a warm-up update, then so many more; returns updates a second of these."""
Step = Callable[[Tensor, Tensor], object]

PNGS, PNG_SIDE = 48, 480


class PlainGenerator(SRResNet):
    """SRResNet as the paper's figure has it: the 9x9 convolution after the last shuffle, and
    PyTorch's PReLU.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, PReLU):
                    setattr(module, name, nn.PReLU())

    def forward(self, lr: Tensor) -> Tensor:
        shallow = self.head_act(self.head(lr))
        deep = self.trunk_norm(self.trunk(self.blocks(shallow)))
        sr: Tensor = self.tail(self.upscale(shallow + deep))
        return sr


class PlainDataset(Dataset[tuple[Tensor, Tensor]]):
    """One decoded PNG a sample."""

    def __init__(self, files: Sequence[Path], length: int, crop: int) -> None:
        self.files, self.length, self.crop = files, length, crop

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        draw, crop = np.random.default_rng(i), self.crop
        image = Image.open(self.files[i % len(self.files)]).convert("RGB")
        x, y = draw.integers(image.width - crop + 1), draw.integers(image.height - crop + 1)
        hr = image.crop((x, y, x + crop, y + crop))
        lr = hr.resize((crop // 4, crop // 4), Image.Resampling.BICUBIC)
        return _tensor(lr), _tensor(hr) * 2 - 1


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def write_pngs(pack: Pack, folder: Path) -> list[Path]:
    """The middles of some photos as PNGs."""
    files = []
    for i in range(min(PNGS, len(pack))):
        photo = pack.photo(i * len(pack) // min(PNGS, len(pack)))
        y, x = (max(0, n - PNG_SIDE) // 2 for n in photo.shape[:2])
        files.append(folder / f"{i}.png")
        Image.fromarray(photo[y : y + PNG_SIDE, x : x + PNG_SIDE]).save(files[-1])
    return files


class Bench:
    """Data, sizes and scratch space that all ways share."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.options, self.scratch = options, scratch
        self.device = torch.device(options.device)
        quick = options.quick
        self.crop, self.batch = (32, 2) if quick else (96, 16)
        self.generator = {"channels": 4, "blocks": 1} if quick else {"channels": 64, "blocks": 16}
        self.judge_channels = 2 if quick else 64
        self.layer = "conv1_1" if quick else "conv5_4"
        self.pack = open_data([options.data], scratch / "pack")
        self.files = write_pngs(self.pack, scratch)
        crops = Crops(self.pack, range(len(self.pack)), crop=self.crop, scale=4, seed=0)
        self.batches = Batches(
            crops,
            batch=self.batch,
            scale=4,
            crop=self.crop,
            output_range=(-1.0, 1.0),
            device=self.device,
        )
        self.number = 0
        self.runs = 0

    def now(self) -> float:
        """Seconds of the chosen clock, when the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.process_time() if self.options.clock == "processor" else time.perf_counter()

    def rate(self, step: Callable[[], object], updates: int) -> float:
        """Updates a second, after one more; freed memory is kept or not as glibc does by itself."""
        keep_freed_memory(mapped=32 << 20, trimmed=64 << 20)
        step()
        begun = self.now()
        for _ in range(updates):
            step()
        return updates / (self.now() - begun)

    def plain_loader(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches as usual repositories make them, in processes that end with the iterator."""
        data = PlainDataset(self.files, 10**6, self.crop)
        # A clock of processor seconds sees this process only, so that it has to load itself.
        workers = 0 if self.options.clock == "processor" else self.options.workers
        pinned = self.device.type == "cuda"
        loader = DataLoader(data, batch_size=self.batch, num_workers=workers, pin_memory=pinned)
        return iter(loader)

    def packed(self) -> tuple[Tensor, Tensor]:
        """The trainer's next batch."""
        self.number += 1
        return self.batches(self.number)

    def plain(self, step: Step) -> Way:
        def way(updates: int) -> float:
            batches = self.plain_loader()
            return self.rate(lambda: step(*_to(next(batches), self.device)), updates)

        return way

    def fed_by_pack(self, step: Step) -> Way:
        return lambda updates: self.rate(lambda: step(*self.packed()), updates)

    def trainer(self, config: PretrainConfig | GanConfig) -> Way:
        """The trainer's own loop, timed when it is warm and up to the last update but one."""
        # A compiled network is compiled in the first update and recorded as a graph in the next.
        warm = 1 if config.device.compile == "off" else 5

        def way(updates: int) -> float:
            self.runs += 1
            torch.compiler.reset()  # else what runs before have compiled counts towards the limit
            out = self.scratch / f"run{self.runs}"
            stamps: list[float] = []
            draw = Batches.iterate

            def iterate(batches: Batches, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
                for number, batch in enumerate(draw(batches, first, last)):
                    if number in (warm, warm + updates):
                        stamps.append(self.now())
                    yield batch

            run = replace(config, updates=warm + updates + 1)
            with (
                patch.object(Batches, "iterate", iterate),
                contextlib.redirect_stdout(io.StringIO()),
            ):
                if isinstance(run, GanConfig):
                    train_gan(run, data=[self.options.data], out=out, device=self.options.device)
                else:
                    pretrain(run, data=[self.options.data], out=out, device=self.options.device)
            return updates / (stamps[1] - stamps[0])

        return way


def _to(batch: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    return [tensor.to(device, non_blocking=device.type == "cuda") for tensor in batch]


def pixel_step(bench: Bench, kind: type[SRResNet], *, channels_last: bool, bf16: bool) -> Step:
    """One update of the generator for mean squared error."""
    network = kind(**bench.generator).to(bench.device)
    if channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)

    def step(lr: Tensor, hr: Tensor) -> None:
        with torch.autocast(bench.device.type, dtype=torch.bfloat16, enabled=bf16):
            sr = network(lr)
        loss = F.mse_loss(sr.float(), hr)
        adam.zero_grad()
        loss.backward()
        adam.step()
        loss.item()

    return step


def gan_step(bench: Bench) -> Step:
    """One update of generator and discriminator for VGG54, float32, as repositories write it."""
    device = bench.device
    generator = PlainGenerator(**bench.generator).to(device)
    judge = Discriminator(crop=bench.crop, channels=bench.judge_channels).to(device)
    features = VGG("vgg19", [bench.layer]).to(device)
    g_adam = torch.optim.Adam(generator.parameters(), lr=1e-4)
    d_adam = torch.optim.Adam(judge.parameters(), lr=1e-4)
    cross_entropy = nn.BCEWithLogitsLoss()

    def step(lr: Tensor, hr: Tensor) -> None:
        sr = generator(lr)
        real, fake = judge(hr), judge(sr.detach())
        d_loss = cross_entropy(real, torch.ones_like(real))
        d_loss = d_loss + cross_entropy(fake, torch.zeros_like(fake))
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()

        fake = judge(sr)
        wanted = features((hr.detach() + 1) / 2)[0]
        content = F.mse_loss(features((sr + 1) / 2)[0], wanted)
        g_loss = content + 1e-3 * cross_entropy(fake, torch.ones_like(fake))
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        g_loss.item()

    return step


def random_vgg19(path: Path) -> Path:
    """A file in the layout of torchvision's VGG19, of random weights."""
    state, channels, position = {}, 3, 0
    for b, count in enumerate(BLOCKS["vgg19"]):
        for _ in range(count):
            conv = nn.Conv2d(channels, min(64 * 2**b, 512), 3)
            nn.init.kaiming_normal_(conv.weight)
            state |= {f"features.{position}.{k}": v for k, v in conv.state_dict().items()}
            channels, position = conv.out_channels, position + 2
        position += 1
    torch.save(state, path)
    return path


def pixel_config(bench: Bench, **device: str) -> PretrainConfig:
    """``recipes/srresnet-mse.toml`` in brief."""
    data = {"crop": bench.crop, "batch": bench.batch, "held_out": 1}
    table = {"name": "bench", "updates": 1, "data": data, "device": device}
    return build(PretrainConfig, {**table, "generator": bench.generator}, "benchmark")


def gan_config(bench: Bench, vgg: Path, start: Path, **device: str) -> GanConfig:
    """``recipes/srgan-vgg54.toml`` in brief."""
    table = {
        "name": "bench",
        "updates": 1,
        "start": str(start),
        "data": {"crop": bench.crop, "batch": bench.batch, "held_out": 1},
        "device": device,
        "generator": bench.generator,
        "pixel": {"weight": 0.0},
        "content": {"file": str(vgg), "layers": [bench.layer]},
        "adversarial": {"channels": bench.judge_channels},
    }
    return build(GanConfig, table, "benchmark")


def devices(options: argparse.Namespace) -> dict[str, dict[str, str]]:
    """The trainer's settings that are measured, by what they add."""
    found = {"the trainer, fp32": {"precision": "fp32"}, "the trainer": {"precision": "bf16"}}
    if options.compile or options.device.startswith("cuda"):
        found["the trainer, torch.compile"] = {"precision": "bf16", "compile": "default"}
    if options.device.startswith("cuda"):
        found["the trainer, CUDA graphs"] = {"precision": "bf16", "compile": "graphs"}
    return found


def measure(ways: dict[str, Way], updates: int, rounds: int) -> dict[str, float]:
    """The median rate of each way, all taking turns."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            seen[name].append(way(updates))
            print(f"round {number + 1}: {name}: {seen[name][-1]:.3g}/s", file=sys.stderr)
    return {name: statistics.median(rates) for name, rates in seen.items()}


def table(title: str, unit: str, found: dict[str, float], base: str) -> None:
    """The rates beside those of the first way, which is called ``base``."""
    first = next(iter(found.values()))
    print(f"\n| {title} | {unit} | times the {base} |\n|---|---|---|")
    for name, value in found.items():
        print(f"| {name} | {value:.3g} | {value / first:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    # On a GPU a few would be over in a moment, fed from what the plain loader has in stock.
    parser.add_argument(
        "--updates", type=int, help="of the pixel rows, in all rounds; 8 on a CPU, 400 on a GPU"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=2, help="of the plain loop")
    parser.add_argument(
        "--clock", choices=["wall", "processor"], default="wall", help="processor: on a busy CPU"
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile on a CPU too")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.clock == "processor":
        torch.set_num_threads(1)
    updates = options.updates or (400 if options.device.startswith("cuda") else 8)
    each = max(1, updates // options.rounds)

    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(options, Path(scratch))
        start = pretrain(
            replace(pixel_config(bench), validate_every=1),
            data=[options.data],
            out=bench.scratch / "start",
            device=options.device,
        )
        vgg = random_vgg19(bench.scratch / "vgg19.pth")

        def stepped(kind: type[SRResNet], *, channels_last: bool, bf16: bool) -> Step:
            return pixel_step(bench, kind, channels_last=channels_last, bf16=bf16)

        plain, ours = PlainGenerator, SRResNet
        pixel: dict[str, Way] = {
            "plain loop": bench.plain(stepped(plain, channels_last=False, bf16=False)),
            "fed from the pack": bench.fed_by_pack(stepped(plain, channels_last=False, bf16=False)),
            "… in channels_last": bench.fed_by_pack(stepped(plain, channels_last=True, bf16=False)),
            "… in bf16": bench.fed_by_pack(stepped(plain, channels_last=True, bf16=True)),
            "… tail before the shuffle, PReLU": bench.fed_by_pack(
                stepped(ours, channels_last=True, bf16=True)
            ),
        }
        gan: dict[str, Way] = {"plain loop": bench.plain(gan_step(bench))}
        for name, how in devices(options).items():
            pixel[name] = bench.trainer(pixel_config(bench, **how))
            gan[name] = bench.trainer(gan_config(bench, vgg, start, **how))
        if options.device == "cpu":  # slow, and the steps above say as much
            del pixel["the trainer, fp32"], gan["the trainer, fp32"]
        print(f"PyTorch {torch.__version__}, {options.device}, {torch.get_num_threads()} threads,")
        print(f"batch {bench.batch}, crops of {bench.crop} pixels, {options.rounds} rounds")
        print(f"seconds: {options.clock}")
        pixel_rates = measure(pixel, each, options.rounds)
        table("SRResNet-MSE", "updates/s", pixel_rates, "plain loop")
        loaders: dict[str, Way] = {
            "the fastest row": lambda _: max(pixel_rates.values()),
            "the trainer's loader": lambda n: bench.rate(bench.packed, n),
            "the plain loader": lambda n: _loader_rate(bench, n),
        }
        table("batches", "a second", measure(loaders, each * 8, options.rounds), "fastest row")
        gan_rates = measure(gan, max(1, each // 2), options.rounds)
        table("SRGAN-VGG54", "updates/s", gan_rates, "plain loop")


def _loader_rate(bench: Bench, updates: int) -> float:
    batches = bench.plain_loader()
    return bench.rate(lambda: next(batches), updates)


if __name__ == "__main__":
    main()
