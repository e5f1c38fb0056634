"""What the layers are folded into."""

import numpy as np
import pytest

from srgan.inference.layers import Conv, before_shuffle, through_shuffle


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


def test_a_transposed_convolution_before_the_shuffle_by_hand() -> None:
    # Taps 1 to 9; the middle one alone falls on the first pixel of a cell.
    conv = Conv(np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3), np.ones(1, np.float32))
    moved = before_shuffle(conv)
    assert moved.weight[:, 0].tolist() == [
        [[5, 0], [0, 0]],
        [[6, 4], [0, 0]],
        [[8, 0], [2, 0]],
        [[9, 7], [3, 1]],
    ]
    assert moved.bias.tolist() == [1, 1, 1, 1]


def test_a_transposed_convolution_before_the_shuffle_is_the_one_alone() -> None:
    torch = pytest.importorskip("torch")
    draw = np.random.default_rng(0)
    weight = draw.normal(size=(5, 4, 3, 3)).astype(np.float32)
    bias = draw.normal(size=5).astype(np.float32)
    x = torch.from_numpy(draw.normal(size=(2, 4, 6, 7)).astype(np.float32))
    alone = torch.nn.functional.conv_transpose2d(
        x,
        torch.from_numpy(weight.swapaxes(0, 1).copy()),
        torch.from_numpy(bias),
        stride=2,
        padding=1,
        output_padding=1,
    )
    moved = before_shuffle(Conv(weight, bias))
    padded = torch.nn.functional.pad(x, (0, 1, 0, 1))
    cells = torch.nn.functional.conv2d(
        padded, torch.from_numpy(moved.weight), torch.from_numpy(moved.bias)
    )
    np.testing.assert_allclose(
        torch.nn.functional.pixel_shuffle(cells, 2).numpy(), alone.numpy(), atol=1e-5
    )
