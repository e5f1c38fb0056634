"""The networks that enlarge luma alone."""

import numpy as np
import pytest

from srgan.errors import ModelRefused
from srgan.image.resize import imresize

torch = pytest.importorskip("torch")

from srgan.networks.build import build  # noqa: E402
from srgan.networks.luma import BicubicUp, LearntUp  # noqa: E402


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_fixed_convolution_is_matlabs_bicubic(scale: int) -> None:
    picture = np.random.default_rng(0).random((9, 7))
    expected = imresize(picture, scale=scale)
    got = BicubicUp(scale)(torch.from_numpy(picture)[None, None])[0, 0].numpy()
    assert np.abs(got - expected).max() < 1e-6


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [9, 14])
def test_learnt_upscaling_lies_where_the_linear_filter_does(size: int, scale: int) -> None:
    picture = np.random.default_rng(0).random((6, 7)).astype(np.float32)
    expected = imresize(picture, scale=scale, kernel="bilinear")
    upscale = LearntUp(1, 1, size, scale=scale)
    upscale.start_as_triangles()
    with torch.no_grad():
        torch.nn.init.zeros_(upscale.bias)
        got = upscale(torch.from_numpy(picture)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(got, expected, atol=1e-6)


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
        (
            "fsrcnn",
            {},
            (25 * 56 + 56 * 12 + 4 * 9 * 12 * 12 + 12 * 56 + 81 * 56)  # the paper's 12,464
            + 2 * (56 + 12 + 4 * 12 + 56)
            + 1,
        ),
        (
            "eeds",
            {},
            (9 * 4 + 4 + 196 * 4 * 8 + 8 + 25 * 8 + 1)
            + (9 * 64 + 64 + 6 * (9 * 64 * 64 + 64) + 64 * 4 + 4 + 196 * 4 * 4 + 4 + 4 * 64 + 64)
            + (64 * 16 + 16 + 16 * 16 + 16 + 2 * (3 + 5 + 7) * 16 * 16 + 6 * 16 + 64 + 1),
        ),
        ("scn", {}, 81 * 100 + 100 * 128 + 128 * 128 + 128 * 25 + 25 * 25 + 1),
        ("cscn", {}, 2 * (81 * 100 + 100 * 128 + 128 * 128 + 128 * 25 + 25 * 25 + 1)),
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
        ("scn", {"scale": 3, "atoms": 8}),
        ("fsrcnn", {"scale": 3, "residual": True}),
        ("eeds", {"scale": 3, "channels": 8, "residual": True}),
    ],
)
def test_shape_and_a_start_near_bicubic(architecture: str, arguments: dict[str, int]) -> None:
    torch.manual_seed(0)
    network = build(architecture, arguments)
    lr = torch.rand(2, 1, 8, 6)
    sr = network(lr)
    assert sr.shape == (2, 1, 24, 18)
    assert (sr - BicubicUp(3)(lr)).abs().mean() < 0.3


def test_scn_is_lista_and_an_overlap_add_patch_by_patch() -> None:
    """By the paper's formulas, with a loop over the places of the enlarged luma."""
    torch.manual_seed(0)
    network = build("scn", {"scale": 2, "atoms": 6})
    torch.nn.init.normal_(network.inhibit.weight, std=0.5)
    torch.nn.init.normal_(network.decode.weight)
    lr = torch.rand(1, 1, 7, 6)
    with torch.no_grad():
        got = (network(lr) - network.enlarge(lr))[0, 0].numpy()
        enlarged = network.enlarge(lr)[0, 0].numpy()
    h = network.patches.weight.detach().numpy().reshape(100, 81)
    w, s, d = (
        layer.weight.detach().numpy()[:, :, 0, 0]
        for layer in (network.encode, network.inhibit, network.decode)
    )

    def shlu(x: np.ndarray) -> np.ndarray:
        return np.sign(x) * np.maximum(np.abs(x) - 1.0, 0.0)

    padded = np.pad(enlarged, 4, mode="edge")
    sums, counts, active = np.zeros((18, 16)), np.zeros((18, 16)), 0
    for y, x in np.ndindex(enlarged.shape):
        features = h @ padded[y : y + 9, x : x + 9].reshape(81)
        contrast = np.sqrt((features**2).mean() + 1e-4)
        wy = w @ (features / contrast)
        code = shlu(s @ shlu(wy) + wy)
        active += np.count_nonzero(code)
        sums[y : y + 5, x : x + 5] += (d @ code * contrast).reshape(5, 5)
        counts[y : y + 5, x : x + 5] += 1
    assert 0 < active < 6 * enlarged.size
    inner = counts == 25  # further out the patches of the edge are repeated
    np.testing.assert_allclose(got[inner[2:-2, 2:-2]], (sums / 25)[inner], atol=1e-5)


def test_cscn_is_one_scn_behind_another() -> None:
    torch.manual_seed(0)
    cascade = build("cscn", {"atoms": 6})
    stages = [build("scn", {"scale": 2, "atoms": 6}) for _ in range(2)]
    for ours, theirs in zip(cascade.stages, stages, strict=True):
        torch.nn.init.normal_(theirs.decode.weight)
        ours.load_state_dict(theirs.state_dict())
    lr = 2.0 * torch.rand(1, 1, 5, 6)  # beyond white too: nothing is clipped between the stages
    with torch.no_grad():
        assert torch.equal(cascade(lr), stages[1](stages[0](lr)))
    with pytest.raises(ModelRefused, match="two stages of x2 make x4"):
        build("cscn", {"scale": 3})


def test_an_unknown_name_or_argument_is_refused() -> None:
    with pytest.raises(ModelRefused, match="unknown; choose one of srresnet"):
        build("edsr", {})
    with pytest.raises(ModelRefused, match="espcn cannot be built"):
        build("espcn", {"width": 3})
