"""Two processes over gloo train as one."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from srgan.errors import UsageError
from srgan.training.checkpoint import load_checkpoint
from srgan.training.config import PretrainConfig
from srgan.training.distributed import join
from srgan.training.pretrain import pretrain

CHILD = """
import json, sys
from pathlib import Path
from srgan.training.config import PretrainConfig, build
from srgan.training.pretrain import pretrain
config = build(PretrainConfig, json.loads(sys.argv[1]), "recipe")
pretrain(config, data=[Path(sys.argv[2])], out=Path(sys.argv[3]), device="cpu")
"""


def test_two_processes_learn_what_one_learns(
    pack: Path, tmp_path: Path, pretrain_config: Callable[..., PretrainConfig]
) -> None:
    config = pretrain_config(updates=4, device={"precision": "fp32", "deterministic": True})
    pretrain(config, data=[pack], out=tmp_path / "one", device="cpu")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    table = json.dumps({k: v for k, v in asdict(config).items() if v is not None})
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, table, str(pack), str(tmp_path / "two")],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]
    assert [process.wait(timeout=250) for process in processes] == [0, 0]
    one, first = load_checkpoint(tmp_path / "one" / "checkpoint.safetensors")
    two, second = load_checkpoint(tmp_path / "two" / "checkpoint.safetensors")
    assert first["update"] == second["update"] == 4
    for name, tensor in one.items():
        if name.startswith(("generator.", "average.")):
            assert torch.allclose(tensor, two[name], atol=2e-5), name


def test_a_gpu_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="sees no GPU here; use --device cpu"):
        join("cuda")
    assert join("auto").device.type == "cpu"
