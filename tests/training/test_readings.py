"""Figures that come at once or one update late, and loops that end alike with either."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from srgan.errors import TrainingStopped
from srgan.training import pretrain as pretrain_module
from srgan.training import watch as watch_module
from srgan.training.config import GanConfig, PretrainConfig
from srgan.training.gan import train_gan
from srgan.training.pretrain import pretrain
from srgan.training.readings import Readings
from training.tiny import digest

BATCH = {"lr": torch.zeros(1)}


def _numbers(loss: float) -> torch.Tensor:
    return torch.tensor([loss, 2.0, 0.0, 1.0])


def test_at_once_each_update_is_there_before_the_next() -> None:
    readings = Readings(late=False)
    readings.add(1, ["pixel"], _numbers(5.0), BATCH)
    (reading,) = readings.ready(everything=False)
    assert (reading.update, reading.losses, reading.gradient) == (1, {"pixel": 5.0}, 2.0)
    assert reading.asked
    assert list(readings.ready(everything=True)) == []


def test_late_the_newest_is_held_back_with_a_batch_of_its_own() -> None:
    readings = Readings(late=True)
    batch = {"sr": torch.ones(1)}
    readings.add(1, ["pixel"], _numbers(5.0), batch)
    batch["sr"].zero_()  # as CUDA graphs do
    assert list(readings.ready(everything=False)) == []
    readings.add(2, ["pixel"], _numbers(6.0), batch)
    (reading,) = readings.ready(everything=False)
    assert reading.update == 1
    assert float(reading.batch["sr"]) == 1.0
    assert [r.update for r in readings.ready(everything=True)] == [2]


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "Readings", lambda late: Readings(late=True))


def test_late_figures_change_nothing_that_is_learnt(
    pack: Path,
    tmp_path: Path,
    pretrain_config: Callable[..., PretrainConfig],
    gan_config: Callable[..., GanConfig],
    request: pytest.FixtureRequest,
) -> None:
    start = pretrain(pretrain_config(), data=[pack], out=tmp_path / "p0", device="cpu")
    config = gan_config(start=str(start))
    train_gan(config, data=[pack], out=tmp_path / "g0", device="cpu")
    request.getfixturevalue("late")
    pretrain(pretrain_config(), data=[pack], out=tmp_path / "p1", device="cpu")
    train_gan(config, data=[pack], out=tmp_path / "g1", device="cpu")
    assert digest(tmp_path / "p0") == digest(tmp_path / "p1")
    assert digest(tmp_path / "g0") == digest(tmp_path / "g1")


@pytest.mark.usefixtures("late")
@pytest.mark.parametrize("ill", [3, 4])
def test_nothing_unsound_is_saved_though_it_is_seen_late(
    pack: Path,
    tmp_path: Path,
    pretrain_config: Callable[..., PretrainConfig],
    monkeypatch: pytest.MonkeyPatch,
    ill: int,
) -> None:
    distance, calls = pretrain_module.distance, iter(range(9))

    def fails(*arguments: object) -> torch.Tensor:
        factor = float("nan") if next(calls) == ill else 1.0  # call 0 is the pre-flight's
        return distance(*arguments) * factor  # type: ignore[arg-type]

    monkeypatch.setattr(pretrain_module, "distance", fails)
    with pytest.raises(TrainingStopped, match=f"update {ill}: the loss is nan"):
        pretrain(pretrain_config(), data=[pack], out=tmp_path, device="cpu")
    monkeypatch.setattr(pretrain_module, "distance", distance)
    pretrain(pretrain_config(), data=[pack], out=tmp_path, device="cpu", resume=True)
    pretrain(pretrain_config(), data=[pack], out=tmp_path / "whole", device="cpu")
    assert digest(tmp_path) == digest(tmp_path / "whole")


def test_compiled_loops_pass_their_own_pre_flight(
    pack: Path,
    tmp_path: Path,
    pretrain_config: Callable[..., PretrainConfig],
    gan_config: Callable[..., GanConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile, modes = torch.compile, []

    def traced(network: torch.nn.Module, mode: str) -> object:
        modes.append(mode)
        return compile(network, backend="aot_eager")  # all but the compiler itself

    monkeypatch.setattr(torch, "compile", traced)
    exact = {"precision": "fp32"}
    start = pretrain(pretrain_config(device=exact), data=[pack], out=tmp_path / "p0", device="cpu")
    plain = gan_config(start=str(start), device=exact)
    train_gan(plain, data=[pack], out=tmp_path / "g0", device="cpu")
    assert modes == []
    graphs = exact | {"compile": "graphs"}
    pretrain(pretrain_config(device=graphs), data=[pack], out=tmp_path / "p1", device="cpu")
    config = gan_config(start=str(start), device=graphs)
    train_gan(config, data=[pack], out=tmp_path / "g1", device="cpu")
    assert modes == ["reduce-overhead"] * 3  # a generator, then another and its discriminator
    for eager, compiled in (("p0", "p1"), ("g0", "g1")):
        wanted, found = (_losses(tmp_path / run) for run in (eager, compiled))
        assert found == pytest.approx(wanted, rel=1e-4)


def _losses(run: Path) -> dict[str, float]:
    """Those of the last update, but for LDL's, which hangs on the sign of tiny differences."""
    lines = (json.loads(line) for line in (run / "log.jsonl").read_text().splitlines())
    (losses,) = (line for line in lines if "rate" in line)
    return {name: losses[name] for name in losses if name not in ("rate", "artefacts")}
