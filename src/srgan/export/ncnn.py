"""A weights file as the two files of an ncnn model, for Upscayl, realesrgan-ncnn-vulkan and kin."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import RuntimeFailed, UsageError
from srgan.export.ncnn_model import INPUT, OUTPUT, build_ncnn
from srgan.image.atomic import atomic_file
from srgan.inference.graph import build_graph
from srgan.inference.open import naming, read_model
from srgan.inference.runtimes import open_runtime
from srgan.weights.format import Header, Tensors

TOLERANCE = {False: 1e-4, True: 0.01}
"""The greatest difference from our own fp32 that is allowed, in [0, 1], by whether the weights
are in float16."""

_SHAPES = ((3, 24, 31), (3, 17, 8), (3, 1, 1))


def export_ncnn(
    name_or_path: str | Path,
    out: str | Path,
    *,
    realism: float | None = None,
    half: bool = True,
    overwrite: bool = False,
) -> float | None:
    """Write a network as ncnn: blob ``data`` to blob ``output``, RGB in [0, 1], every size free.

    Args:
        name_or_path: a name that ``srgan.models()`` lists, or a weights file.
        out: the ``.param`` file; the ``.bin`` file stands beside it. Programs read the scale from
            the name, such as ``own-4x.param``.
        realism: as for :func:`srgan.inference.open.read_model`.
        half: weights in float16 instead of float32.
        overwrite: whether existing files may be replaced.

    Returns:
        The greatest difference from our own fp32 on noise; None where ncnn cannot be imported.

    Raises:
        ModelRefused: the weights cannot be used.
        UsageError: a network on luma, or a name from which another scale would be read.
        RuntimeFailed: ncnn does not give what the network gives; nothing is written.
        OutputFailed: a file exists or cannot be written.
    """
    tensors, header = read_model(name_or_path, realism)
    path = Path(out).with_suffix(".param")
    _check_name(path.stem, header.scale)
    with naming(name_or_path):
        param, weights = build_ncnn(tensors, header, half=half)
    difference = difference_from_fp32(param, weights, tensors, header)
    if difference is not None and not difference <= TOLERANCE[half]:
        mend = "try --fp32" if half else "check the weights for extreme values"
        raise RuntimeFailed(
            f"the network in ncnn differs from our own by {difference:.2g} where "
            f"{TOLERANCE[half]:g} is allowed; it was not written: {mend}"
        )
    with (
        atomic_file(path, overwrite=overwrite) as text,
        atomic_file(path.with_suffix(".bin"), overwrite=overwrite) as data,
    ):
        text.write(param.encode())
        data.write(weights)
    return difference


def scale_of_name(name: str) -> int:
    """The scale that Upscayl takes a model of this name to have."""
    for scale in (2, 3):
        if f"x{scale}" in name.lower() or f"{scale}x" in name.lower():
            return scale
    return 4


def difference_from_fp32(
    param: str, weights: bytes, tensors: Tensors, header: Header
) -> float | None:
    """The greatest difference between an ncnn model and the network in our fp32, in [0, 1].

    On noise of three sizes. None where ncnn is not installed or does not start, as without
    libgomp.
    """
    try:
        import ncnn
    except (ImportError, OSError):
        return None
    ours = open_runtime(build_graph(tensors, header), device="cpu", precision="fp32", threads=1)
    draw = np.random.default_rng(0)
    worst = 0.0
    with TemporaryDirectory() as folder:
        net = open_model(ncnn, Path(folder), param, weights)
        for shape in _SHAPES:
            picture = draw.random(shape, dtype=np.float32)
            expected = np.maximum(ours(picture[None])[0], 0.0)
            apart = np.abs(run_model(ncnn, net, picture) - expected).max()
            worst = float(np.maximum(worst, apart))  # which, unlike max, keeps NaN
    return worst


def open_model(ncnn: Any, folder: Path, param: str, weights: bytes) -> Any:
    """A model as an ``ncnn.Net`` that computes in fp32 on one CPU core.

    Args:
        ncnn: the module.
        folder: an empty one, for the two files.
        param, weights: as :func:`srgan.export.ncnn_model.build_ncnn` gives them.

    Raises:
        RuntimeFailed: ncnn does not read it.
    """
    (folder / "model.param").write_text(param, encoding="ascii")
    (folder / "model.bin").write_bytes(weights)
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_vulkan_compute = False
    # What is measured is the model, not what one processor makes of it.
    for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{name}", False)
    if net.load_param(str(folder / "model.param")) or net.load_model(str(folder / "model.bin")):
        raise RuntimeFailed("ncnn does not read the exported network; it was not written")
    return net


def run_model(ncnn: Any, net: Any, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a model makes of a picture, (3, H, W) contiguous → (3, H * scale, W * scale).

    Raises:
        RuntimeFailed: ncnn does not run it.
    """
    extractor = net.create_extractor()
    extractor.input(INPUT, ncnn.Mat(picture))  # which does not copy it
    status, out = extractor.extract(OUTPUT)
    if status:
        raise RuntimeFailed(f"ncnn does not run the exported network (status {status})")
    return np.array(out)


def _check_name(name: str, scale: int) -> None:
    read = scale_of_name(name)
    if read != scale:
        raise UsageError(
            f"{name}: programs would read x{read} from this name, and the network has x{scale}; "
            f"name it with -o, such as -o own-{scale}x.param"
        )
