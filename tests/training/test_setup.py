"""In which precision a recipe's convolutions run, what memory it keeps, how it is told to end."""

import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest
import torch

from srgan.training import setup
from srgan.training.config import PretrainConfig
from srgan.training.setup import Termination, narrow, set_up


@pytest.mark.parametrize(
    ("asked", "kind", "fast", "bf16"),
    [
        ("auto", "cpu", True, True),
        ("auto", "cpu", False, False),
        ("auto", "cuda", True, True),
        ("auto", "cuda", False, False),
        ("auto", "mps", True, False),
        ("bf16", "cpu", False, True),
        ("fp32", "cuda", True, False),
    ],
)
def test_auto_is_bf16_where_that_is_faster(
    asked: str,
    kind: str,
    fast: bool,
    bf16: bool,
    pretrain_config: Callable[..., PretrainConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(setup, "fast_bf16", lambda: fast)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: fast)
    config = pretrain_config(device={"precision": asked})
    assert narrow(config, torch.device(kind)) is bf16


def test_bf16_is_not_emulated(
    pretrain_config: Callable[..., PretrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "fast_bf16", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert narrow(pretrain_config(), torch.device("cpu")) is False


def test_a_second_ctrl_c_ends_at_once_but_not_torchruns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.2, 12.0])
    monkeypatch.setattr(setup.time, "monotonic", lambda: next(clock))
    termination = Termination()
    termination.note(signal.SIGINT, None)
    termination.note(signal.SIGINT, None)
    assert termination.asked
    assert termination.status == 130
    with pytest.raises(KeyboardInterrupt):
        termination.note(signal.SIGINT, None)


def test_fp32_is_no_tf32(
    pack: Path, tmp_path: Path, pretrain_config: Callable[..., PretrainConfig]
) -> None:
    for precision, tf32 in (("fp32", False), ("auto", True)):
        config = pretrain_config(device={"precision": precision})
        set_up(config, data=[pack], out=tmp_path, device="cpu", resume=False)
        assert torch.backends.cudnn.allow_tf32 is tf32


_FREED = """
import sys
import torch
from srgan.training.setup import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
tensor = torch.ones(50_000_000)
del tensor
with open("/proc/self/status") as status:
    print(next(line for line in status if line.startswith("VmRSS:")).split()[1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_kept() -> None:
    kept, usual = (
        int(subprocess.run([sys.executable, "-c", _FREED, how], check=True, stdout=PIPE).stdout)
        for how in ("kept", "usual")
    )
    assert kept - usual > 180_000  # of 200 MB, in KiB
