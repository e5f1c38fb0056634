"""The losses against numbers that can be worked out by hand."""

from math import log

import pytest
import torch

from srgan.errors import UsageError
from srgan.image.resize import imresize
from srgan.losses.adversarial import Game, discriminator_loss, generator_loss
from srgan.losses.perceptual import ContentLoss, unit_distance
from srgan.losses.pixel import (
    artefact_loss,
    consistency_loss,
    distance,
    grid_loss,
    luma_distance,
    overshoot_loss,
    total_variation,
)
from srgan.networks.vgg import VGG
from srgan.training.data import Downscale


def test_distances_are_means_over_all_numbers() -> None:
    a, b = torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    b[0, 0, 0, 0] = 5.0
    assert float(distance(a, b, "l1")) == pytest.approx(4 / 96)
    assert float(distance(a, b, "mse")) == pytest.approx(16 / 96)


def test_luma_distance_weighs_the_channels_as_rec_601_does() -> None:
    a, b = torch.full((2, 3, 4, 4), 0.25), torch.full((2, 3, 4, 4), 0.25)
    b[0, 0, 0, 0], b[0, 1, 0, 0] = 1.25, -0.75
    step = (128.553 - 65.481) / 255
    assert float(luma_distance(a, b, "l1")) == pytest.approx(step / 32)
    assert float(luma_distance(a, b, "mse")) == pytest.approx(step**2 / 32)
    grey = float(luma_distance(a, a + 1.0, "l1"))
    assert grey == pytest.approx(219 / 255)


def test_total_variation_sums_squared_steps() -> None:
    x = torch.zeros(2, 1, 3, 3)
    x[0, 0, 1, 1] = 2.0  # four steps of 2
    assert float(total_variation(x)) == pytest.approx(16 / 2)


def test_an_undecided_discriminator_costs_log_2() -> None:
    zero = torch.zeros(4, 1)
    assert float(discriminator_loss(zero, zero, "standard")) == pytest.approx(2 * log(2))
    assert float(discriminator_loss(zero, zero, "relativistic")) == pytest.approx(log(2))
    for game in ("standard", "relativistic"):
        loss = generator_loss(zero, zero, game)  # type: ignore[arg-type]
        assert float(loss) == pytest.approx(log(2))


def test_losses_fall_for_the_side_that_is_right() -> None:
    sure, beaten = torch.full((4, 1), 3.0), torch.full((4, 1), -3.0)
    for game in ("standard", "relativistic"):
        right = discriminator_loss(sure, beaten, game)  # type: ignore[arg-type]
        wrong = discriminator_loss(beaten, sure, game)  # type: ignore[arg-type]
        assert float(right) < 0.1 < 3 < float(wrong)
        assert float(generator_loss(sure, beaten, game)) > 3  # type: ignore[arg-type]


@pytest.mark.parametrize("game", ["standard", "relativistic"])
def test_several_judgements_count_alike_whatever_their_size(game: Game) -> None:
    real = torch.full((2, 1, 1, 1), 3.0), torch.full((2, 1, 9, 9), -1.0)
    fake = torch.full((2, 1, 1, 1), -2.0), torch.full((2, 1, 9, 9), 0.5)
    for loss in (discriminator_loss, generator_loss):
        one, other = (float(loss(r, f, game)) for r, f in zip(real, fake, strict=True))
        assert abs(one - other) > 1.0
        assert float(loss(real, fake, game)) == pytest.approx((one + other) / 2)


def test_the_relativistic_game_sees_only_differences() -> None:
    real, fake = torch.randn(4, 1), torch.randn(4, 1)
    plain = discriminator_loss(real, fake, "relativistic")
    shifted = discriminator_loss(real + 5, fake + 5, "relativistic")
    assert float(plain) == pytest.approx(float(shifted), rel=1e-5)
    exchanged = generator_loss(fake, real, "relativistic")
    assert float(exchanged) == pytest.approx(float(plain), rel=1e-5)


