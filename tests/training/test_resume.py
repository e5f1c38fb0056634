"""Killed at any moment and resumed, a run ends in the same bits as an unbroken one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from srgan.errors import OutputFailed, TrainingStopped, UsageError
from srgan.metrics.stlpips import available
from srgan.networks.srresnet import SRResNet
from srgan.training import pretrain as pretrain_module
from srgan.training import watch as watch_module
from srgan.training.checkpoint import load_checkpoint, save_checkpoint
from srgan.training.config import GanConfig, PretrainConfig
from srgan.training.gan import train_gan
from srgan.training.pretrain import pretrain
from srgan.training.validation import Scores
from srgan.weights.format import read_header
from training.tiny import PIXEL, digest

Gan = Callable[..., GanConfig]
Pixel = Callable[..., PretrainConfig]

CHILD = """
import json, sys, torch
from pathlib import Path
from srgan.training.config import GanConfig, PretrainConfig, build
from srgan.training.gan import train_gan
from srgan.training.pretrain import pretrain
torch.set_num_threads(1)
table, data, out = json.loads(sys.argv[1]), [Path(sys.argv[2])], Path(sys.argv[3])
resume = (out / "checkpoint.safetensors").exists()
if table["kind"] == "gan":
    train_gan(build(GanConfig, table, "r"), data=data, out=out, device="cpu", resume=resume)
else:
    pretrain(build(PretrainConfig, table, "r"), data=data, out=out, device="cpu", resume=resume)
"""


def child(config: PretrainConfig | GanConfig, pack: Path, out: Path) -> subprocess.Popen[bytes]:
    """The run in a process of its own."""
    table = {k: v for k, v in asdict(config).items() if v is not None}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps(table), str(pack), str(out)],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[bytes], path: Path) -> None:
    """Until the file is there or the process has ended."""
    while process.poll() is None and not path.exists():
        time.sleep(0.005)


@pytest.fixture
def start(pack: Path, tmp_path: Path, pretrain_config: Pixel) -> Path:
    return pretrain(pretrain_config(updates=1), data=[pack], out=tmp_path / "start", device="cpu")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_gan_killed_at_random_ends_in_the_same_bits(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan, workers: int
) -> None:
    data = {"crop": 32, "batch": 2, "held_out": 1, "workers": workers}
    config = gan_config(
        start=str(start), data=data, updates=24, checkpoint_every=3, validate_every=12
    )
    whole = child(config, pack, tmp_path / "whole")
    assert whole.wait(timeout=200) == 0, whole.stderr.read().decode()  # type: ignore[union-attr]
    broken = tmp_path / "broken"
    draw = random.Random(workers)
    for _ in range(2):
        process = child(config, pack, broken)
        wait_for(process, broken / "checkpoint.safetensors")
        time.sleep(draw.uniform(0.0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    final = child(config, pack, broken)
    assert final.wait(timeout=200) == 0, final.stderr.read().decode()  # type: ignore[union-attr]
    assert digest(broken) == digest(tmp_path / "whole")
    logs = [
        [
            {k: v for k, v in json.loads(line).items() if k != "rate"}
            for line in (run / "log.jsonl").read_text().splitlines()
            if "psnr_y" in line
        ]
        for run in (broken, tmp_path / "whole")
    ]
    assert logs[0] == logs[1]


def test_a_pixel_run_stopped_between_saves_repeats_its_updates(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = pretrain_config(updates=6, generator={"channels": 4, "blocks": 1, "batch_norm": True})
    pretrain(config, data=[pack], out=tmp_path / "whole", device="cpu")

    calls = 0
    follow = pretrain_module.follow

    def breaks(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        follow(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(pretrain_module, "follow", breaks)
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, data=[pack], out=tmp_path / "broken", device="cpu")
    pretrain(config, data=[pack], out=tmp_path / "broken", device="cpu", resume=True)
    assert digest(tmp_path / "broken") == digest(tmp_path / "whole")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGTERM, 0), (signal.SIGTERM, 2), (signal.SIGINT, 0), (signal.SIGINT, 1)],
)
def test_a_signal_saves_and_ends(
    number: signal.Signals, workers: int, pack: Path, tmp_path: Path, pretrain_config: Pixel
) -> None:
    config = pretrain_config(
        updates=100000,
        checkpoint_every=100000,
        validate_every=100000,
        data=PIXEL["data"] | {"workers": workers},
    )
    config_out = tmp_path / "run"
    process = child(config, pack, config_out)
    wait_for(process, config_out / "log.jsonl")
    time.sleep(1.0)
    os.killpg(process.pid, number)  # a terminal or a scheduler sends it to all
    assert process.wait(timeout=120) == 128 + number
    assert process.stderr is not None
    assert b"--resume goes on" in process.stderr.read()
    _, state = load_checkpoint(config_out / "checkpoint.safetensors")
    assert state["update"] >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which files are mapped")
def test_a_checkpoint_that_is_loaded_is_held_no_more(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, {"a": torch.ones(3)}, {"update": 1})
    tensors, _ = load_checkpoint(path)  # Windows refuses to replace it else
    assert str(path) not in Path("/proc/self/maps").read_text(encoding="utf-8")
    assert tensors["a"].tolist() == [1.0] * 3


def test_a_full_disk_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, {}, {"update": 1})
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputFailed, match="No space left"):
        save_checkpoint(path, {}, {"update": 2})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_best_of_other_pictures_is_found_anew(
    pack: Path, tmp_path: Path, pretrain_config: Pixel
) -> None:
    run, harder = tmp_path / "run", tmp_path / "harder"
    harder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(harder / "noise.png")

    def best(updates: int, *, resume: bool = True, **changes: object) -> object:
        config = pretrain_config(updates=updates, **changes)
        pretrain(config, data=[pack], out=run, device="cpu", resume=resume)
        return read_header(run / "best.safetensors").card["updates"]

    assert best(1, resume=False) == 1
    assert best(2, validation=str(harder)) == 2
    assert best(3, validation=str(harder), degradation={"clean": 0.0}) == 3


# By PSNR the first update is the best, by the perceptual measure the second.
SCORES = {
    1: Scores(psnr_y=20.0, ssim_y=0.5, lr_consistency=30.0, perceptual=0.3),
    2: Scores(psnr_y=19.0, ssim_y=0.5, lr_consistency=30.0, perceptual=0.1),
    3: Scores(psnr_y=18.0, ssim_y=0.5, lr_consistency=30.0, perceptual=0.2),
}


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation gives :data:`SCORES`, by update."""
    score = watch_module.Watch.score

    def scores(self: watch_module.Watch, update: int, average: SRResNet) -> None:
        monkeypatch.setattr(watch_module, "validate", lambda *_, **__: (SCORES[update], []))
        score(self, update, average)

    monkeypatch.setattr(watch_module.Watch, "score", scores)


