"""A weights file as an ONNX file, for other programs."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srgan.errors import RuntimeFailed
from srgan.image.atomic import atomic_file
from srgan.image.colour import luma
from srgan.inference.graph import build_graph
from srgan.inference.open import naming, read_model
from srgan.inference.runtimes import installed, open_runtime
from srgan.weights.format import LUMA_ARCHITECTURES, Header, Tensors

TOLERANCE = 1e-4
"""The greatest difference from PyTorch that an exported network may show, in [0, 1]."""

_SHAPES = ((1, 3, 24, 31), (2, 3, 17, 8), (1, 3, 1, 1))


def export_onnx(
    name_or_path: str | Path,
    out: str | Path,
    *,
    realism: float | None = None,
    overwrite: bool = False,
) -> float | None:
    """Write a network as ONNX: ``input`` to ``output``, RGB in [0, 1], every size free.

    Args:
        name_or_path: a name that ``srgan.models()`` lists, or a weights file.
        out: the ONNX file to write.
        realism: as for :func:`srgan.inference.open.read_model`.
        overwrite: whether an existing file may be replaced.

    Returns:
        The greatest difference from PyTorch on noise; None where PyTorch is not installed.

    Raises:
        ModelRefused: the weights cannot be used.
        UsageError: the model has no realism dial.
        RuntimeFailed: the graph does not do what the network does; nothing is written.
        OutputFailed: the file exists or cannot be written.
    """
    tensors, header = read_model(name_or_path, realism)
    with naming(name_or_path):
        model = build_graph(tensors, header)
    difference = difference_from_torch(model, tensors, header) if installed("torch") else None
    if difference is not None and not difference <= TOLERANCE:
        raise RuntimeFailed(
            f"the exported network differs from PyTorch by {difference:.2g} where {TOLERANCE:g} "
            "is allowed; it was not written. Check the weights for extreme values"
        )
    with atomic_file(out, overwrite=overwrite) as file:
        file.write(model)
    return difference


def difference_from_torch(model: bytes, tensors: Tensors, header: Header) -> float:
    """The greatest difference between an ONNX model and its network in PyTorch, in [0, 1].

    Of a network that works on luma, which its graph takes from RGB: between their luma.
    """
    import torch

    from srgan.networks.build import build

    network = build(header.architecture, header.arguments).eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    runtime = open_runtime(model, device="cpu", precision="fp32", threads=1)
    low, high = header.output_range
    view = _luma if header.architecture in LUMA_ARCHITECTURES else np.asarray
    draw = np.random.default_rng(0)
    worst = 0.0
    for shape in _SHAPES:
        batch = draw.random(shape, dtype=np.float32)
        with torch.no_grad():
            expected = (network(torch.from_numpy(view(batch))).numpy() - low) / (high - low)
        apart = np.abs(view(runtime(batch)) - expected).max()
        worst = float(np.maximum(worst, apart))  # which, unlike max, keeps NaN
    return worst


def _luma(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 3, H, W) RGB → (N, 1, H, W) luma."""
    return luma(batch.transpose(0, 2, 3, 1))[:, None].astype(np.float32)
