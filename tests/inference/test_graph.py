"""The graph against the network in PyTorch."""

import itertools

import numpy as np
import pytest

from inference.tiny import tiny
from srgan.errors import ModelRefused
from srgan.inference.graph import Conv, blend, build_graph, reach, through_shuffle
from srgan.inference.runtimes import OnnxRuntime, OpenVino

CASES = [
    *itertools.product([2, 3, 4], [False, True], ["none", "bilinear"], [0.0, -1.0], [False]),
    *((scale, False, "bilinear", -1.0, True) for scale in (2, 3, 4)),
]


@pytest.mark.parametrize(("scale", "batch_norm", "skip", "low", "direct"), CASES)
def test_both_runtimes_agree_with_torch(
    scale: int, batch_norm: bool, skip: str, low: float, direct: bool
) -> None:
    torch = pytest.importorskip("torch")
    from srgan.networks.srresnet import SRResNet

    tensors, header = tiny(
        scale=scale, batch_norm=batch_norm, skip=skip, output_range=(low, 1.0), direct=direct
    )
    network = SRResNet(**header.arguments).eval()
    network.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()})
    graph = build_graph(tensors, header)
    runtimes = [
        OpenVino(graph, precision="fp32", threads=1),
        OnnxRuntime(graph, precision="fp32", threads=1, device="cpu"),
    ]
    for shape in [(1, 3, 13, 9), (2, 3, 1, 1), (1, 3, 1, 7)]:
        batch = np.random.default_rng(1).random(shape, dtype=np.float32)
        with torch.no_grad():
            expected = (network(torch.from_numpy(batch)).numpy() - low) / (1.0 - low)
        assert expected.std() > 0.01
        for runtime in runtimes:
            np.testing.assert_allclose(runtime(batch), expected, atol=1e-4)


def test_a_convolution_through_the_shuffle_by_hand() -> None:
    # A 3x3 kernel that shifts one pixel to the right, on maps that a shuffle doubles.
    weight = np.zeros((1, 1, 3, 3), np.float32)
    weight[0, 0, 1, 0] = 1.0
    moved = through_shuffle(Conv(weight, np.zeros(1, np.float32)), 2)
    assert moved.weight.shape == (4, 4, 3, 3)
    # The right pixel of a cell takes the left one; the left takes the right one of the cell before.
    assert moved.weight[1, 0, 1, 1] == moved.weight[0, 1, 1, 0] == 1.0
    assert moved.weight[3, 2, 1, 1] == moved.weight[2, 3, 1, 0] == 1.0
    assert moved.weight.sum() == 4.0


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


def test_blending_is_linear() -> None:
    a, b = {"w": np.array([0.0, 2.0], np.float32)}, {"w": np.array([4.0, 2.0], np.float32)}
    np.testing.assert_allclose(blend(a, b, 0.25)["w"], [1.0, 2.0])
    with pytest.raises(ModelRefused):
        blend(a, {"w": np.zeros(3, np.float32)}, 0.5)
