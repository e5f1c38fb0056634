"""Videos cut off and with wrong bytes: read or refused in one line, and nothing is left.

PYTHONPATH=tests python tests/inference/test_video_damage.py COUNT SEED    # more than the test has
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from inference.clips import make_clip, scene
from srgan.classical.interpolation import Interpolation
from srgan.errors import ImageRefused, OutputFailed
from srgan.inference.video.job import VideoOptions, upscale_video

SUFFIXES = (".mp4", ".mkv", ".ts", ".avi", ".mov")


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """The bytes cut off, with some of them wrong, or with a stretch wrong in the header."""
    made = bytearray(data)
    kind = random.integers(3)
    if kind == 0:
        return bytes(made[: random.integers(len(made))])
    if kind == 1:
        for _ in range(random.integers(1, 30)):
            made[random.integers(len(made))] = random.integers(256)
        return bytes(made)
    start = int(random.integers(min(len(made), 3000)))
    length = int(random.integers(1, 60))
    made[start : start + length] = random.bytes(length)
    return bytes(made)


def run(folder: Path, count: int, seed: int) -> Counter[tuple[str, bool]]:
    """Enlarge ``count`` damaged files, each without and with ``allow_damaged``.

    Returns:
        how often each outcome was there.
    """
    random = np.random.default_rng(seed)
    frames = [scene(i) for i in range(10)]
    whole = []
    for suffix in SUFFIXES:
        sound = "libmp3lame" if suffix == ".avi" else "aac"
        whole.append(make_clip(folder / f"whole{suffix}", frames, sound=sound).read_bytes())
    ended: Counter[tuple[str, bool]] = Counter()
    said: list[str] = []
    out = folder / "out"
    for i in range(count):
        clip = folder / f"clip{SUFFIXES[i % 5]}"
        clip.write_bytes(damaged(whole[i % 5], random))
        for allow in (False, True):
            options = VideoOptions(scale=2, overwrite=True, allow_damaged=allow)
            try:
                upscale_video(clip, out / "big.mkv", Interpolation("bicubic"), options)
                ended["enlarged", allow] += 1
            except (ImageRefused, OutputFailed) as error:
                said.append(str(error))
                ended[type(error).__name__, allow] += 1
    assert all(text.isprintable() for text in said)
    assert {path.name for path in out.iterdir()} <= {"big.mkv"}
    return ended


def test_damaged_videos_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    ended = run(tmp_path, 60, seed=0)
    assert sum(ended.values()) == 120
    assert ended["ImageRefused", False] > 20
    # Some damage is none to a decoder; and leave to take damaged files lets more of them through.
    assert 5 < ended["enlarged", False] < ended["enlarged", True]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(run(Path(name), int(sys.argv[1]), int(sys.argv[2])))
