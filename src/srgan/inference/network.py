"""A network as an upscaler, with a guard against values that are no picture."""

import contextlib
import math
import threading
from collections.abc import Callable

import numpy as np

from srgan.errors import RuntimeFailed, SRGANError
from srgan.inference.runtimes import Batch, Device, Precision, Runtime, open_runtime
from srgan.inference.upscaler import Image


class Network:
    """Enlarges a whole picture with one run of a network.

    Several threads may call it; it works for one after the other, each with all cores.

    Args:
        graph: the serialised ONNX model for a precision.
        scale: the network's factor.
        device, precision: where and how it runs.
        threads: CPU cores.
    """

    def __init__(
        self,
        graph: Callable[[Precision], bytes],
        *,
        scale: int,
        device: Device,
        precision: Precision,
        threads: int,
    ) -> None:
        self.scale = scale
        self.device = device
        self.precision = precision
        self._graph = graph
        self._threads = threads
        self._runtimes: dict[Precision, Runtime] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def start(self) -> None:
        """Start the runtime while the caller does something else, such as reading a picture."""

        def prepare() -> None:
            # Whatever is wrong is told to the first who wants a picture.
            with contextlib.suppress(SRGANError, MemoryError):
                self.runtime(self.precision)

        # No daemon: it must not wake up in an interpreter that is being taken down.
        threading.Thread(target=prepare, name="start").start()

    def runtime(self, precision: Precision) -> Runtime:
        """The runtime of a precision, started at its first use.

        Raises:
            RuntimeFailed: it cannot be started.
        """
        with self._lock:
            if precision not in self._runtimes:
                self._runtimes[precision] = open_runtime(
                    self._graph(precision),
                    device=self.device,
                    precision=precision,
                    threads=self._threads,
                )
            return self._runtimes[precision]

    def __call__(self, image: Image) -> Image:
        """(H, W, 3) float32 in [0, 1] → (H * scale, W * scale, 3), not clipped.

        Raises:
            RuntimeFailed: the network cannot be run, or gives NaN or infinity even in fp32.
            MemoryError: there is too little memory for a picture of this size.
        """
        batch = np.ascontiguousarray(image.transpose(2, 0, 1))[None]  # (1, 3, H, W)
        out = self._run(self.precision, batch)
        if not _finite(out) and self.precision != "fp32":
            out = self._run("fp32", batch)
        if out.shape[2:] != (image.shape[0] * self.scale, image.shape[1] * self.scale):
            raise RuntimeFailed(
                f"the network gave {out.shape[3]}x{out.shape[2]} pixels for an input of "
                f"{image.shape[1]}x{image.shape[0]}; try again with --device cpu or another runtime"
            )
        if not _finite(out):
            raise RuntimeFailed(
                "the network gave NaN or infinity; the input or the weights hold values that no "
                "picture has: check both, or take another model"
            )
        enlarged: Image = out[0].transpose(1, 2, 0)
        return enlarged

    def _run(self, precision: Precision, batch: Batch) -> Batch:
        runtime = self.runtime(precision)
        with self._turn:
            return runtime(batch)


def _finite(out: Batch) -> bool:
    # NaN and infinity survive a sum, which is far cheaper than looking at each value.
    return math.isfinite(float(out.sum()))
