"""A part of a picture as it is in the whole, for less work."""

import multiprocessing
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from inference.tiny import tiny
from srgan.inference.graph import end_reach
from srgan.inference.network import Network
from srgan.inference.open import graph_of, open_network
from srgan.inference.tiles import Tiled

WHOLE = (slice(0, 15), slice(0, 13))
PARTS = [
    (slice(0, 1), slice(0, 1)),
    (slice(6, 8), slice(0, 13)),
    (slice(5, 15), slice(4, 9)),
    (slice(14, 15), slice(12, 13)),
    WHOLE,
]


def _network(end: int, *, scale: int, direct: bool) -> Network:
    tensors, header = tiny(scale=scale, direct=direct, output_range=(-1.0, 1.0))
    return Network(
        partial(graph_of, tensors, header, part=True),
        scale=scale,
        device="cpu",
        precision="fp32",
        threads=1,
        end_reach=end,
    )


@pytest.mark.parametrize(
    ("scale", "direct", "end"), [(2, False, 3), (3, False, 3), (4, False, 3), (4, True, 1)]
)
def test_a_part_is_that_of_the_whole(scale: int, direct: bool, end: int) -> None:
    _, header = tiny(scale=scale, direct=direct)
    assert end_reach(header) == end
    network = _network(end, scale=scale, direct=direct)
    image = np.random.default_rng(0).random((15, 13, 3), dtype=np.float32)
    whole = network(image)
    for rows, columns in PARTS:
        expected = whole[
            rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale
        ]
        np.testing.assert_allclose(network.part(image, rows, columns), expected, atol=1e-5)
    # A pixel less is too few.
    narrow = _network(end - 1, scale=scale, direct=direct).part(image, slice(5, 7), slice(5, 7))
    assert np.abs(narrow - whole[5 * scale : 7 * scale, 5 * scale : 7 * scale]).max() > 1e-4


def test_the_end_of_the_network_sees_the_part_only(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, header = tiny()
    tiled = open_network(tensors, header, precision="fp32", threads=1, tile=16, margin=8)
    network = tiled.upscaler
    assert isinstance(network, Network)
    runtime = network.runtime("fp32")
    shapes = []

    def seen(batch: np.ndarray, **pairs: np.ndarray) -> np.ndarray:
        out = runtime(batch, **pairs)
        shapes.append((batch.shape[2:], out.shape[2:]))
        return out

    monkeypatch.setattr(network, "runtime", lambda precision: seen)
    image = np.random.default_rng(0).random((48, 48, 3), dtype=np.float32)
    out = Tiled(network, tile=16, margin=8, workers=1)(image)
    assert out.shape == (192, 192, 3)
    assert set(shapes) == {((32, 32), (4 * 27, 4 * 27))}


def test_a_network_without_such_an_end_gives_parts_too() -> None:
    tensors, header = tiny(scale=2)
    network = Network(
        partial(graph_of, tensors, header), scale=2, device="cpu", precision="fp32", threads=1
    )
    image = np.random.default_rng(0).random((9, 9, 3), dtype=np.float32)
    part = network.part(image, slice(3, 5), slice(1, 9))
    np.testing.assert_array_equal(part, network(image)[6:10, 2:18])


_FORKED = """
import multiprocessing
import numpy as np
import srgan

image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
upscaler = srgan.load("fast", precision="fp32")
network = upscaler.upscaler
expected = srgan.upscale(image, upscaler).astype(int)

def enlarge(pipe):
    pipe.send([srgan.upscale(image, upscaler), srgan.upscale(image, srgan.load("fast"))])
    pipe.send(network.runtime("fp32").name)

fork = multiprocessing.get_context("fork")
ours, theirs = fork.Pipe()
process = fork.Process(target=enlarge, args=[theirs], daemon=True)
with network._lock:  # as while another thread opens the model
    process.start()
assert ours.poll(30), "the forked process hangs"
for result in ours.recv():
    assert abs(result - expected).max() <= 1
assert ours.recv() == "onnxruntime"
assert network.runtime("fp32").name == "openvino"
"""


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here"
)
def test_a_forked_process_goes_on_with_what_its_parent_has_opened() -> None:
    pytest.importorskip("openvino")
    command = [sys.executable, "-c", _FORKED]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr
