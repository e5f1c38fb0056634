"""Full disks, no memory, dead loader processes: one line each, and the run goes on from there."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch._dynamo.exc import InternalTorchDynamoError

from srgan.errors import DataRefused, OutputFailed, TrainingStopped
from srgan.image.atomic import alone
from srgan.training import data as data_module
from srgan.training import pretrain as pretrain_module
from srgan.training.config import PretrainConfig
from srgan.training.faults import explained
from srgan.training.packing import Pack, prepare
from srgan.training.pretrain import pretrain
from training.tiny import PIXEL, digest, write_photos

Pixel = Callable[..., PretrainConfig]
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits and signals")

LIMITED = """
import resource, sys
from pathlib import Path
from training.tiny import PIXEL
from srgan.training.config import PretrainConfig, build
from srgan.training.pretrain import pretrain
import torch, torch.utils.tensorboard, matplotlib.figure
torch.set_num_threads(1)
kind, value, batch, data, out = sys.argv[1:]
if kind == "file":
    limit = int(value)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
else:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + int(value)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
table = PIXEL | {"data": PIXEL["data"] | {"batch": int(batch)}}
resume = Path(out, "checkpoint.safetensors").exists()
try:
    pretrain(
        build(PretrainConfig, table, "r"), data=[Path(data)], out=Path(out), device="cpu",
        resume=resume,
    )
except Exception as error:
    print(type(error).__name__, error)
"""


def limited(kind: str, value: int, pack: Path, out: Path, *, batch: int = 2) -> str:
    """What a run in a process of its own says under a limit."""
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([*sys.path, tests])
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, kind, str(value), str(batch), str(pack), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=250,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout


@posix
def test_without_room_the_last_checkpoint_is_kept_and_resumed(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    pretrain(pretrain_config(), data=[pack], out=whole, device="cpu")
    follow, calls = pretrain_module.follow, iter(range(9))

    def breaks(*arguments: object) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt
        follow(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(pretrain_module, "follow", breaks)
    with pytest.raises(KeyboardInterrupt):  # after the first checkpoint
        pretrain(pretrain_config(), data=[pack], out=broken, device="cpu")
    monkeypatch.setattr(pretrain_module, "follow", follow)
    last = (broken / "checkpoint.safetensors").read_bytes()
    said = limited("file", 20_000, pack, broken)
    assert said.startswith("OutputFailed ")
    assert said.endswith("make room, then --resume from the last checkpoint\n")
    assert said.count("\n") == 1
    assert (broken / "checkpoint.safetensors").read_bytes() == last
    pretrain(pretrain_config(), data=[pack], out=broken, device="cpu", resume=True)
    assert digest(broken) == digest(whole)
    assert not list(broken.rglob(".srgan-*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(
    pack: Path, tmp_path: Path, small_disk: Path, pretrain_config: Pixel
) -> None:
    def train(out: Path, updates: int, *, resume: bool = False) -> None:
        config = pretrain_config(updates=updates, validate_every=2)
        pretrain(config, data=[pack], out=out, device="cpu", resume=resume)

    train(tmp_path / "whole", 4)
    train(small_disk / "run", 2)
    checkpoint = small_disk / "run" / "checkpoint.safetensors"
    last = checkpoint.read_bytes()
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    (small_disk / "ballast").write_bytes(bytes(free - 12_288))
    with pytest.raises(OutputFailed, match="No space left on device; make room, then --resume"):
        train(small_disk / "run", 4, resume=True)
    assert checkpoint.read_bytes() == last
    (small_disk / "ballast").unlink()
    train(small_disk / "run", 4, resume=True)
    assert digest(small_disk / "run") == digest(tmp_path / "whole")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_without_memory_the_setting_to_lower_is_named(pack: Path, tmp_path: Path) -> None:
    said = limited("memory", 100_000_000, pack, tmp_path / "run", batch=20_000)
    assert said.startswith("TrainingStopped out of memory: lower data.batch or data.crop")
    assert said.count("\n") == 1


def test_a_gpu_without_memory_is_the_same(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain(pretrain_config(updates=2), data=[pack], out=tmp_path, device="cpu")

    def full(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore.")

    monkeypatch.setattr(pretrain_module, "distance", full)
    with pytest.raises(TrainingStopped, match=r"data\.batch=8.* then --resume") as caught:
        pretrain(pretrain_config(), data=[pack], out=tmp_path, device="cpu", resume=True)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(
    multiprocessing.get_start_method() != "fork", reason="what is patched reaches only forks"
)
@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_a_loader_process_that_dies_or_hangs(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    here = os.getpid()
    draw = data_module.Crops.batch

    def fails(crops: data_module.Crops, first: int, count: int) -> torch.Tensor:
        if os.getpid() != here and first >= 6:  # update 3 and later
            if how == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
        return draw(crops, first, count)

    config = pretrain_config(data=PIXEL["data"] | {"workers": 1})
    pretrain(config, data=[pack], out=tmp_path / "whole", device="cpu")
    with monkeypatch.context() as patch:
        patch.setattr(data_module.Crops, "batch", fails)
        patch.setattr(data_module, "WORKER_TIMEOUT_S", 5.0 if how == "hangs" else 200.0)
        with pytest.raises(TrainingStopped, match="a loader process died or stood") as caught:
            pretrain(config, data=[pack], out=tmp_path / "run", device="cpu")
    assert "\n" not in str(caught.value)
    resume = (tmp_path / "run" / "checkpoint.safetensors").exists()
    pretrain(config, data=[pack], out=tmp_path / "run", device="cpu", resume=resume)
    assert digest(tmp_path / "run") == digest(tmp_path / "whole")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "lower data.batch"),
        (RuntimeError("CUDA error: the launch timed out\nMore."), r"GPU failed \(.*out\): .*smi"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "the GPU failed"),
        (
            RuntimeError("CUDA error: operation not permitted when stream is capturing"),
            "compile=default",
        ),
        (
            RuntimeError("Error: accessing tensor output of CUDAGraphs that has been overwritten"),
            "compile=default",
        ),
        (InternalTorchDynamoError("no compiler"), r"fails here \(no compiler\): .*compile=off"),
    ],
)
def test_what_only_a_gpu_or_a_compiler_says(error: Exception, said: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingStopped, match=said):
        raise explained(error, tmp_path) or error


def test_what_is_no_such_fault_is_left_alone(tmp_path: Path) -> None:
    assert explained(ValueError("a mistake"), tmp_path) is None
    assert explained(RuntimeError("shapes differ"), tmp_path) is None
    assert explained(TrainingStopped("update 3: the loss is nan"), tmp_path) is None
    assert isinstance(explained(OSError(28, "full"), tmp_path), OutputFailed)


def test_a_dead_peer_is_only_blamed_where_there_are_peers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    assert explained(closed, tmp_path) is None
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "another process of this training ended" in str(explained(closed, tmp_path))


def test_a_tenth_of_a_folder_damaged_costs_just_those(
    tmp_path: Path, pretrain_config: Pixel
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    write_photos(photos)
    good = (photos / "0.png").read_bytes()
    draw = np.random.default_rng(5)
    for i in range(4, 40):
        pixels = draw.integers(0, 256, (8, 9, 3), dtype=np.uint8)
        large = Image.fromarray(pixels).resize((72, 64), Image.Resampling.BICUBIC)
        large.save(photos / f"{i:02}.{'png' if i % 2 else 'jpg'}")
    (photos / "07.png").write_bytes(good[: len(good) // 2])
    (photos / "19.png").write_bytes(b"")
    (photos / "22.jpg").write_text("no picture at all")
    (photos / "31.png").write_bytes(bytes(5000))
    (photos / "12.jpg").write_bytes(good)  # wrong suffix, but a picture
    made = prepare([photos], tmp_path / "pack", smallest=32)
    assert made.photos == 36
    reasons = dict(made.quarantined)
    assert set(reasons) == {"07.png", "19.png", "22.jpg", "31.png"}
    assert all(reason and "\n" not in reason for reason in reasons.values())
    assert "empty" in reasons["19.png"]
    pretrain(pretrain_config(), data=[tmp_path / "pack"], out=tmp_path / "run", device="cpu")


@posix
def test_no_two_runs_are_in_one_folder_at_once(
    pack: Path, tmp_path: Path, pretrain_config: Pixel
) -> None:
    with (
        alone(tmp_path / "run", doing="trains"),
        pytest.raises(OutputFailed, match="run: another process trains in it; wait"),
    ):
        pretrain(pretrain_config(), data=[pack], out=tmp_path / "run", device="cpu")
    assert pretrain(pretrain_config(), data=[pack], out=tmp_path / "run", device="cpu").exists()


def test_photos_added_after_a_refusal_are_seen(
    tmp_path: Path, pretrain_config: Pixel, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        Image.new("RGB", (140, 130), (60 * i, 90, 30)).save(photos / f"{i}.png")
    config = pretrain_config(data=PIXEL["data"] | {"held_out": 3})
    with pytest.raises(DataRefused, match="add photos or set"):
        pretrain(config, data=[photos], out=tmp_path / "run", device="cpu")
    draw = np.random.default_rng(0).integers(0, 256, (130, 140, 3), dtype=np.uint8)
    Image.fromarray(draw).save(photos / "more.png")
    pretrain(config, data=[photos], out=tmp_path / "run", device="cpu")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("cut", r"pixels\.u8 holds 69119 bytes, not the 69120 of index\.json"),
        ("offset", "photo 1 is not where the one before it ends"),
        ("negative", "photo 0 is wrong"),
        ("text", "photo 2 is wrong"),
        ("key", "unexpected keyword"),
        ("none", "holds 69120 bytes, not the 0"),
        ("half", "not a whole pack"),
        ("gone", "No such file"),
    ],
)
def test_a_damaged_pack_is_refused_in_one_line(
    pack: Path, tmp_path: Path, damage: str, said: str
) -> None:
    pixels, index = (pack / "pixels.u8").read_bytes(), (pack / "index.json").read_text()
    changes = {
        "offset": ('"offset": 17280', '"offset": 17281'),
        "negative": ('"height": 72', '"height": -72'),
        "text": ('"offset": 34560', '"offset": "34560"'),
        "key": ('"width"', '"breadth"'),
    }
    if damage in changes:
        index = index.replace(*changes[damage], 1)
    (tmp_path / "pixels.u8").write_bytes(pixels[:-1] if damage == "cut" else pixels)
    if damage == "none":
        index = '{"photos": []}'
    (tmp_path / "index.json").write_text(index[:100] if damage == "half" else index)
    if damage == "gone":
        (tmp_path / "pixels.u8").unlink()
    with pytest.raises(DataRefused, match=said) as caught:
        Pack(tmp_path)
    assert "\n" not in str(caught.value)
