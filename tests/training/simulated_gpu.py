"""A GPU that is none: CPU tensors that call themselves ``cuda:0``, under the real loops.

Every call of PyTorch passes here. Tensors of the device and of the CPU in one call are an error,
as on a GPU, but for copies and single numbers; what would make the CPU wait for the GPU is noted
with the function that asked. The arithmetic is the CPU's, so that a run must end in the CPU's bits.

What it cannot show: kernels, memory, speed, CUDA graphs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from srgan.processor import fast_bf16

aten = torch.ops.aten
DEVICE = torch.device("cuda:0")
_COPIES = {aten._to_copy.default, aten.copy_.default}
_WAITS = {
    aten._local_scalar_dense.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten.equal.default,
}

waits: list[str] = []
"""The trainer's functions that waited for the GPU, once for each time."""
sends: list[str] = []
"""Those that sent it a tensor from memory that is not pinned, for which the CPU waits as well."""


class OnGPU(torch.Tensor):
    """A tensor that says it lies on the GPU; its numbers are in ``held``."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "OnGPU":
        made: OnGPU = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=held.device,
        )
        return made

    def __init__(self, held: torch.Tensor) -> None:
        self.held = held

    device = property(lambda self: DEVICE)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]

    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        where = kwargs.get("device", args[0] if args else None)
        if isinstance(where, str | torch.device) and torch.device(where).type == "cpu":
            if not kwargs.get("non_blocking"):
                waits.append(asking())
            return self.held.clone()
        return super().to(*args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return self.to("cpu")

    def tolist(self) -> Any:
        return self.to("cpu").tolist()

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(func, args, kwargs or {})


class Gate(TorchDispatchMode):
    """Sees the calls that make tensors too, which have none among their arguments."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(func, args, kwargs or {})


def call(func: Any, args: Any, kwargs: Any) -> Any:
    """Do one call of PyTorch on the CPU and let its result lie where a GPU's would."""
    leaves = tree_leaves((args, kwargs))
    here = [x for x in leaves if isinstance(x, OnGPU)]
    away = [x for x in leaves if isinstance(x, torch.Tensor) and not isinstance(x, OnGPU)]
    if here and func not in _COPIES and any(x.ndim for x in away):
        raise RuntimeError(f"{func}: expected all tensors to be on the same device")
    indices = args[1] if func is aten.index.Tensor else []
    if here and (func in _WAITS or any(i is not None and i.dtype == torch.bool for i in indices)):
        waits.append(asking())
    asked = kwargs.get("device")
    if func is aten._to_copy.default and away and asked is not None:
        there = torch.device(asked).type == "cuda"
        if there and not (kwargs.get("non_blocking") and hasattr(away[0], "pinned")):
            sends.append(asking())
    on_gpu = bool(here) or (asked is not None and torch.device(asked).type == "cuda")
    if func is aten.copy_.default:
        on_gpu = isinstance(args[0], OnGPU)
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    made = func(
        *tree_map_only(OnGPU, lambda x: x.held, args),
        **tree_map_only(OnGPU, lambda x: x.held, kwargs),
    )
    # What was changed in place comes back as itself; what came from the CPU is a copy.
    same = {id(x.held): x for x in here}
    theirs = {id(x) for x in away}

    def place(x: torch.Tensor) -> torch.Tensor:
        if id(x) in same:
            return same[id(x)]
        return OnGPU(x.clone() if id(x) in theirs else x)

    return tree_map_only(torch.Tensor, place, made) if on_gpu else made


def asking() -> str:
    """The innermost function of the trainer that is at work."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if (
            "srgan" in Path(frame.f_code.co_filename).parts[-3:-1]
            and frame.f_code.co_name[0] != "<"
        ):
            return frame.f_code.co_name
    return "the test"


def pinned(tensor: torch.Tensor) -> torch.Tensor:
    tensor.pinned = True  # type: ignore[attr-defined]
    return tensor


class _Event:
    def record(self) -> None: ...
    def synchronize(self) -> None: ...


class _Autocast(torch.autocast):
    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


@contextmanager
def simulated_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """For its length there is a GPU ``cuda:0``; gives the functions that waited for it."""
    stand_ins = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: 1,
        "set_device": lambda device: None,
        "mem_get_info": lambda device=None: (1 << 33, 1 << 33),
        "is_bf16_supported": lambda including_emulation=True: fast_bf16(),
        "get_rng_state": lambda: torch.zeros(16, dtype=torch.uint8),
        "set_rng_state": lambda state: None,
        "manual_seed_all": lambda seed: None,
        "Event": _Event,
        "_lazy_init": lambda: None,
    }
    waits.clear()
    sends.clear()
    with monkeypatch.context() as patch:
        for name, stand_in in stand_ins.items():
            patch.setattr(torch.cuda, name, stand_in)
        patch.setattr(torch.Tensor, "pin_memory", pinned)
        patch.setattr(torch, "autocast", _Autocast)
        # torch.tensor(…, device=…) makes it on the CPU and moves it where the gate can see it.
        torch._C._set_only_lift_cpu_tensors(True)
        # A network that is moved gets new parameters, for these are of another class.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            with Gate():
                yield waits
        finally:
            torch._C._set_only_lift_cpu_tensors(False)
            torch.__future__.set_overwrite_module_params_on_conversion(False)
