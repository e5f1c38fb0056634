"""In which precision a recipe's convolutions run, and how a run is told to end."""

import signal
from collections.abc import Callable
from pathlib import Path

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
