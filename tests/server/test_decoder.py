import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import picture

from srgan.errors import ImageRefused, LimitExceeded
from srgan.image.files import read_picture
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Metadata, Picture
from srgan.server.child import Child, ChildDied
from srgan.server.decoder import (
    Convert,
    Decode,
    Decoder,
    Look,
    _address_space,
    load_planes,
    save_planes,
)

LIMITS = Limits(100_000, 1_000_000, 10)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Child]:
    child = Child("test-decoder", Decoder(LIMITS, seconds=60, memory=300 << 20))
    yield child
    child.stop()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_picture_comes_out_of_the_child_as_it_is(
    decoder: Child, tmp_path: Path, mode: str
) -> None:
    source = tmp_path / "upload"
    source.write_bytes(picture(12, 20, mode=mode))
    info = decoder.ask(Look(source), timeout=180)
    assert (info.width, info.height, info.frames, info.format) == (20, 12, 1, "PNG")
    decoder.ask(Decode(source, tmp_path), timeout=180)
    expected, got = read_picture(source), load_planes(tmp_path)
    assert np.array_equal(got.frames[0].colour, expected.frames[0].colour)
    assert got.has_alpha == expected.has_alpha == (mode == "RGBA")
    if expected.frames[0].alpha is not None and got.frames[0].alpha is not None:
        assert np.array_equal(got.frames[0].alpha, expected.frames[0].alpha)
    assert replace(got, frames=()) == replace(expected, frames=())


def test_frames_metadata_and_depth_survive_the_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = tuple(
        Frame(
            rng.integers(0, 65536, (4, 5, 3)).astype(np.uint16),
            rng.integers(0, 65536, (4, 5)).astype(np.uint16),
            duration,
        )
        for duration in (40.0, 60.0)
    )
    metadata = Metadata(icc=b"\x00\xff", exif=b"MM", dpi=(72.0, 96.5), loop=3)
    save_planes(Picture(frames, metadata, "PNG", ("a notice",)), tmp_path)
    got = load_planes(tmp_path)
    assert (got.metadata, got.notices) == (metadata, ("a notice",))
    assert [f.duration_ms for f in got.frames] == [40.0, 60.0]
    for frame, expected in zip(got.frames, frames, strict=True):
        assert frame.colour.dtype == np.uint16
        assert np.array_equal(frame.colour, expected.colour)
        assert frame.alpha is not None
        assert expected.alpha is not None
        assert np.array_equal(frame.alpha, expected.alpha)


def test_pages_of_other_sizes_survive_the_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = tuple(
        Frame(rng.integers(0, 256, (*size, 3)).astype(np.uint8), dpi=dpi)
        for size, dpi in (((4, 5), (72.0, 96.5)), ((7, 2), None))
    )
    save_planes(Picture(frames, format="TIFF"), tmp_path)
    for got, expected in zip(load_planes(tmp_path).frames, frames, strict=True):
        np.testing.assert_array_equal(got.colour, expected.colour)
        assert (got.alpha, got.dpi) == (None, expected.dpi)


_UNDER_LIMITS = """
import resource, sys
from pathlib import Path
from srgan.image.limits import Limits
from srgan.server import decoder

memory = 8 << 30
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (3600, 3600))
answer = decoder.Decoder(Limits(), seconds=7200, memory=2 * memory)()
info = answer(decoder.Look(Path(sys.argv[1])), None)
print(info.width, resource.getrlimit(resource.RLIMIT_AS)[0] == memory)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set on Linux alone")
def test_who_starts_the_server_may_grant_less_than_it_would_take(tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(picture(12, 20))
    command = [sys.executable, "-c", _UNDER_LIMITS, str(source)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("20 True\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set on Linux alone")
def test_the_memory_in_use_is_known_without_proc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = _address_space()
    monkeypatch.setattr("srgan.server.decoder._STATM", tmp_path / "none")
    assert 5 << 20 < _address_space() <= told  # no Python takes less


_ON_A_FULL_DISK = """
import numpy as np, sys
from pathlib import Path
from srgan.image.picture import Frame, Metadata, Picture
from srgan.server.decoder import save_planes
frame = Frame(np.ones((300, 300, 3), np.uint8))
try:
    save_planes(Picture((frame,), Metadata(), "PNG", ()), Path(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""


def test_a_full_disk_is_an_error_and_not_the_end_of_the_child(tmp_path: Path) -> None:
    """A file that is mapped has its blocks only when they are written to: SIGBUS."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mounted = 'mount -t tmpfs -o size=64k tmpfs "$1" || exit 77; exec "$2" -c "$3" "$1"'
    words = ["sh", str(tmp_path), sys.executable, _ON_A_FULL_DISK]
    try:
        ran = subprocess.run([*command, mounted, *words], capture_output=True, text=True)
    except OSError:
        pytest.skip("needs Linux")
    if ran.returncode in (1, 77):
        pytest.skip("needs the right to mount in a user namespace")
    assert (ran.returncode, ran.stdout) == (0, "No space left on device\n"), ran.stderr


def test_what_is_no_picture_or_too_large_is_refused(decoder: Child, tmp_path: Path) -> None:
    text, large = tmp_path / "text", tmp_path / "large"
    text.write_bytes(b"hello")
    large.write_bytes(picture(400, 300))
    with pytest.raises(ImageRefused):
        decoder.ask(Look(text), timeout=180)
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        decoder.ask(Look(large), timeout=180)
    assert decoder.starts == 1


def test_a_result_may_be_converted_although_no_upload_may_be_as_large(
    decoder: Child, tmp_path: Path
) -> None:
    source, target = tmp_path / "result.png", tmp_path / "result.webp"
    source.write_bytes(picture(400, 300, mode="RGBA"))
    decoder.ask(Convert(source, target, "WEBP", 80), timeout=180)
    got = read_picture(target)
    assert (got.width, got.height, got.has_alpha) == (300, 400, True)


def test_memory_is_bounded(tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(picture(3000, 3000, mode="L"))
    limits = Limits(100_000_000, 100_000_000, 1)
    child = Child("test-decoder", Decoder(limits, seconds=60, memory=4 << 20))
    try:
        # Whether a decoder can tell is the decoder's affair.
        with pytest.raises((ImageRefused, ChildDied)):
            child.ask(Decode(source, tmp_path), timeout=180)
    finally:
        child.stop()
