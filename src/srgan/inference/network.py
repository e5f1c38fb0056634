"""A network as an upscaler, with a guard against values that are no picture."""

import contextlib
import math
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np

from srgan.errors import RuntimeFailed, SRGANError, UsageError
from srgan.inference.runtimes import Batch, Device, Pair, Precision, Runtime, open_runtime
from srgan.inference.upscaler import Image

_networks: "weakref.WeakSet[Network]" = weakref.WeakSet()


def _after_fork() -> None:
    for network in list(_networks):
        network.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Network:
    """Enlarges a whole picture with one run of a network.

    Several threads may call it; it works for one after the other, each with all cores. A forked
    process may go on with it.

    Args:
        graph: the serialised ONNX model for a precision.
        scale: the network's factor.
        device, precision: where and how it runs.
        threads: CPU cores.
        end_reach: of a graph that can enlarge a part; see
            :func:`srgan.inference.graph.end_reach`.
    """

    def __init__(
        self,
        graph: Callable[[Precision], bytes],
        *,
        scale: int,
        device: Device,
        precision: Precision,
        threads: int,
        end_reach: int | None = None,
    ) -> None:
        self.scale = scale
        self.device = device
        self.precision = precision
        self._graph = graph
        self._threads = threads
        self._end_reach = end_reach
        self._runtimes: dict[Precision, Runtime] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._of_parents: list[dict[Precision, Runtime]] = []
        _networks.add(self)

    def __reduce__(self) -> NoReturn:
        """What copies or pickles it would have to open it again.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "an open model cannot be pickled or copied deeply; "
            "open it in each process by srgan.load"
        )

    def renew(self) -> None:
        """Begin anew in a forked process, without the threads that its parent's runtimes have.

        Nor is there anybody here who could release a lock that was held.
        """
        # Kept: ending them would wait for those threads.
        self._of_parents.append(self._runtimes)
        self._runtimes = {}
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
        return self.part(image, slice(0, image.shape[0]), slice(0, image.shape[1]))

    def part(self, image: Image, rows: slice, columns: slice) -> Image:
        """Enlarge some rows and columns of a picture as they are in the whole.

        Args:
            image: (H, W, 3) float32 in [0, 1].
            rows, columns: both with a start and a stop within the picture.

        Returns:
            (h * scale, w * scale, 3) of h rows and w columns, not clipped.

        Raises:
            RuntimeFailed: as for the whole.
            MemoryError: as for the whole.
        """
        batch = np.ascontiguousarray(image.transpose(2, 0, 1))[None]  # (1, 3, H, W)
        start, stop, pairs = (0, 0), image.shape[:2], {}
        if self._end_reach is not None:
            start = tuple(max(0, side.start - self._end_reach) for side in (rows, columns))
            stop = tuple(
                min(length, side.stop + self._end_reach)
                for length, side in zip(stop, (rows, columns), strict=True)
            )
            pairs = {"start": np.array(start), "stop": np.array(stop)}
        out = self._run(self.precision, batch, pairs)
        if not _finite(out) and self.precision != "fp32":
            out = self._run("fp32", batch, pairs)
        height, width = ((b - a) * self.scale for a, b in zip(start, stop, strict=True))
        if out.shape[2:] != (height, width):
            raise RuntimeFailed(
                f"the network gave {out.shape[3]}x{out.shape[2]} pixels in place of "
                f"{width}x{height}; try again with the device cpu or another runtime"
            )
        if not _finite(out):
            raise RuntimeFailed(
                "the network gave NaN or infinity; the input or the weights hold values that no "
                "picture has: check both, or take another model"
            )
        inner = (
            slice((side.start - first) * self.scale, (side.stop - first) * self.scale)
            for side, first in zip((rows, columns), start, strict=True)
        )
        enlarged: Image = out[0].transpose(1, 2, 0)[tuple(inner)]
        return enlarged

    def _run(self, precision: Precision, batch: Batch, pairs: Mapping[str, Pair]) -> Batch:
        runtime = self.runtime(precision)
        with self._turn:
            return runtime(batch, **pairs)


def _finite(out: Batch) -> bool:
    # NaN and infinity survive a sum, which is far cheaper than looking at each value.
    return math.isfinite(float(out.sum()))
