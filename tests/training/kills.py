"""Kill a tiny GAN run with SIGKILL, or fail it, and resume it: it must end in the same bits.

    python tests/training/kills.py random [--kills 100] [--seed 0]
    python tests/training/kills.py points [ENOSPC|EIO] [--ever] [--step 1]

``random``: at random moments, with 0, 1 and 2 loader processes. ``points``: at the 1st, 2nd, 3rd …
file-changing call of the run (write, fsync, rename …); with an error's name the call fails instead.
After each, the checkpoint and weights files that exist must load, nothing half-written may be left
once the run is resumed, and weights, average, both optimisers, random state, counters and
validations must equal the unbroken run's. Needs Linux and a C compiler.
"""

import argparse
import ctypes
import errno
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from inference.killpoints import MEMORY, preloaded  # noqa: E402

CALLS = ("rename", "write", "fsync", "fdatasync", "pwrite", "unlink", "mkdir", "ftruncate", "close")


class Tiny:
    """The run that is broken, its data, and how the unbroken one ends."""

    def __init__(self, folder: Path, *, updates: int, every: int, workers: int) -> None:
        from srgan.training.config import GanConfig, PretrainConfig, build
        from srgan.training.pretrain import pretrain
        from training import tiny

        self.folder, self.out = folder, folder / "out"
        if not (folder / "photos").is_dir():
            (folder / "photos").mkdir(parents=True)
            tiny.make_pack(folder / "photos", folder / "pack")
            tiny.make_vgg(folder / "vgg.npz")
            first = build(PretrainConfig, tiny.PIXEL | {"updates": 1}, "recipe")
            pretrain(first, data=[folder / "pack"], out=folder / "start", device="cpu")
        table = tiny.gan(folder / "vgg.npz") | {
            "start": str(folder / "start" / "generator.safetensors"),
            "updates": updates,
            "checkpoint_every": every,
            "validate_every": updates // 2,
        }
        table["data"] = table["data"] | {"workers": workers}
        self.config = build(GanConfig, table, "recipe")
        self.updates = updates
        begun = time.monotonic()
        status, _ = ended(self.start())
        self.seconds = time.monotonic() - begun
        if status:
            raise SystemExit(f"the unbroken run failed: {(self.folder / 'errors').read_text()}")
        self.whole = self.end()

    def start(self, arm: Callable[[], None] = lambda: None, seen: Callable[[], int] = int) -> int:
        """Begin or resume the run in a forked child; its process id."""
        child = os.fork()
        if child:
            return child
        log = os.open(self.folder / "errors", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from srgan.errors import SRGANError
        from srgan.training.gan import train_gan

        status = 3
        resume = (self.out / "checkpoint.safetensors").exists()
        try:
            arm()
            train_gan(
                self.config,
                data=[self.folder / "pack"],
                out=self.out,
                device="cpu",
                resume=resume,
            )
            status = 0
        except SRGANError as error:
            print(error, file=sys.stderr)
            status = 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status + (16 if seen() else 0))

    def end(self) -> tuple[str, object]:
        """All that a run leaves which must not differ."""
        from training import tiny

        return tiny.digest(self.out), tiny.validations(self.out)

    def check(self) -> list[str]:
        """What is wrong with the files of a broken run."""
        from srgan.errors import SRGANError
        from srgan.training.checkpoint import load_checkpoint
        from srgan.weights.format import load_weights

        wrong = []
        try:
            if (self.out / "checkpoint.safetensors").exists():
                _, state = load_checkpoint(self.out / "checkpoint.safetensors")
                if not 0 < state["update"] <= self.updates:
                    wrong.append(f"checkpoint of update {state['update']}")
            for name in ("generator.safetensors", "best.safetensors"):
                if (self.out / name).exists():
                    load_weights(self.out / name)
        except SRGANError as error:
            wrong.append(str(error))
        return wrong

    def check_resumed(self) -> list[str]:
        """What is wrong once the run is brought to its end."""
        status, _ = ended(self.start())
        if status:
            return [f"resumed: status {status}: {(self.folder / 'errors').read_text()}"]
        wrong = [f"left over: {path.name}" for path in self.out.rglob(".srgan-*")]
        if self.end() != self.whole:
            wrong.append("ends in other bits than the unbroken run")
        return wrong


def ended(child: int) -> tuple[int, bool]:
    """A child's exit status (negative: its signal), and whether an armed fault came."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return (status, True) if status < 0 else (status % 16, status >= 16)


def at_random(folder: Path, kills: int, processes: list[int], seed: int) -> int:
    """Kill at random moments, sharing the kills out; how many runs were wrong."""
    draw = random.Random(seed)
    bad = 0
    for i, workers in enumerate(processes):
        tiny = Tiny(folder / str(workers), updates=24, every=3, workers=workers)
        wanted = kills * (i + 1) // len(processes) - kills * i // len(processes)
        done = runs = 0
        while done < wanted:
            shutil.rmtree(tiny.out, ignore_errors=True)
            runs += 1
            wrong: list[str] = []
            finished = False
            while not finished and done < wanted:
                child = tiny.start()
                time.sleep(draw.uniform(0.0, tiny.seconds))
                os.kill(child, signal.SIGKILL)
                status, _ = ended(child)
                done += status == -signal.SIGKILL
                finished = status != -signal.SIGKILL
                wrong += tiny.check()
            wrong += tiny.check_resumed() if not finished else []
            if finished and tiny.end() != tiny.whole:
                wrong.append("ends in other bits than the unbroken run")
            if wrong:
                bad += 1
                print("; ".join(wrong)[:2000], flush=True)
        print(f"{workers} loader processes: {done} kills of {runs} runs", flush=True)
    print(f"{kills} kills, {bad} bad")
    return bad


def at_points(folder: Path, faults: ctypes.CDLL, error: int, ever: bool, step: int) -> int:
    """Kill or fail at each file-changing call; how many points were wrong."""
    tiny = Tiny(folder, updates=4, every=2, workers=0)
    points = bad = 0
    for call in CALLS:
        n, found = 1, 0
        while True:
            shutil.rmtree(tiny.out, ignore_errors=True)
            status, came = ended(
                tiny.start(
                    lambda call=call, n=n: faults.faults_arm(call.encode(), n, error, ever),
                    lambda n=n: _disarm(faults, n),
                )
            )
            if not came:
                break
            wrong = tiny.check()
            if "Traceback" in (tiny.folder / "errors").read_text(errors="replace"):
                wrong.append((tiny.folder / "errors").read_text(errors="replace"))
            wrong += tiny.check_resumed()
            if wrong:
                bad += 1
                print(f"{call} {n} (status {status}): " + "; ".join(wrong)[:3000], flush=True)
            n, found = n + step, found + 1
        points += found
        print(f"{call}: {found} points", flush=True)
    print(f"{points} points, {bad} bad")
    return bad


def _disarm(faults: ctypes.CDLL, n: int) -> bool:
    came = faults.faults_seen() >= n
    faults.faults_arm(b"", 0, 0, 0)
    return came


def main() -> int:
    """All kills or points."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=["random", "points"])
    parser.add_argument("error", nargs="?", choices=["ENOSPC", "EIO", "EDQUOT"])
    parser.add_argument("--ever", action="store_true", help="all calls from the n-th on fail")
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--workers", type=int, nargs="*", default=[0, 1, 2], help="loader processes"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    faults = preloaded()
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        if options.how == "random":
            bad = at_random(Path(place), options.kills, options.workers, options.seed)
        else:
            error = getattr(errno, options.error) if options.error else 0
            bad = at_points(Path(place), faults, error, options.ever, options.step)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
