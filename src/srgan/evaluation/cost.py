"""What a method costs: seconds, parameters, multiply-adds, memory."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srgan.errors import SRGANError
from srgan.evaluation.benchmark import Method
from srgan.inference.upscaler import Upscaler
from srgan.weights.format import CLASSICAL, Tensors, load_weights

_STATUS = Path("/proc/self/status")

TIMED_SIDE = 128
"""Side of the LR picture that is timed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """``seconds`` per output megapixel, median; ``multiply_adds`` per LR pixel of the graph that
    runs; ``memory_mb``: what a process grew by to open the method and enlarge one picture. None
    where it is not known or has no meaning.
    """

    seconds: float | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    memory_mb: float | None = None


def seconds(methods: Sequence[Method], *, rounds: int = 5) -> dict[str, float]:
    """Median seconds per output megapixel, all methods in turn so that they share disturbances.

    Each timed run follows one of the same method, or the one after a memory-hungry method would pay
    for what that left behind: two networks of equal size differed by 40 % once.
    """
    lr = np.random.default_rng(0).random((TIMED_SIDE, TIMED_SIDE, 3), dtype=np.float32)
    opened: dict[str, Upscaler] = {}
    for method in methods:
        try:
            opened[method.name] = method.open()
            opened[method.name](lr)  # fails here if it fails at all
        except SRGANError:
            opened.pop(method.name, None)
    times: dict[str, list[float]] = {name: [] for name in opened}
    for _ in range(rounds):
        for name, upscaler in opened.items():
            upscaler(lr)
            start = time.perf_counter()
            out = upscaler(lr)
            pixels = out.shape[0] * out.shape[1] / 1e6
            times[name].append((time.perf_counter() - start) / pixels)
    return {name: statistics.median(values) for name, values in times.items()}


def static_cost(weights: Path) -> tuple[int, int | None]:
    """Parameters and multiply-adds per LR pixel of a weights file; None for dictionary methods.

    Raises:
        ModelRefused: the file cannot be read.
    """
    from srgan.inference.graph import build_graph

    tensors, header = load_weights(weights)
    parameters = parameters_of(tensors)
    if header.architecture in CLASSICAL:
        return parameters, None
    return parameters, multiply_adds(build_graph(tensors, header))


def parameters_of(tensors: Tensors) -> int:
    """How many numbers of a weights file were learnt, not counted along the way."""
    counted = ("running_mean", "running_var", "num_batches_tracked")
    return sum(t.size for name, t in tensors.items() if not name.endswith(counted))


def multiply_adds(graph: bytes, side: int = 16) -> int:
    """Multiply-adds of a graph's convolutions per LR pixel."""
    import onnx

    model = onnx.load_from_string(graph)
    for dimension, size in zip(
        model.graph.input[0].type.tensor_type.shape.dim, (1, 3, side, side), strict=True
    ):
        dimension.dim_value = size
    inferred = onnx.shape_inference.infer_shapes(model)
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in inferred.graph.value_info
    }
    weights = {t.name: list(t.dims) for t in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            _, _, height, width = shapes[node.output[0]]
            products = height * width * int(np.prod(weights[node.input[1]]))
            if node.op_type == "ConvTranspose":  # an output pixel meets only a part of the kernel
                products //= int(np.prod(_strides(node)))
            total += products
    return total // side**2


def _strides(node: Any) -> list[int]:
    return next(list(a.ints) for a in node.attribute if a.name == "strides")


def memory_mb(method: Method) -> float | None:
    """Megabytes that a fresh process grows by at most.

    None where it cannot be known (no /proc), or the method fails.
    """
    if not _STATUS.exists():
        return None
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_grow, args=(theirs, method.open))
    process.start()
    theirs.close()
    try:
        grown: float = ours.recv()
    except EOFError:
        return None
    finally:
        process.join()
    return grown


def _grow(pipe: Any, open_method: Callable[[], Upscaler]) -> None:
    lr = np.zeros((TIMED_SIDE, TIMED_SIDE, 3), np.float32)
    before = _highest_mb()
    with suppress(SRGANError):  # told where it is measured on pictures
        open_method()(lr)
        pipe.send(_highest_mb() - before)


def _highest_mb() -> float:
    # getrusage would count what the parent had before this process began.
    for line in _STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("/proc/self/status has no VmHWM")
