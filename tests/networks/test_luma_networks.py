"""The networks that enlarge luma alone."""

import numpy as np
import pytest

from srgan.errors import ModelRefused
from srgan.image.resize import imresize

torch = pytest.importorskip("torch")

from srgan.networks.build import build  # noqa: E402
from srgan.networks.luma import BicubicUp  # noqa: E402


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_fixed_convolution_is_matlabs_bicubic(scale: int) -> None:
    picture = np.random.default_rng(0).random((9, 7))
    expected = imresize(picture, scale=scale)
    got = BicubicUp(scale)(torch.from_numpy(picture)[None, None])[0, 0].numpy()
    assert np.abs(got - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("architecture", "arguments", "parameters"),
    [
        ("srresnet", {}, 1_549_462),
        ("srresnet", {"channels": 32, "blocks": 4, "batch_norm": False, "direct": True}, 98_005),
        ("srcnn", {"middle": 1}, 81 * 64 + 64 + 64 * 32 + 32 + 25 * 32 + 1),
        ("srcnn", {"middle": 5}, 81 * 64 + 64 + 25 * 64 * 32 + 32 + 25 * 32 + 1),
        ("espcn", {}, 25 * 64 + 64 + 9 * 64 * 32 + 32 + 9 * 32 * 16 + 16),
        (
            "drcn",
            {"channels": 256, "recursions": 16},
            (9 * 256 + 256) + 3 * (9 * 256 * 256 + 256) + (9 * 256 + 1) + 16,
        ),
    ],
)
def test_parameters(architecture: str, arguments: dict[str, int], parameters: int) -> None:
    network = build(architecture, arguments)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize(
    ("architecture", "arguments"),
    [
        ("srcnn", {"scale": 3, "residual": True}),
        ("espcn", {"scale": 3, "residual": True}),
        ("drcn", {"scale": 3, "channels": 8, "recursions": 2}),
    ],
)
def test_shape_and_a_start_near_bicubic(architecture: str, arguments: dict[str, int]) -> None:
    torch.manual_seed(0)
    network = build(architecture, arguments)
    lr = torch.rand(2, 1, 8, 6)
    sr = network(lr)
    assert sr.shape == (2, 1, 24, 18)
    assert (sr - BicubicUp(3)(lr)).abs().mean() < 0.3


def test_an_unknown_name_or_argument_is_refused() -> None:
    with pytest.raises(ModelRefused, match="unknown; choose one of srresnet"):
        build("edsr", {})
    with pytest.raises(ModelRefused, match="espcn cannot be built"):
        build("espcn", {"width": 3})
