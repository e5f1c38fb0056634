"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from srgan.errors import OutputFailed
from srgan.image.atomic import atomic_file, is_temporary, sweep


def test_the_name_appears_with_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    with atomic_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" whole")
    assert path.read_bytes() == b"half whole"
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail() -> None:
        with atomic_file(path, overwrite=True) as file:
            file.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"

    def race() -> None:
        with atomic_file(path):
            path.write_bytes(b"other")

    with pytest.raises(OutputFailed, match="exists already"):
        race()
    assert path.read_bytes() == b"other"


def test_what_the_system_says_is_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputFailed, match="cannot be written"), atomic_file(tmp_path / "file/a"):
        pass
    with (
        pytest.raises(OutputFailed, match="File name too long"),
        atomic_file(tmp_path / ("x" * 256)),
    ):
        pass


def test_a_name_may_fill_its_255_bytes(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    with atomic_file(path) as file:
        file.write(b"1")
    assert path.exists()


def test_the_sweep_takes_only_what_the_dead_left(tmp_path: Path) -> None:
    left = tmp_path / ".srgan-0123456789abcdef.part"
    left.touch()
    with atomic_file(tmp_path / "a.bin") as file:
        assert sweep(tmp_path) == 1
        assert not left.exists()
        assert [is_temporary(p) for p in tmp_path.iterdir()] == [True]
        file.write(b"1")
    assert (tmp_path / "a.bin").read_bytes() == b"1"
