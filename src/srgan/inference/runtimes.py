"""What executes a graph: OpenVINO on the CPU; ONNX Runtime elsewhere, and on NVIDIA's GPUs.

Each runtime is a callable on batches that several threads may use at once. One without memory
raises ``MemoryError``, so that the caller can try a smaller tile; any other failure raises
:class:`~srgan.errors.RuntimeFailed`.
"""

import ctypes
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from srgan.errors import RuntimeFailed, UsageError
from srgan.processor import fast_bf16

Batch = NDArray[np.float32]
Pair = NDArray[np.int64]
Precision = Literal["fp32", "bf16", "int8"]
Device = Literal["cpu", "cuda"]

_NO_MEMORY = ("out of memory", "bad_alloc", "bad allocation", "allocate", "not enough memory")


class Runtime(Protocol):
    """A network that is ready to run."""

    name: str
    precision: Precision
    device: Device

    def __call__(self, batch: Batch, **pairs: Pair) -> Batch:
        """(N, 3, H, W) RGB in [0, 1] → (N, 3, H * scale, W * scale).

        Args:
            pairs: the graph's other inputs; see :func:`srgan.inference.graph.build_graph`.
        """
        ...


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        if any(sign in text.lower() for sign in _NO_MEMORY):
            raise MemoryError(text) from error
        raise RuntimeFailed(f"{name} could not run the network: {text[:300]}") from error


_KEPT_KERNELS = 256
"""What OpenVINO may keep for sizes seen before: more than the tiles of one picture need, which have
at most nine sizes. Its own 5,000 are a gigabyte after some hundred pictures of different sizes."""


class OpenVino:
    """OpenVINO on the CPU.

    Args:
        model: the serialised ONNX model.
        precision: of the arithmetic; the values in and out are float32 in any case. ``"int8"``
            wants a model with quantised layers and takes bf16 for the rest where that is fast.
        threads: cores to use for each batch.
    """

    name = "openvino"
    device: Device = "cpu"

    def __init__(self, model: bytes, *, precision: Precision, threads: int) -> None:
        self.precision = precision
        self._model, self._threads = model, threads
        self._lock = threading.Lock()
        self._compiled = self._compile()
        # An infer request is one thread's own.
        self._local = threading.local()

    def _compile(self) -> Any:
        wanted = self.precision == "bf16" or (self.precision == "int8" and fast_bf16())
        narrow = wanted and native_bf16()
        with _failures(self.name):
            core = _openvino_core()
            return core.compile_model(
                core.read_model(self._model),
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": "bf16" if narrow else "f32",
                    "INFERENCE_NUM_THREADS": self._threads,
                    "NUM_STREAMS": 1,
                    "ENABLE_CPU_PINNING": False,
                    "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_KERNELS,
                },
            )

    def __call__(self, batch: Batch, **pairs: Pair) -> Batch:
        compiled = self._compiled
        if getattr(self._local, "compiled", None) is not compiled:
            self._local.compiled, self._local.request = compiled, compiled.create_infer_request()
        try:
            with _failures(self.name):
                inputs = {"input": np.ascontiguousarray(batch), **pairs}
                out = np.asarray(self._local.request.infer(inputs, share_inputs=True)[0])
                if out.size == 0:
                    raise MemoryError("OpenVINO gave no values, as it does without memory")
                return out
        except (MemoryError, RuntimeFailed):
            # Once it went without memory, a compiled model gives wrong values.
            self._local.compiled = self._local.request = None
            with self._lock:
                if self._compiled is compiled:
                    self._compiled = self._compile()
            raise


