"""Read tensors from PyTorch's ``.pth`` files without PyTorch, and without running their code.

A ``.pth`` file is a pickle, which could name any function. Here only the names that a dictionary
of tensors needs are known; any other is refused. Both containers are read: the zip file of
PyTorch 1.6 and later, and the older sequence of pickles.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused

_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
}
_MAGIC = 0x1950A86A20F9469CFC6C


class _Storage:
    """The flat samples that tensors are views of; the older container fills them in last."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.data: NDArray[Any] = np.empty(0, dtype)


class _View:
    """A tensor: shape and strides into a storage."""

    def __init__(self, storage: _Storage, offset: int, size: Any, stride: Any, *_: Any) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self) -> NDArray[np.float32]:
        data, item = self.storage.data, self.storage.dtype.itemsize
        last = sum((n - 1) * s for n, s in zip(self.size, self.stride, strict=True))
        if self.offset < 0 or min((*self.size, *self.stride, 1)) < 0:
            raise ValueError("a tensor has a negative size")
        if 0 not in self.size and self.offset + last >= len(data):
            raise ValueError("a tensor reaches beyond the data")
        view = np.lib.stride_tricks.as_strided(
            data[self.offset :], self.size, [s * item for s in self.stride], writeable=False
        )
        return np.array(view, np.float32)


def _parameter(view: _View, *_: Any) -> _View:
    return view


class _Unpickler(pickle.Unpickler):
    """Knows tensors and dictionaries, nothing else."""

    def __init__(self, file: IO[bytes], load: Callable[[str, _Storage], None]) -> None:
        super().__init__(file, encoding="utf-8")
        self.load_storage = load
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _View
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no tensor")

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, *_rest = pid
        if key not in self.storages:
            self.storages[key] = _Storage(dtype)
            self.load_storage(key, self.storages[key])
        return self.storages[key]


def load_torch_file(path: str | Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a state dictionary, as float32.

    Args:
        path: a ``.pth`` or ``.pt`` file that holds a dictionary of tensors.

    Raises:
        ModelRefused: it is missing, damaged, or holds anything but tensors.
    """
    try:
        with Path(path).open("rb") as file:
            zipped = zipfile.is_zipfile(file)
            file.seek(0)
            state = _read_zip(file) if zipped else _read_sequence(file)
        return {str(name): view.array() for name, view in state.items() if isinstance(view, _View)}
    except FileNotFoundError as error:
        raise ModelRefused(f"{path}: there is no such weights file") from error
    except Exception as error:  # a damaged pickle fails in every way there is
        raise ModelRefused(f"{path}: not a PyTorch file of tensors ({error})") from error


def _read_zip(file: IO[bytes]) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
        folder = name[: -len("data.pkl")]

        def load(key: str, storage: _Storage) -> None:
            storage.data = np.frombuffer(archive.read(f"{folder}data/{key}"), storage.dtype)

        with archive.open(name) as pickled:
            return dict(_Unpickler(pickled, load).load())


def _read_sequence(file: IO[bytes]) -> dict[str, Any]:
    def later(key: str, storage: _Storage) -> None:
        """The samples follow behind the pickles."""

    if _Unpickler(file, later).load() != _MAGIC:
        raise ValueError("its first number is not PyTorch's")
    _Unpickler(file, later).load()  # protocol version
    _Unpickler(file, later).load()  # facts of the machine that wrote it
    reader = _Unpickler(file, later)
    state = reader.load()
    for key in _Unpickler(file, later).load():
        storage = reader.storages[key]
        count = int.from_bytes(file.read(8), "little")
        samples = file.read(count * storage.dtype.itemsize)
        storage.data = np.frombuffer(samples, storage.dtype, count)
    return dict(state)