def best(run: Path) -> int:
    """The update that the best weights are of."""
    return int(read_header(run / "best.safetensors").card["updates"])


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize(
    ("asked", "found"), [({}, 1), ({"best": "psnr"}, 1), ({"best": "perceptual"}, 2)]
)
def test_a_pixel_run_keeps_the_best_by_the_measure_it_names(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, asked: dict[str, str], found: int
) -> None:
    if asked == {"best": "perceptual"} and not available():
        pytest.skip("needs the extra srgan[metrics]")
    config = pretrain_config(updates=3, validate_every=1, **asked)
    pretrain(config, data=[pack], out=tmp_path / "run", device="cpu")
    assert best(tmp_path / "run") == found


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize(("asked", "found"), [({}, 2), ({"best": "psnr"}, 1)])
@pytest.mark.parametrize("installed", [True, False])
def test_a_gan_keeps_the_best_by_the_measure_it_names(
    pack: Path,
    tmp_path: Path,
    start: Path,
    gan_config: Gan,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, str],
    found: int,
    installed: bool,
) -> None:
    monkeypatch.setattr(watch_module, "available", lambda: installed)  # else VGG takes its place
    config = gan_config(start=str(start), updates=3, validate_every=1, **asked)
    train_gan(config, data=[pack], out=tmp_path / "run", device="cpu")
    assert best(tmp_path / "run") == found
    _, state = load_checkpoint(tmp_path / "run" / "checkpoint.safetensors")
    wanted = "psnr" if asked else "stlpips" if installed else "VGG16 conv1_1"
    assert state["best_by"].startswith(wanted)


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(("then", "found"), [("psnr", 1), ("perceptual", 3)])
def test_the_best_by_another_measure_is_found_anew(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, old: bool, then: str, found: int
) -> None:
    if not available():
        pytest.skip("needs the extra srgan[metrics]")
    run = tmp_path / "run"
    pretrain(pretrain_config(updates=2, validate_every=1), data=[pack], out=run, device="cpu")
    if old:  # as runs of before wrote it
        tensors, state = load_checkpoint(run / "checkpoint.safetensors")
        del state["best_by"]
        save_checkpoint(run / "checkpoint.safetensors", tensors, state)
    config = pretrain_config(updates=3, validate_every=1, best=then)
    pretrain(config, data=[pack], out=run, device="cpu", resume=True)
    assert best(run) == found


def test_a_measure_that_is_not_installed_is_refused_before_the_run(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrain_module, "available", lambda: False)
    with pytest.raises(UsageError, match=r"recipe.best = 'perceptual'.*srgan\[metrics\]"):
        pretrain(pretrain_config(best="perceptual"), data=[pack], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_runs_are_not_overwritten_nor_resumed_from_nothing(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, gan_config: Gan
) -> None:
    run = tmp_path / "run"
    with pytest.raises(TrainingStopped, match="no checkpoint to resume"):
        pretrain(pretrain_config(), data=[pack], out=run, resume=True)
    pretrain(pretrain_config(updates=1), data=[pack], out=run, device="cpu")
    assert {p.name for p in run.iterdir()} >= {"best.safetensors", "run.png", "samples"}
    with pytest.raises(UsageError, match="holds a run already"):
        pretrain(pretrain_config(), data=[pack], out=run)
    with pytest.raises(UsageError, match="no such kind of device"):
        pretrain(pretrain_config(), data=[pack], out=tmp_path / "b", device="warp")
    pretrain(pretrain_config(updates=2), data=[pack], out=run, device="cpu", resume=True)
    with pytest.raises(UsageError, match="updates = 1: the run is at update 2 already; set more"):
        pretrain(pretrain_config(updates=1), data=[pack], out=run, device="cpu", resume=True)
    (run / "checkpoint.safetensors").write_bytes(b"rubbish")
    with pytest.raises(TrainingStopped, match="not a checkpoint"):
        pretrain(pretrain_config(), data=[pack], out=run, device="cpu", resume=True)
    with pytest.raises(UsageError, match="--set start"):
        train_gan(gan_config(), data=[pack], out=tmp_path / "c")


def test_a_run_on_the_cpu_leaves_the_gpu_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*state: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", full)
    monkeypatch.setattr(torch.cuda, "set_rng_state", full)
    save_checkpoint(tmp_path / "c", {"rng.cuda": torch.zeros(16, dtype=torch.uint8)}, {"update": 1})
    assert load_checkpoint(tmp_path / "c")[1] == {"update": 1}