class OnnxRuntime:
    """ONNX Runtime, on the CPU or through its CUDA provider."""

    name = "onnxruntime"

    def __init__(self, model: bytes, *, precision: Precision, threads: int, device: Device) -> None:
        import onnxruntime

        self.device: Device = device
        self.precision = precision
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # The arena keeps what the largest tile needed, and grows with every new shape.
        options.enable_cpu_mem_arena = False
        provider = "CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider"
        with _failures(self.name):
            self._session = onnxruntime.InferenceSession(model, options, providers=[provider])
        if provider not in self._session.get_providers():
            raise RuntimeFailed(
                "ONNX Runtime could not start on the GPU; update its driver and CUDA libraries, "
                "or use the device cpu"
            )

    def __call__(self, batch: Batch, **pairs: Pair) -> Batch:
        with _failures(self.name):
            inputs = {"input": np.ascontiguousarray(batch), **pairs}
            return np.asarray(self._session.run(["output"], inputs)[0], np.float32)


_openvino_process: int | None = None
"""The process in which OpenVINO was started."""


@cache
def _openvino_core() -> Any:
    global _openvino_process
    _openvino_process = os.getpid()
    # Without its model converter, which is optional there, unused here, and takes as long to
    # import as all the rest; it also brings telemetry.
    converter = "openvino.tools.ovc"
    left_out = converter not in sys.modules
    if left_out:
        sys.modules[converter] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if left_out:
            del sys.modules[converter]
    return openvino.Core()


def installed(module: str) -> bool:
    """Whether a module can be imported; it is not imported."""
    return importlib.util.find_spec(module) is not None


def has_openvino() -> bool:
    """Whether OpenVINO can run here: not where it was started before the process was forked.

    Its threads do not come along, and it waits for them for ever.
    """
    return installed("openvino") and _openvino_process in (None, os.getpid()) and _openvino_starts()


@cache
def _openvino_starts() -> bool:
    try:
        _openvino_core()
    except Exception:  # a library of the system that it wants is not there, for one
        return False
    return True


@cache
def native_bf16() -> bool:
    """Whether OpenVINO is there and this CPU has bf16 instructions."""
    if not has_openvino():
        return False
    try:
        capabilities = _openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except Exception:  # whatever is wrong with it, the CPU has no bf16 for us
        return False
    return "BF16" in capabilities


@cache
def has_cuda() -> bool:
    """Whether ONNX Runtime was built for CUDA and a GPU answers."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return False
    if not list(Path(spec.origin).parent.glob("capi/*onnxruntime_providers_cuda*")):
        return False
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int()
        found = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        return bool(found) and count.value > 0
    except (OSError, AttributeError):
        return False


def check_threads(threads: int | None) -> None:
    """Refuse what is no number of threads.

    Raises:
        UsageError: it is below 1.
    """
    if threads is not None and threads < 1:
        raise UsageError(f"--threads must be at least 1, not {threads}")


def check_names(device: str = "auto", precision: str = "auto") -> None:
    """Refuse a device or precision that there is not, of a model or a filter.

    Raises:
        UsageError: naming those that there are.
    """
    if device not in ("auto", *get_args(Device)):
        raise UsageError(f"device {device!r} is unknown; it is auto, cpu or cuda")
    if precision not in ("auto", *get_args(Precision)):
        raise UsageError(f"precision {precision!r} is unknown; it is auto, fp32, bf16 or int8")


def choose_device(device: str) -> Device:
    """The device for ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        UsageError: the name is unknown.
        RuntimeFailed: there is no such device here.
    """
    check_names(device)
    if device == "cuda" and not has_cuda():
        raise RuntimeFailed(
            "no CUDA device can be used: install onnxruntime-gpu and an NVIDIA driver, "
            "or use --device cpu"
        )
    return "cuda" if device != "cpu" and has_cuda() else "cpu"


def open_runtime(model: bytes, *, device: Device, precision: Precision, threads: int) -> Runtime:
    """The fastest runtime that is installed for a device.

    Raises:
        RuntimeFailed: none is installed, or it refuses the model.
    """
    if device == "cpu" and has_openvino():
        return OpenVino(model, precision=precision, threads=threads)
    if installed("onnxruntime"):
        kept: Precision = "int8" if precision == "int8" else "fp32"
        return OnnxRuntime(model, precision=kept, threads=threads, device=device)
    raise RuntimeFailed(
        "neither openvino nor onnxruntime is installed; run `pip install onnxruntime`"
    )
