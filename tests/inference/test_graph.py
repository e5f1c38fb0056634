"""The graph against the network in PyTorch."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference.tiny import johnson, tiny
from srgan.errors import ModelRefused
from srgan.inference.graph import blend, build_graph, reach
from srgan.inference.open import open_network
from srgan.inference.runtimes import OnnxRuntime, OpenVino
from srgan.weights.format import Header, Tensors

CASES = [
    *itertools.product([2, 3, 4], [False, True], ["none", "bilinear"], [0.0, -1.0], [False]),
    *((scale, False, "bilinear", -1.0, True) for scale in (2, 3, 4)),
]


def assert_runtimes_agree(network: Any, tensors: Tensors, header: Header, *, atol: float) -> None:
    """Both runtimes give, in [0, 1], what the network in PyTorch gives with these tensors."""
    import torch

    low, high = header.output_range
    network.eval().load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()})
    graph = build_graph(tensors, header)
    runtimes = [
        OpenVino(graph, precision="fp32", threads=1),
        OnnxRuntime(graph, precision="fp32", threads=1, device="cpu"),
    ]
    for shape in [(1, 3, 13, 9), (2, 3, 1, 1), (1, 3, 1, 7)]:
        batch = np.random.default_rng(1).random(shape, dtype=np.float32)
        with torch.no_grad():
            expected = (network(torch.from_numpy(batch)).numpy() - low) / (high - low)
        assert expected.std() > 0.01
        for runtime in runtimes:
            np.testing.assert_allclose(runtime(batch), expected, atol=atol)


@pytest.mark.parametrize(("scale", "batch_norm", "skip", "low", "direct"), CASES)
def test_both_runtimes_agree_with_torch(
    scale: int, batch_norm: bool, skip: str, low: float, direct: bool
) -> None:
    pytest.importorskip("torch")
    from srgan.networks.srresnet import SRResNet

    tensors, header = tiny(
        scale=scale, batch_norm=batch_norm, skip=skip, output_range=(low, 1.0), direct=direct
    )
    assert_runtimes_agree(SRResNet(**header.arguments), tensors, header, atol=1e-4)


@pytest.mark.parametrize(("scale", "low"), [(2, -1.0), (4, -1.0), (4, 0.0)])
def test_both_runtimes_agree_with_torch_on_johnsons_network(scale: int, low: float) -> None:
    pytest.importorskip("torch")
    from srgan.networks.johnson import Johnson

    tensors, header = johnson(scale=scale, output_range=(low, 1.0))
    assert_runtimes_agree(Johnson(**header.arguments), tensors, header, atol=1e-5)


@pytest.mark.parametrize("scale", [2, 4])
def test_nothing_beyond_johnsons_reach_counts(scale: int) -> None:
    tensors, header = johnson(scale=scale, blocks=1)
    margin = reach(header)
    assert margin == 4 + 2 + 3
    runtime = OnnxRuntime(build_graph(tensors, header), precision="fp32", threads=1, device="cpu")
    side = 2 * margin + 5
    picture = np.full((1, 3, side, side), 0.5, np.float32)
    before = runtime(picture)
    middle = margin + 2
    picture[0, :, middle, middle] = 1.0
    rows = np.flatnonzero((np.abs(runtime(picture) - before) > 0).any(axis=(0, 1, 3)))
    assert scale * (middle - margin) <= rows[0] < scale * (middle - margin + 2)
    assert rows[-1] < scale * (middle + margin + 1)


def test_a_part_of_a_picture_by_johnsons_network_is_as_in_the_whole() -> None:
    whole = open_network(*johnson(), precision="fp32", threads=1, tile=64)
    parts = replace(whole, tile=9, margin=reach(johnson()[1]))
    image = np.random.default_rng(2).random((40, 23, 3), dtype=np.float32)
    np.testing.assert_allclose(parts(image), whole(image), atol=1e-5)


def test_the_papers_network_reaches_forty_pixels() -> None:
    _, header = tiny(blocks=16)
    assert reach(header) == 40


def test_a_direct_network_reaches_as_far_as_it_is_said() -> None:
    tensors, header = tiny(blocks=2, direct=True)
    assert reach(header) == 7
    runtime = OnnxRuntime(build_graph(tensors, header), precision="fp32", threads=1, device="cpu")
    picture = np.full((1, 3, 21, 21), 0.5, np.float32)
    before = runtime(picture)
    picture[0, :, 10, 10] = 1.0
    changed = np.abs(runtime(picture) - before).max(axis=(0, 1)) > 0
    rows = np.flatnonzero(changed.any(axis=1))
    assert rows[0] == 4 * (10 - 7)
    assert rows[-1] == 4 * (10 + 7) + 3


def test_an_unfit_tensor_is_named() -> None:
    tensors, header = tiny()
    with pytest.raises(ModelRefused, match=r"trunk\.bias has shape \(3,\)"):
        build_graph({**tensors, "trunk.bias": np.zeros(3, np.float32)}, header)
    with pytest.raises(ModelRefused, match=r"tensor extra is unknown"):
        build_graph({**tensors, "extra": np.zeros(3, np.float32)}, header)
    del tensors["tail.weight"]
    with pytest.raises(ModelRefused, match=r"tail\.weight is missing"):
        build_graph(tensors, header)
    tensors, header = johnson()
    with pytest.raises(ModelRefused, match=r"upscale\.1\.conv\.weight has shape \(1,\)"):
        build_graph({**tensors, "upscale.1.conv.weight": np.zeros(1, np.float32)}, header)
    with pytest.raises(ModelRefused, match=r"'johnson' at x3 is no network"):
        build_graph(tensors, replace(header, scale=3))


def test_blending_is_linear() -> None:
    a, b = {"w": np.array([0.0, 2.0], np.float32)}, {"w": np.array([4.0, 2.0], np.float32)}
    np.testing.assert_allclose(blend(a, b, 0.25)["w"], [1.0, 2.0])
    with pytest.raises(ModelRefused):
        blend(a, {"w": np.zeros(3, np.float32)}, 0.5)
