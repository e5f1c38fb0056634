"""The program as a process: its standard streams and its end."""

import errno
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.main import get_command

from srgan.cli.elsewhere import OURS
from srgan.cli.main import build

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells differ there")


def in_shell(line: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a line of sh in which "$@" is the program with these arguments."""
    words = [sys.executable, "-m", "srgan.cli.main", *map(str, arguments)]
    return subprocess.run(
        ["sh", "-c", line, "sh", *words], capture_output=True, text=True, errors="replace"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_output_is_one_line_and_a_status() -> None:
    ran = in_shell('"$@" > /dev/full', "models")
    assert ran.returncode == 1
    assert ran.stderr == "srgan: standard output cannot be written: No space left on device\n"


def test_who_has_read_enough_is_no_failure_of_a_picture() -> None:
    ran = in_shell('("$@"; echo $? >&2) | true', "models")
    assert ran.stderr == "141\n"


def test_closed_streams_do_no_harm(tmp_path: Path) -> None:
    photo, large = tmp_path / "photo.png", tmp_path / "large.png"
    Image.new("RGB", (5, 4), (10, 200, 30)).save(photo)
    ran = in_shell('"$@" <&- >&- 2>&-', "upscale", photo, "-o", large, "-m", "nearest")
    assert ran.returncode == 0
    with Image.open(large) as image:
        assert image.size == (20, 16)
        assert image.getpixel((19, 15)) == (10, 200, 30)


def test_all_is_written_before_the_end() -> None:
    ran = in_shell('"$@" | cat', "models")
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[0].startswith("model")
    assert any(line.startswith("srresnet") for line in ran.stdout.splitlines())


@pytest.mark.parametrize(
    ("encoding", "name", "arrow"),
    [
        ("ascii", r"\u0142\xf3d\u017a_x4.png", "->"),
        ("ascii:surrogateescape", r"\u0142\xf3d\u017a_x4.png", "->"),
        ("cp1252", r"\u0142ód\u017a_x4.png", "->"),
        ("utf-8", "łódź_x4.png", "→"),
    ],
)
def test_what_the_output_cannot_encode_is_spelled(
    tmp_path: Path, encoding: str, name: str, arrow: str
) -> None:
    photos = [tmp_path / "łódź.png", tmp_path / "plain.png"]
    for photo in photos:
        Image.new("RGB", (2, 2)).save(photo)
    given = [str(p) for p in photos]
    ran = in_shell(f'PYTHONIOENCODING={encoding} "$@"', "upscale", *given, "-m", "nearest")
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.replace("�", "ó").splitlines()
    assert f"{name}  2x2 {arrow} 8x8" in lines[0]
    assert len(lines) == 2
    assert (tmp_path / "plain_x4.png").exists()


def test_an_empty_argument_is_not_the_current_folder(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4)).save(tmp_path / "photo.png")
    ran = in_shell(f'cd "{tmp_path}" && "$@"', "upscale", "", "-m", "bicubic")
    assert ran.returncode == 2
    assert ran.stderr.startswith("srgan: an argument is empty")
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_a_current_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    ran = in_shell(f'cd "{tmp_path}/gone" && rmdir ../gone && "$@"', "upscale", "photo.png")
    assert ran.returncode == 1
    assert ran.stderr == "srgan: the current folder is gone: No such file or directory\n"


def test_who_has_no_temporary_folder_is_told_of_it(
    srgan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.open

    def read_only(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, "Read-only file system")
        return usual(path, flags, mode)

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(os, "open", read_only)
    monkeypatch.setattr("srgan.cli.main.build", lambda: tempfile.mkdtemp)
    monkeypatch.setattr("srgan.cli.main._silence", lambda stream: None)  # it is pytest's here
    ran = srgan("models")
    monkeypatch.undo()
    assert ran.status == 1
    told = "srgan: set TMPDIR to a folder that can be written: No usable temporary directory found"
    assert ran.err.startswith(told)


@pytest.mark.parametrize(
    ("command", "given", "hint"),
    [
        ("upscale", "-n", "here it is --model"),
        ("upscale", "-i", "files are given without an option"),
        ("upscale", "--tile_pad", "--exact makes it exact"),
        ("upscale", "--tta", "put a + behind the model's name"),
        ("video", "--model_name", "here it is --model"),
        ("video", "-t", "No such option: -t\n"),  # nor is there a --tile
    ],
)
def test_options_of_other_programs_are_answered_with_ours(
    srgan: Callable[..., Any], command: str, given: str, hint: str
) -> None:
    ran = srgan(command, given, "x", "a.jpg")
    assert ran.status == 2
    assert hint in ran.err


def test_the_hints_name_options_that_there_are() -> None:
    upscale = get_command(build()).commands["upscale"]  # type: ignore[attr-defined]
    known = {name for parameter in upscale.params for name in parameter.opts}
    assert known.isdisjoint(OURS)
    assert known.issuperset(re.findall("--[a-z-]+", " ".join(OURS.values())))


def test_the_package_runs_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "srgan", "upscale"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "INPUT" in ran.stderr


def test_a_file_whose_name_begins_with_a_dash_is_told_how_to_be_named(
    srgan: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("-dash.png")
    ran = srgan("upscale", "-dash.png", "-m", "nearest")
    assert ran.status == 2
    assert "-dash.png is taken for options; name the file ./-dash.png" in ran.err
    assert srgan("upscale", "./-dash.png", "-m", "nearest").status == 0
    assert Image.open("-dash_x4.png").size == (32, 32)
