"""The luma networks' graphs against PyTorch."""

from dataclasses import replace

import numpy as np
import pytest

from srgan.errors import ModelRefused
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.graph import build_graph, reach
from srgan.inference.open import open_network
from srgan.inference.runtimes import OnnxRuntime, OpenVino
from srgan.weights.format import LUMA_ARCHITECTURES, Header

torch = pytest.importorskip("torch")

CASES = [
    ("srcnn", {"scale": 4, "middle": 1, "residual": True}),
    ("srcnn", {"scale": 3, "middle": 5, "residual": False}),
    ("espcn", {"scale": 4, "residual": True}),
    ("espcn", {"scale": 2, "channels": 16, "residual": False}),
    ("drcn", {"scale": 4, "channels": 8, "recursions": 3}),
    ("scn", {"scale": 4, "atoms": 16}),
    ("scn", {"scale": 3}),
    ("cscn", {"scale": 4, "atoms": 16}),
    ("eeds", {"scale": 2, "channels": 8, "residual": False}),
    ("eeds", {"scale": 3, "channels": 8, "residual": True}),
    ("eeds", {"scale": 4, "residual": True}),
    ("fsrcnn", {"scale": 2, "residual": False}),
    ("fsrcnn", {"scale": 3, "mappings": 2, "residual": True}),
    ("fsrcnn", {"scale": 4, "channels": 8, "shrunk": 4, "residual": True}),
]


def _network(architecture: str, arguments: dict[str, int]) -> tuple[object, dict, Header]:
    from srgan.networks.build import build

    torch.manual_seed(0)
    network = build(architecture, arguments)
    for weight in network.parameters():  # what starts as zero does not count otherwise
        weight.data += 0.02 * torch.randn(weight.shape)
    tensors = {k: v.numpy() for k, v in network.state_dict().items()}
    return network, tensors, Header(architecture, arguments, arguments["scale"])


def test_every_luma_network_is_among_the_cases() -> None:
    """Else it runs by no graph, or has another network's reach, and its tiles show seams."""
    assert {architecture for architecture, _ in CASES} == set(LUMA_ARCHITECTURES)


@pytest.mark.parametrize(("architecture", "arguments"), CASES)
def test_both_runtimes_agree_with_torch(architecture: str, arguments: dict[str, int]) -> None:
    network, tensors, header = _network(architecture, arguments)
    graph = build_graph(tensors, header)
    lr = np.random.default_rng(1).random((9, 7, 3))
    y = torch.from_numpy(luma(lr)).float()[None, None]
    with torch.no_grad():
        expected = network(y)[0, 0].numpy()  # type: ignore[operator]
    bicubic = imresize(lr, scale=header.scale)
    batch = lr.transpose(2, 0, 1)[None].astype(np.float32)
    for runtime in (
        OpenVino(graph, precision="fp32", threads=1),
        OnnxRuntime(graph, precision="fp32", threads=1, device="cpu"),
    ):
        sr = runtime(batch)[0].transpose(1, 2, 0).astype(np.float64)
        # luma is the network's, chroma the bicubic filter's
        np.testing.assert_allclose(luma(sr), expected, atol=2e-5)
        np.testing.assert_allclose(
            sr[..., 0] - sr[..., 2], bicubic[..., 0] - bicubic[..., 2], atol=2e-5
        )


@pytest.mark.parametrize(("architecture", "arguments"), CASES)
def test_nothing_beyond_the_reach_counts(architecture: str, arguments: dict[str, int]) -> None:
    network, _, header = _network(architecture, arguments)
    margin, side = reach(header), 2 * reach(header) + 3
    y = torch.rand(1, 1, side, side)
    other = y.clone()
    other[..., 0] = 1.0 - other[..., 0]
    with torch.no_grad():
        change = (network(y) - network(other)).abs()[0, 0]  # type: ignore[operator]
    assert change[:, (margin + 1) * header.scale :].max() == 0.0
    assert change.max() > 0.0


def test_tiles_of_a_cascade_are_the_whole() -> None:
    """Where tiles meet, each stage must have seen what lies beyond."""
    _, tensors, header = _network("cscn", {"scale": 4, "atoms": 16})
    exact = open_network(tensors, header, precision="fp32", threads=1, margin=reach(header))
    image = np.random.default_rng(1).random((50, 41, 3), dtype=np.float32)
    whole = exact.upscaler(image)
    np.testing.assert_allclose(replace(exact, tile=12)(image), whole, atol=1e-5)
    narrow = replace(exact, tile=12, margin=reach(header) // 2)(image)
    assert np.abs(narrow - whole).max() > 1e-4


def test_a_cascade_of_another_scale_is_refused() -> None:
    _, tensors, _ = _network("cscn", {"scale": 4, "atoms": 16})
    with pytest.raises(ModelRefused, match="two stages of x2 make x4"):
        build_graph(tensors, Header("cscn", {"atoms": 16}, 2))


def test_a_file_that_does_not_fit() -> None:
    _, tensors, header = _network(*CASES[2])
    with pytest.raises(ModelRefused, match=r"tensor cells\.bias is missing"):
        build_graph({k: v for k, v in tensors.items() if k != "cells.bias"}, header)
    with pytest.raises(ModelRefused, match="tensor extra is unknown"):
        build_graph({**tensors, "extra": np.zeros(1, np.float32)}, header)
    with pytest.raises(ModelRefused, match=r"patches\.weight has shape"):
        build_graph({**tensors, "patches.weight": np.zeros((1, 1, 5, 5), np.float32)}, header)
