"""PyTorch's files, read without it."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from srgan.errors import ModelRefused
from srgan.weights.torch_file import _Storage, _View, load_torch_file

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("zipped", [True, False])
def test_both_containers(tmp_path: Path, zipped: bool) -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = {
        "weight": base,
        "transposed": base.T[1:3],
        "half": torch.tensor([0.5, -2.0]).half(),
        "scalar": torch.tensor(3.0),
        "parameter": torch.nn.Parameter(torch.tensor([7.0])),
    }
    path = tmp_path / "w.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    got = load_torch_file(path)
    assert sorted(got) == sorted(state)
    for name, tensor in state.items():
        assert np.array_equal(got[name], tensor.detach().float().numpy()), name


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (7,), (1,)),
        (1, (6,), (1,)),
        (6, (), ()),
        (0, (2, 3), (4, 1)),
        (-1, (1,), (1,)),
        (0, (-1,), (1,)),
        (5, (2,), (-1,)),
    ],
)
def test_a_tensor_that_leaves_its_data_is_refused(
    offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    storage = _Storage(np.dtype(np.float32))
    storage.data = np.arange(6, dtype=np.float32)
    assert _View(storage, 1, (2, 2), (3, 1)).array().tolist() == [[1, 2], [4, 5]]
    assert _View(storage, 6, (0,), (1,)).array().shape == (0,)
    with pytest.raises(ValueError, match="a tensor"):
        _View(storage, offset, size, stride).array()


class _Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('ran')",))


def test_code_is_refused_not_run(tmp_path: Path) -> None:
    path = tmp_path / "attack.pth"
    torch.save({"w": _Attack()}, path)
    with pytest.raises(ModelRefused, match=r"names .*exec, which is no tensor"):
        load_torch_file(path)
    path.write_bytes(pickle.dumps(_Attack()))
    with pytest.raises(ModelRefused, match="not a PyTorch file"):
        load_torch_file(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"w": torch.ones(1000)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelRefused):
        load_torch_file(path)
    with pytest.raises(ModelRefused, match="no such"):
        load_torch_file(tmp_path / "absent.pth")
