"""The bricks of a graph: tensors taken from a weights file, ONNX nodes, the model as bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused

Array = NDArray[np.float32]

OPSET = 17
_FLOAT32, _INT64 = 1, 7


class Taker:
    """Hands out the tensors of a weights file, and says which one does not fit its header."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._tensors = tensors
        self._left = set(tensors)

    def __call__(self, name: str, shape: tuple[int, ...]) -> Array:
        """The tensor of a name as float32.

        Raises:
            ModelRefused: it is missing or of another shape.
        """
        if name not in self._tensors:
            raise ModelRefused(f"tensor {name} is missing; the file does not fit its header")
        array = self._tensors[name]
        if array.shape != shape:
            raise ModelRefused(
                f"tensor {name} has shape {array.shape} where the header asks for {shape}"
            )
        self._left.discard(name)
        return np.asarray(array, np.float32)

    def ignore(self, name: str) -> None:
        """Take a tensor that inference has no use for."""
        self._left.discard(name)

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            ModelRefused: naming a tensor that nothing asked for.
        """
        if self._left:
            raise ModelRefused(
                f"tensor {min(self._left)} is unknown; the file does not fit its header"
            )


class Nodes:
    """ONNX nodes in the order in which they are asked for; values are named by their node."""

    def __init__(self) -> None:
        # Imported here: a filter's user never pays for it.
        from onnx import helper, numpy_helper

        self._helper, self._numpy = helper, numpy_helper
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Append a node; returns the name of its value."""
        name = name or f"{kind}{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, array: NDArray[Any], name: str = "") -> str:
        """Append a constant; returns its name."""
        name = name or f"constant{len(self._constants)}"
        self._constants.append(self._numpy.from_array(np.ascontiguousarray(array), name))
        return name

    def shuffle(self, x: str, factor: int) -> str:
        """A pixel shuffle, as PyTorch's."""
        return self.node("DepthToSpace", [x], blocksize=factor, mode="CRD")

    def model(
        self, name: str, output: str, *, scalars: Sequence[str] = (), pairs: Sequence[str] = ()
    ) -> bytes:
        """The whole as a serialised ONNX model, ``input`` to ``output``, all sizes free.

        Args:
            name: of the graph.
            output: the value that is given as ``output``.
            scalars: values without dimensions that are given besides.
            pairs: inputs of two whole numbers that are taken besides.
        """
        helper = self._helper
        self.node("Identity", [output], "output")
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes,
            name,
            [
                info("input", _FLOAT32, ["batch", 3, "height", "width"]),
                *(info(pair, _INT64, [2]) for pair in pairs),
            ],
            [
                info("output", _FLOAT32, ["batch", 3, "out_height", "out_width"]),
                *(info(scalar, _FLOAT32, []) for scalar in scalars),
            ],
            self._constants,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="srgan",
            ir_version=8,
        )
        return bytes(model.SerializeToString())