def test_content_loss_is_zero_for_equal_pictures_and_weighs_its_layers() -> None:
    torch.manual_seed(0)
    vgg = VGG("vgg16", ["conv1_1", "conv1_2"])
    a, b = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    assert float(ContentLoss(vgg, [1.0, 1.0])(a, a)) == 0.0
    first, second = ContentLoss(vgg, [1.0, 0.0]), ContentLoss(vgg, [0.0, 1.0])
    both = ContentLoss(vgg, [2.0, 3.0])
    assert float(both(a, b)) == pytest.approx(
        2 * float(first(a, b)) + 3 * float(second(a, b)), rel=1e-5
    )
    with pytest.raises(UsageError, match="as many weights"):
        ContentLoss(vgg, [1.0])


def test_distances_of_features_by_hand() -> None:
    vgg = VGG("vgg16", ["conv1_1"])
    found = torch.tensor([[3.0, 4.0], [8.0, 6.0]]).reshape(2, 2, 1, 1)
    expected = {("l1", True): 0.4, ("mse", True): 0.08, ("l1", False): 3.5, ("mse", False): 14.5}
    for (kind, normalised), value in expected.items():
        loss = ContentLoss(vgg, [2.0], kind=kind, normalised=normalised)  # type: ignore[arg-type]
        assert float(loss.between([found], [found.flip(0)])) == pytest.approx(2 * value, rel=1e-5)


def test_normalised_features_do_not_see_their_length() -> None:
    torch.manual_seed(0)
    vgg = VGG("vgg16", ["conv1_1"])
    loss = ContentLoss(vgg, normalised=True)
    a, b = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    before = float(loss(a, b))
    vgg.convs["conv1_1"].weight.mul_(10)
    vgg.convs["conv1_1"].bias.mul_(10)
    assert before > 0.01
    assert float(loss(a, b)) == pytest.approx(before, rel=1e-4)


def test_the_distance_of_unit_vectors_and_its_gradient_are_those_of_the_plain_formula() -> None:
    torch.manual_seed(0)
    found, wanted = torch.randn(2, 3, 8, 5, 4).relu()
    found[0, :, 2, 3] = 0.0  # a position without any feature
    wanted[1, :, 0, 0] = 0.0
    plain, ours = found.clone().requires_grad_(), found.clone().requires_grad_()
    a, b = (x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt() for x in (plain, wanted))
    expected = (a - b).square().sum(1).mean()
    (3.0 * expected).backward()
    loss = unit_distance(ours, wanted)
    (3.0 * loss).backward()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert float(loss.detach()) > 0.5
    torch.testing.assert_close(ours.grad, plain.grad, rtol=1e-4, atol=1e-6)
    narrow = found.bfloat16().requires_grad_()
    unit_distance(narrow, wanted.bfloat16()).backward()
    assert narrow.grad is not None
    assert narrow.grad.dtype is torch.bfloat16


def test_artefacts_are_weighed_as_in_the_authors_script() -> None:
    torch.manual_seed(0)
    hr = torch.rand(2, 3, 16, 12)
    sr, averaged_sr = (hr + 0.2 * torch.randn_like(hr) for _ in range(2))
    residual, averaged = ((hr - x).abs().sum(1, keepdim=True) for x in (sr, averaged_sr))
    around = torch.nn.functional.pad(residual, (3, 3, 3, 3), mode="reflect")
    local = around.unfold(2, 7, 1).unfold(3, 7, 1).var((-1, -2))
    weight = residual.var((1, 2, 3), keepdim=True) ** (1 / 5) * local
    weight[residual - averaged < 0] = 0
    assert 0.2 < float((weight == 0).float().mean()) < 0.8
    expected = float((weight * sr - weight * hr).abs().mean())
    assert float(artefact_loss(sr, hr, averaged_sr)) == pytest.approx(expected, rel=1e-4)


def test_artefacts_count_only_where_the_average_does_better() -> None:
    torch.manual_seed(0)
    hr = torch.rand(2, 3, 16, 16)
    sr = (hr + 0.2 * torch.randn_like(hr)).requires_grad_()
    assert float(artefact_loss(sr, hr, hr).detach()) > 0
    worse = hr + 3.0
    assert float(artefact_loss(sr, hr, worse)) == 0.0
    artefact_loss(sr, hr, hr).backward()
    assert sr.grad is not None
    assert float(sr.grad.abs().sum()) > 0


