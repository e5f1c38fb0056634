"""Two processes over gloo train as one."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from srgan.cli.train import train
from srgan.errors import UsageError
from srgan.training.checkpoint import load_checkpoint
from srgan.training.config import PretrainConfig
from srgan.training.distributed import Processes, join, ratio_of_means
from srgan.training.pretrain import pretrain
from training.tiny import digest

CHILD = """
import json, os, sys, time, torch
from pathlib import Path
from srgan.errors import SRGANError
from srgan.training.config import PretrainConfig, build
from srgan.training.log import RunLog
from srgan.training.pretrain import pretrain
torch.set_num_threads(1)
config = build(PretrainConfig, json.loads(sys.argv[1]), "recipe")
out, hold = Path(sys.argv[3]), Path(sys.argv[4])

def losses(log, update, values):  # the fifth update tells that it is reached, and waits
    while update == 5 and not hold.exists():
        hold.with_name(f"{hold.name}-{os.environ['RANK']}").touch()
        time.sleep(0.01)
    note(log, update, values)

note, RunLog.losses = RunLog.losses, losses
resume = (out / "checkpoint.safetensors").exists()
try:
    pretrain(config, data=[Path(sys.argv[2])], out=out, device="cpu", resume=resume)
except SRGANError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
"""


def two(
    config: PretrainConfig, pack: Path, out: Path, *, hold: Path | None = None
) -> list[subprocess.Popen[str]]:
    """Both processes of a run, as torchrun starts them; they wait for the file ``hold``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    table = json.dumps({k: v for k, v in asdict(config).items() if v is not None})
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    return [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, table, str(pack), str(out), str(hold or pack)],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]


def test_two_processes_learn_what_one_learns(
    pack: Path, tmp_path: Path, pretrain_config: Callable[..., PretrainConfig]
) -> None:
    config = pretrain_config(updates=4, device={"precision": "fp32", "deterministic": True})
    pretrain(config, data=[pack], out=tmp_path / "one", device="cpu")
    for process in two(config, pack, tmp_path / "two"):
        _, said = process.communicate(timeout=250)
        assert process.returncode == 0, said
    one, first = load_checkpoint(tmp_path / "one" / "checkpoint.safetensors")
    both, second = load_checkpoint(tmp_path / "two" / "checkpoint.safetensors")
    assert first["update"] == second["update"] == 4
    for name, tensor in one.items():
        if name.startswith(("generator.", "average.")):
            assert torch.allclose(tensor, both[name], atol=2e-5), name


def test_a_ratio_of_two_losses_is_that_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    other = torch.tensor([3.0, 2.0])  # the other process's share of both
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda values: values.add_(other))
    alone, one_of_two = (Processes(0, world, torch.device("cpu")) for world in (1, 2))
    assert float(ratio_of_means(torch.tensor(1.0), torch.tensor(2.0), one_of_two)) == 1.0
    assert float(ratio_of_means(torch.tensor(1.0), torch.tensor(2.0), alone)) == 0.5


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_one_of_two_killed_ends_both_and_the_resumed_run_is_the_unbroken_one(
    pack: Path, tmp_path: Path, pretrain_config: Callable[..., PretrainConfig]
) -> None:
    config = pretrain_config(updates=7, checkpoint_every=2, validate_every=7)
    for process in two(config, pack, tmp_path / "whole"):
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    broken = tmp_path / "broken"
    for victim in (1, 0):
        hold, reached = tmp_path / f"hold{victim}", tmp_path / f"hold{victim}-0"
        processes = two(config, pack, broken, hold=hold)
        while not reached.exists():
            assert [process.poll() for process in processes] == [None, None]
            time.sleep(0.01)
        processes[victim].kill()
        processes[victim].communicate(timeout=60)
        hold.touch()
        _, said = processes[1 - victim].communicate(timeout=300)
        assert processes[1 - victim].returncode == 1, said
        lines = [line for line in said.splitlines() if "another process of this training" in line]
        assert len(lines) == 1
        assert lines[0].endswith("then --resume from the last checkpoint")
        assert "Traceback" not in said
    for process in two(config, pack, broken):
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert digest(broken) == digest(tmp_path / "whole")


@pytest.mark.parametrize(("rank", "said"), [("0", "generator.safetensors\n"), ("1", "")])
def test_one_process_says_where_the_weights_are(
    rank: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = Path("generator.safetensors")
    monkeypatch.setattr("srgan.training.pretrain.pretrain", lambda config, **asked: weights)
    monkeypatch.setenv("RANK", rank)
    recipe = Path(__file__).resolve().parents[2] / "recipes" / "srresnet.toml"
    train(recipe, data=[], out=Path("run"), device="cpu")
    assert capsys.readouterr().out == said


def test_a_gpu_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="sees no GPU here; use --device cpu"):
        join("cuda")
    assert join("auto").device.type == "cpu"


def test_the_gpu_asked_for_is_made_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    assert join("cuda:1").device == torch.device("cuda:1")
    assert current == [torch.device("cuda:1")]
    assert join("cuda").device == torch.device("cuda")
    with pytest.raises(UsageError, match="--device cuda:2: there are 2 GPUs, counted from 0"):
        join("cuda:2")


def test_more_processes_than_gpus_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(UsageError, match="process 1 of torchrun: there are 1 GPUs"):
        join("auto")


@pytest.mark.parametrize(
    ("nccl", "backend", "bound"), [(True, "nccl", torch.device("cuda:1")), (False, "gloo", None)]
)
def test_nccl_is_told_each_processs_gpu_before_the_first_barrier(
    nccl: bool, backend: str, bound: torch.device | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, object]] = []

    def begin(backend: str, *, device_id: torch.device | None, **more: object) -> None:
        calls.append((backend, device_id))

    for name, stand_in in {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "set_device": lambda device: calls.append(("current", device)),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: nccl)
    monkeypatch.setattr(torch.distributed, "init_process_group", begin)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert join("cuda") == Processes(1, 2, torch.device("cuda:1"))
    assert calls == [("current", torch.device("cuda:1")), (backend, bound)]


def test_a_kind_of_device_that_training_does_not_know() -> None:
    with pytest.raises(UsageError, match="--device meta: training knows cpu, cuda and mps"):
        join("meta")
