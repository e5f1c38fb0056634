"""Distances between a network's features, as LPIPS defines them (Zhang et al. 2018).

The two pictures' features at five depths are normalised to unit length at each position,
subtracted, squared, weighted by channel ("heads"), averaged over positions and added up. The
network is written as an ONNX graph and run by ONNX Runtime, so that no training library is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from srgan.errors import RuntimeFailed, UsageError

# LPIPS' own normalisation of pictures in [-1, 1].
_SHIFT = np.array([-0.030, -0.088, -0.188], np.float32).reshape(1, 3, 1, 1)
_SCALE = np.array([0.458, 0.448, 0.450], np.float32).reshape(1, 3, 1, 1)

Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution with zero padding."""

    weight: Weights
    bias: Weights
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True, slots=True)
class Relu:
    """max(x, 0)"""


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest of ``size`` x ``size`` neighbours."""

    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class BlurPool:
    """[1 2 1] in both directions on every second pixel, the picture mirrored by 2 pixels."""


@dataclass(frozen=True, slots=True)
class Depth:
    """Features are compared here, weighted by ``head`` (1, C, 1, 1)."""

    head: Weights


Layer = Conv | Relu | MaxPool | BlurPool | Depth


class FeatureDistance:
    """The distance of two pictures under a stack of layers; 0 for equal ones, lower is better."""

    def __init__(self, layers: Sequence[Layer], *, smallest: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._smallest = smallest
        self._session: Any = onnxruntime.InferenceSession(
            _graph(layers).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
        """The distance of two RGB pictures (H, W, 3) uint8 of one size.

        Raises:
            UsageError: they are not RGB uint8 of one size, or smaller than the network needs.
            RuntimeFailed: the network could not run, mostly for want of memory.
        """
        for picture in (a, b):
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise UsageError(
                    "a feature distance compares RGB pictures (H, W, 3) of uint8, "
                    f"not {picture.shape} of {picture.dtype}"
                )
        if a.shape != b.shape:
            raise UsageError(f"pictures of one size are compared, not {a.shape} with {b.shape}")
        if min(a.shape[:2]) < self._smallest:
            raise UsageError(
                f"a picture of {a.shape[1]}x{a.shape[0]} is too small to compare features; "
                f"it needs at least {self._smallest} pixels a side"
            )
        pair = np.stack([a, b]).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - 1.0
        try:
            (distance,) = self._session.run(None, {"pair": pair.astype(np.float32)})
        except Exception as error:  # ONNX Runtime's own have no common base
            raise RuntimeFailed(
                f"the features of a picture of {a.shape[1]}x{a.shape[0]} could not be computed: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error
        return float(distance.reshape(()))


def _graph(layers: Sequence[Layer]) -> onnx.ModelProto:
    """``pair`` (2, 3, H, W) in [-1, 1] → ``distance`` (1, 1, 1, 1)."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(value: NDArray[Any]) -> str:
        name = f"c{len(constants)}"
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        names = [f"n{len(nodes)}_{i}" for i in range(outputs)]
        nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    (x,) = node("Sub", "pair", constant(_SHIFT))
    (x,) = node("Div", x, constant(_SCALE))
    distances = []
    channels = 3
    for layer in layers:
        match layer:
            case Conv(weight, bias, stride, padding):
                channels = weight.shape[0]
                (x,) = node(
                    "Conv",
                    x,
                    constant(weight),
                    constant(bias),
                    strides=[stride] * 2,
                    pads=[padding] * 4,
                )
            case Relu():
                (x,) = node("Relu", x)
            case MaxPool(size, stride):
                (x,) = node("MaxPool", x, kernel_shape=[size] * 2, strides=[stride] * 2)
            case BlurPool():
                row = np.array([1, 2, 1], np.float32)
                kernel = np.tile(np.outer(row, row) / 16.0, (channels, 1, 1, 1))
                pads = constant(np.array([0, 0, 2, 2, 0, 0, 2, 2], np.int64))
                (x,) = node("Pad", x, pads, mode="reflect")
                (x,) = node(
                    "Conv", x, constant(kernel.astype(np.float32)), strides=[2, 2], group=channels
                )
            case Depth(head):
                (norm,) = node("ReduceL2", x, constant(np.array([1], np.int64)), keepdims=1)
                (norm,) = node("Add", norm, constant(np.array(1e-10, np.float32)))
                (unit,) = node("Div", x, norm)
                parts = constant(np.array([1, 1], np.int64))
                a, b = node("Split", unit, parts, outputs=2, axis=0)
                (difference,) = node("Sub", a, b)
                (square,) = node("Mul", difference, difference)
                (weighted,) = node("Conv", square, constant(head))
                distances += node("GlobalAveragePool", weighted)
    nodes.append(helper.make_node("Sum", distances, ["distance"]))
    graph = helper.make_graph(
        nodes,
        "feature_distance",
        [helper.make_tensor_value_info("pair", TensorProto.FLOAT, [2, 3, "H", "W"])],
        [helper.make_tensor_value_info("distance", TensorProto.FLOAT, [1, 1, 1, 1])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