def test_the_original_is_consistent_with_its_lr_and_a_shifted_one_is_not() -> None:
    photo = (torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(0)) * 255).byte()
    lr = torch.from_numpy(imresize(photo.numpy(), scale=0.25)).permute(2, 0, 1)[None] / 255.0
    matrix = Downscale(4, 32, torch.device("cpu")).matrix[:, 8:-8]
    hr = photo.permute(2, 0, 1)[None] / 255.0
    assert float(consistency_loss(hr, lr, matrix)) < 0.5 / 255
    assert float(consistency_loss(hr.roll(4, 3), lr, matrix)) > 10 / 255


def test_the_overshoot_loss_sees_the_rims_that_lr_has_too() -> None:
    """An edge from 0.2 to 0.8 at column 48; rims of a LR pixel beside it, 0.1 beyond in SR."""

    def edge(low: float, rim: float, *, scale: int) -> torch.Tensor:
        image = torch.full((1, 3, 96 // scale, 96 // scale), low)
        image[..., 48 // scale :] = 1.0 - low
        image[..., (48 - 4) // scale : 48 // scale] -= rim
        image[..., 48 // scale : (48 + 4) // scale] += rim
        return image

    hr, small = (edge(0.2, 0.0, scale=scale) for scale in (1, 4))
    sr = edge(0.2, 0.1, scale=1).requires_grad_(True)
    for rim, counts in ((0.06, 1 / 2), (0.18, 81 / 82), (0.02, 1 / 82), (0.0, 0.0)):
        loss = overshoot_loss(sr, hr, edge(0.2, rim, scale=4), small)
        assert float(loss) == pytest.approx(counts * 0.1 * 8 / 80, rel=1e-4)

    lr = small.clone()
    lr[..., :2] = lr[..., -2:] = 0.5  # as if something beyond the crop came in
    assert float(overshoot_loss(sr, hr, lr, small)) == 0.0

    # Too bright becomes darker and too dark brighter.
    overshoot_loss(sr, hr, edge(0.2, 0.1, scale=4), small).backward()
    assert sr.grad is not None
    assert sr.grad[0, 0, 48, 40:56].sign().tolist() == [0] * 4 + [-1] * 4 + [1] * 4 + [0] * 4

    # Values between both sides cost nothing within a LR pixel of the edge, and do beyond.
    texture = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3)) * 0.6 + 0.2
    lr = edge(0.2, 0.18, scale=4)
    sr = hr.clone()
    sr[..., 44:52] = texture[..., 44:52]
    assert float(overshoot_loss(sr, hr, lr, small)) == 0.0
    sr[..., 43] = 0.5
    assert float(overshoot_loss(sr, hr, lr, small)) == pytest.approx(81 / 82 * 0.3 / 80, rel=1e-4)


def test_the_grid_loss_sees_what_repeats_with_the_lr_pixels_and_nothing_else() -> None:
    hr = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    stripes = 0.01 * (-1.0) ** torch.arange(96)
    assert float(grid_loss(hr + stripes, hr)) == pytest.approx(0.01, rel=1e-4)
    every_fourth = 0.01 * (torch.arange(96) % 4 == 0)  # errors 0.01, 0, 0, 0 around 0.0025
    assert float(grid_loss(hr + every_fourth, hr)) == pytest.approx(0.00375, rel=1e-4)
    assert float(grid_loss(hr + 0.1, hr)) == pytest.approx(0.0, abs=1e-6)
    noise = 0.01 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(2))
    assert float(grid_loss(hr + noise, hr)) < 0.002  # its mean over 8 x 8 LR pixels
    ramp = 0.01 * torch.sin(2 * torch.pi * torch.arange(96) / 7.3)  # a texture of its own period
    assert float(grid_loss(hr + ramp, hr)) < 0.002
