"""Pre-flight and flight recorder: each fault is caught and named."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from srgan.degradation.pipeline import Degradation, degrade
from srgan.errors import TrainingStopped
from srgan.networks.srresnet import SRResNet
from srgan.training import pretrain as pretrain_module
from srgan.training.config import PretrainConfig
from srgan.training.data import Batches, Crops, Downscale
from srgan.training.flight import FlightRecorder, gradient_norm, mismatched_pairs
from srgan.training.packing import Pack, prepare
from srgan.training.preflight import SAMPLES, check_batch, check_losses
from training.tiny import PIXEL, write_photos

SEEDED = torch.Generator().manual_seed(0)
PAIR = {"lr": torch.rand(1, 3, 4, 4)}


def test_a_loss_that_is_no_number_stops_and_its_batch_is_written_down(tmp_path: Path) -> None:
    flight = FlightRecorder(tmp_path)
    flight.check(1, {"pixel": 0.1}, PAIR)
    with pytest.raises(TrainingStopped, match="update 2: the content is nan") as caught:
        flight.check(2, {"pixel": 0.1, "content": math.nan}, PAIR)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("then start again")
    (tmp_path / "checkpoint.safetensors").touch()
    with pytest.raises(TrainingStopped, match=r"last checkpoint is kept: .* then --resume"):
        flight.check(3, {"pixel": math.inf}, PAIR)
    assert torch.equal(load_file(tmp_path / "flight" / "2.safetensors")["lr"], PAIR["lr"])


@pytest.mark.parametrize(("loss", "state"), [(1e-6, "right"), (30.0, "wrong")])
def test_a_dead_discriminator_stops_after_a_window(tmp_path: Path, loss: float, state: str) -> None:
    flight = FlightRecorder(tmp_path, window=5)
    flight.check(0, {"discriminator": 1.0}, PAIR)
    for update in range(1, 5):
        flight.check(update, {"discriminator": loss}, PAIR)
    with pytest.raises(TrainingStopped, match=f"always {state} for 5 updates"):
        flight.check(5, {"discriminator": loss}, PAIR)


def test_a_silent_or_exploded_generator_stops(tmp_path: Path) -> None:
    flight = FlightRecorder(tmp_path, window=3)
    flight.check_generator(1, 0.0, {}, PAIR)
    flight.check_generator(2, 1.0, {}, PAIR)
    flight.check_generator(3, 0.0, {}, PAIR)
    flight.check_generator(4, 0.0, {}, PAIR)
    with pytest.raises(TrainingStopped, match="no gradient for 3 updates"):
        flight.check_generator(5, 0.0, {}, PAIR)
    with pytest.raises(TrainingStopped, match="gradient is inf"):
        flight.check_generator(6, math.inf, {}, PAIR)


def test_a_pair_of_two_photos_is_counted_and_stops(tmp_path: Path) -> None:
    hr = torch.zeros(2, 3, 16, 16)
    hr[1] = 0.5
    lr = torch.nn.functional.avg_pool2d(hr, 4)
    assert float(mismatched_pairs(lr, hr)) == 0
    assert float(mismatched_pairs(lr.flip(0), hr)) == 2
    with pytest.raises(TrainingStopped, match="does not show what its HR"):
        FlightRecorder(tmp_path).check(1, {"mismatched pairs": 2.0}, PAIR)


@pytest.mark.parametrize("side", [4, 8])
def test_a_pattern_that_shrinking_flattens_is_no_other_picture(side: int) -> None:
    cells = torch.randint(0, 2, (8, 3, 112 // side, 112 // side), generator=SEEDED)
    cells[0, :] = torch.arange(112 // side) % 2  # stripes
    cells[1, :] = (torch.arange(112 // side)[:, None] + torch.arange(112 // side)) % 2
    hr = cells.repeat_interleave(side, 2).repeat_interleave(side, 3) * 255
    lr = Downscale(4, 96, torch.device("cpu"))(hr.byte()) / 255.0
    assert float(mismatched_pairs(lr, hr[:, :, 8:-8, 8:-8] / 255.0)) == 0


def test_sixteen_damaged_pairs_are_enough_to_tell_a_shift(tmp_path: Path) -> None:
    write_photos(tmp_path)
    prepare([tmp_path], tmp_path / "pack", smallest=32)
    pack = Pack(tmp_path / "pack")
    damage = Degradation(clean=0.0, noise_share=1.0, noise_std_255=(10.0, 25.0))
    for seed in range(4):
        batches = Batches(
            Crops(pack, range(4), crop=32, scale=4, seed=seed),
            batch=1,
            scale=4,
            crop=32,
            output_range=(-1.0, 1.0),
            device=torch.device("cpu"),
            degradation=damage,
        )
        lr, hr = batches.first(SAMPLES)
        assert len(lr) == len(hr) == SAMPLES
        check_batch(lr, hr, scale=4, output_range=(-1.0, 1.0))
        with pytest.raises(TrainingStopped, match="0 rows and -1 columns"):
            check_batch(lr.roll(1, 3), hr, scale=4, output_range=(-1.0, 1.0))


def test_a_run_of_small_batches_is_checked_on_as_many_pairs(
    pack: Path,
    tmp_path: Path,
    pretrain_config: Callable[..., PretrainConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[int] = []
    monkeypatch.setattr(pretrain_module, "check_batch", lambda lr, hr, **_: checked.append(len(lr)))
    config = pretrain_config(updates=1, data=PIXEL["data"] | {"batch": 1})
    pretrain_module.pretrain(config, data=[pack], out=tmp_path, device="cpu")
    assert checked == [SAMPLES]


def test_damage_to_fine_colours_is_no_other_picture(tmp_path: Path) -> None:
    write_photos(tmp_path)  # blobs of two LR pixels, of all colours
    draw = np.random.default_rng(0)
    crops = [np.asarray(Image.open(p))[8:56, 8:56] for p in sorted(tmp_path.glob("*.png")) * 40]
    damage = Degradation(clean=0.0, blur_share=1.0, noise_share=1.0, jpeg_share=1.0)
    lr = np.stack([degrade(crop, damage, draw)[2:-2, 2:-2] for crop in crops])
    hr = np.stack(crops)[:, 8:-8, 8:-8]
    small, large = (torch.tensor(x.transpose(0, 3, 1, 2)) / 255.0 for x in (lr, hr))
    assert float(mismatched_pairs(small, large)) == 0
    assert float(mismatched_pairs(small.roll(1, 0), large)) > 40


def test_noise_is_another_picture() -> None:
    lr, hr = torch.rand(8, 3, 24, 24, generator=SEEDED), torch.rand(8, 3, 24, 24, generator=SEEDED)
    large = hr.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert float(mismatched_pairs(lr, large)) == 8
    assert float(mismatched_pairs(lr, torch.full_like(large, 0.5))) == 8


def test_each_process_writes_down_its_own_share(tmp_path: Path) -> None:
    for rank in (0, 1):
        with pytest.raises(TrainingStopped, match="the loss is nan"):
            FlightRecorder(tmp_path, rank=rank).check(
                7, {"loss": math.nan}, {"lr": torch.full((1,), float(rank))}
            )
    shares = [load_file(tmp_path / "flight" / f"7{n}.safetensors")["lr"] for n in ("", ".1")]
    assert torch.cat(shares).tolist() == [0.0, 1.0]


def test_the_gradient_norm_is_over_all_layers() -> None:
    layer = torch.nn.Linear(2, 1)
    layer(torch.tensor([[3.0, 4.0]])).sum().backward()
    assert float(gradient_norm(layer)) == pytest.approx(math.sqrt(9 + 16 + 1))


def _pair() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    small = torch.rand(2, 3, 12, 12)
    return small, torch.nn.functional.interpolate(small, scale_factor=4) * 2 - 1


def test_good_pairs_pass_and_bad_ranges_or_shifts_do_not() -> None:
    lr, hr = _pair()
    check_batch(lr, hr, scale=4, output_range=(-1.0, 1.0))
    with pytest.raises(TrainingStopped, match=r"LR pictures go from .* instead of \[0, 1\]"):
        check_batch(lr * 255, hr, scale=4, output_range=(-1.0, 1.0))
    with pytest.raises(TrainingStopped, match="HR pictures go from"):
        check_batch(lr, hr, scale=4, output_range=(0.0, 1.0))
    with pytest.raises(TrainingStopped, match="out of step"):
        check_batch(lr.roll(1, 3), hr, scale=4, output_range=(-1.0, 1.0))
    with pytest.raises(TrainingStopped, match="are not 4 times"):
        check_batch(lr, hr[..., :-4], scale=4, output_range=(-1.0, 1.0))
    lr[0, 0, 0, 0] = math.nan
    with pytest.raises(TrainingStopped, match="NaN"):
        check_batch(lr, hr, scale=4, output_range=(-1.0, 1.0))


def test_a_loss_that_leaves_a_layer_alone_is_named() -> None:
    network = SRResNet(channels=4, blocks=1, batch_norm=False)
    sr = network(torch.rand(1, 3, 8, 8))
    check_losses(network, {"pixel": sr.square().mean()})
    with pytest.raises(TrainingStopped, match="the content loss gives the generator's head"):
        check_losses(network, {"pixel": sr.mean(), "content": sr.detach().mean()})
    with pytest.raises(TrainingStopped, match="pixel loss is nan"):
        check_losses(network, {"pixel": sr.mean() * math.nan})


def test_a_gradient_that_is_no_number_is_named_and_a_slope_may_have_none_by_chance() -> None:
    network = SRResNet(channels=4, blocks=1, batch_norm=False)
    sr = network(torch.rand(1, 3, 8, 8))
    with pytest.raises(TrainingStopped, match="gradient with NaN or infinity"):
        check_losses(network, {"content": (sr * 0).sqrt().sum()})
    torch.nn.init.constant_(network.head.bias, 100.0)  # nothing is left for the slope to bend
    check_losses(network, {"pixel": network(torch.rand(1, 3, 8, 8)).square().mean()})


def test_a_loss_of_differences_alone_need_not_move_the_last_bias_but_every_kernel() -> None:
    network = SRResNet(channels=4, blocks=1, batch_norm=False)
    sr = network(torch.rand(1, 3, 8, 8))
    steps = sr[..., 1:] - sr[..., :-1]
    (bias,) = torch.autograd.grad(steps.sum(), network.tail.bias, retain_graph=True)
    assert not bias.any()  # what one pixel gains its neighbour loses
    check_losses(network, {"variation": steps.sum()})
    with pytest.raises(TrainingStopped, match=r"variation loss .* head.weight no gradient"):
        check_losses(network, {"variation": (steps * 0).sum()})
