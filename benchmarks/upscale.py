"""How fast `srgan upscale` is, beside what it can be and what is usual.

    python benchmarks/upscale.py photo.jpg --model srresnet --rounds 3

Each round times, one after the other on the same pixels:

    command   the whole of `srgan upscale`: start, decode, network, encode, write
    tiled     the network in the tiles that the command takes, warm, pixels in memory
    bare      the network in one piece on all cores, warm: what the silicon gives
    eager     a PyTorch script as most repositories ship it, whole: fp32, NCHW, one piece

and prints the median of each in seconds and in processor seconds (all threads together, which a
busy machine disturbs less), its rate in output megapixels a second, and the ratios of both.
"""

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import srgan

WAYS = ("command", "tiled", "bare", "eager")


def main() -> None:
    """Time each way, interleaved, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", default="srresnet", help="a name or a weights file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=1000, help="the photo is cut to its square")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--child", choices=WAYS[1:], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child = {"tiled": tiled, "bare": bare, "eager": eager}[arguments.child]
        print(json.dumps(child(arguments.photo, arguments.model, arguments.precision)))
        return
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        cut(arguments.photo, arguments.side, photo)
        compileall.compile_dir(Path(srgan.__file__).parent, quiet=1)  # as installing does
        table(photo, arguments)


def cut(source: Path, side: int, target: Path) -> None:
    """The photo's centre square, enlarged to the side where it is smaller, as JPEG."""
    image = Image.open(source).convert("RGB")
    least = min(image.size)
    left, top = (image.width - least) // 2, (image.height - least) // 2
    square = image.crop((left, top, left + least, top + least)).resize((side, side))
    square.save(target, quality=92)


def table(photo: Path, arguments: argparse.Namespace) -> None:
    """Run the rounds and print medians and ratios."""
    ways = [way for way in WAYS if way in arguments.ways.split(",")]
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    work: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way in ways:
            if way == "command":
                spent = command(photo, arguments.model, arguments.precision)
                note(way, spent, seconds, work)
                continue
            shared = ["--model", arguments.model, "--precision", arguments.precision]
            out = subprocess.run(
                [sys.executable, __file__, str(photo), "--child", way, *shared],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            note(way, json.loads(out), seconds, work)
    megapixels = 16 * arguments.side**2 / 1e6
    median = {way: statistics.median(times) for way, times in seconds.items()}
    effort = {way: statistics.median(times) for way, times in work.items()}
    print(f"{'':8} {'s':>8} {'fastest':>8} {'MP/s':>6} {'CPU s':>8}   {arguments.rounds} rounds")
    for way in ways:
        rate = megapixels / median[way]
        print(f"{way:8} {median[way]:8.2f} {min(seconds[way]):8.2f} {rate:6.2f} {effort[way]:8.2f}")
    for a, b, label in (
        (
            "bare",
            "command",
            "the command has {:.0%} of the bare network's rate, {:.0%} by CPU seconds",
        ),
        ("bare", "tiled", "tiles have {:.0%} of the rate of one piece, {:.0%} by CPU seconds"),
        (
            "eager",
            "command",
            "the command is {:.1f} times as fast as eager, {:.1f} by CPU seconds",
        ),
    ):
        if a in median and b in median:
            print(label.format(median[a] / median[b], effort[a] / effort[b]))


def note(
    way: str, spent: list[float], seconds: dict[str, list[float]], work: dict[str, list[float]]
) -> None:
    """Keep one measurement, and say it at once."""
    seconds[way].append(spent[0])
    work[way].append(spent[1])
    print(f"{way}: {spent[0]:.2f} s, {spent[1]:.2f} CPU s", file=sys.stderr, flush=True)


def command(photo: Path, model: str, precision: str) -> list[float]:
    """Seconds and CPU seconds of `srgan upscale` from its start to its end."""
    target = photo.with_name("out.jpg")
    target.unlink(missing_ok=True)
    start, before = time.perf_counter(), os.times()
    line = ["upscale", str(photo), "-o", str(target), "-m", model, "--precision", precision]
    command = [sys.executable, "-m", "srgan.cli.main", *line, "--quiet"]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""})
    seconds, after = time.perf_counter() - start, os.times()
    target.unlink()
    spent = after.children_user + after.children_system
    return [seconds, spent - before.children_user - before.children_system]


def tiled(photo: Path, model: str, precision: str) -> list[float]:
    """Seconds of the network in tiles, as the command runs it, the second time."""
    from srgan.inference.open import load
    from srgan.inference.upscale import upscale_strips

    upscaler = load(model, precision=precision)
    image = np.asarray(Image.open(photo))
    size = (4 * image.shape[0], 4 * image.shape[1])

    def run() -> None:
        for _ in upscale_strips(image, upscaler, size=size):
            pass

    return second(run)


def bare(photo: Path, model: str, precision: str) -> list[float]:
    """Seconds of the network alone on the picture in one piece, the second time."""
    from srgan.inference.open import load
    from srgan.inference.tiles import Tiled, as_float

    upscaler = load(model, precision=precision)
    assert isinstance(upscaler, Tiled)
    image = as_float(np.asarray(Image.open(photo)))
    return second(lambda: upscaler.upscaler(image))


def eager(photo: Path, model: str, precision: str) -> list[float]:
    """Seconds of the usual script: read, one forward pass in PyTorch, clip, write."""
    start = time.perf_counter() - time.process_time()  # with the interpreter's own start, about
    import torch

    from srgan.inference.open import find_weights
    from srgan.networks.build import build
    from srgan.weights.format import load_weights

    tensors, header = load_weights(find_weights(model))
    network = build(header.architecture, header.arguments).eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    low, high = header.output_range
    image = np.asarray(Image.open(photo))
    with torch.no_grad():
        batch = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
        out = ((network(batch) - low) / (high - low)).clamp(0, 1)
    pixels = (out[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(photo.with_name("eager.jpg"), quality=95)
    return [time.perf_counter() - start, time.process_time()]


def second(run: Callable[[], object]) -> list[float]:
    """Seconds and CPU seconds of the second call."""
    run()
    start, before = time.perf_counter(), time.process_time()
    run()
    return [time.perf_counter() - start, time.process_time() - before]


if __name__ == "__main__":
    main()
