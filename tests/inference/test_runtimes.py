"""What the runtimes do when they fail."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement

from inference.tiny import tiny
from srgan.errors import RuntimeFailed
from srgan.inference import runtimes
from srgan.inference.graph import build_graph
from srgan.inference.runtimes import OnnxRuntime, OpenVino, open_runtime

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
BATCH = np.random.default_rng(0).random((1, 3, 6, 5), dtype=np.float32)


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("system", "machine"),
    [
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("darwin", "arm64"),
        ("darwin", "x86_64"),
        ("win32", "AMD64"),
        ("win32", "ARM64"),
    ],
)
def test_every_system_is_given_a_runtime(system: str, machine: str) -> None:
    here = {"sys_platform": system, "platform_machine": machine}
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(r) for r in project["dependencies"]]
    given = {r.name for r in wanted if r.marker is None or r.marker.evaluate(here)}
    assert given & {"openvino", "onnxruntime"}


def test_after_a_failure_for_want_of_memory_the_values_are_right_again() -> None:
    runtime = OpenVino(build_graph(*tiny()), precision="fp32", threads=1)
    expected = runtime(BATCH)
    broken = runtime._compiled

    class Empty:
        def infer(self, *_: Any, **__: Any) -> list[np.ndarray]:
            return [np.zeros((1, 3, 0, 0), np.float32)]

    runtime._local.request = Empty()
    with pytest.raises(MemoryError):
        runtime(BATCH)
    assert runtime._compiled is not broken
    np.testing.assert_allclose(runtime(BATCH), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_an_input_that_does_not_fit_is_one_clear_line(name: str) -> None:
    graph = build_graph(*tiny())
    runtime = (
        OpenVino(graph, precision="fp32", threads=1)
        if name == "openvino"
        else OnnxRuntime(graph, precision="fp32", threads=1, device="cpu")
    )
    with pytest.raises(RuntimeFailed, match=name) as caught:
        runtime(np.zeros((1, 5, 4, 4), np.float32))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not runtimes.installed("openvino"), reason="openvino is not installed")
def test_where_openvino_does_not_start_onnx_runtime_takes_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise ImportError("libtbb.so.12: cannot open shared object file")

    monkeypatch.setattr(runtimes, "_openvino_core", missing)
    runtimes._openvino_starts.cache_clear()
    try:
        runtime = open_runtime(build_graph(*tiny()), device="cpu", precision="fp32", threads=1)
    finally:
        runtimes._openvino_starts.cache_clear()
    assert isinstance(runtime, OnnxRuntime)
    assert runtime(BATCH).shape[:2] == (1, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pictures_of_ever_new_sizes_take_no_more_memory() -> None:
    runtime = OpenVino(build_graph(*tiny()), precision="fp32", threads=1)

    def held_after(heights: range) -> int:
        for height in heights:
            for width in range(4, 34):
                runtime(np.zeros((1, 3, height, width), np.float32))
        return resident()

    before = held_after(range(4, 6))
    assert held_after(range(6, 9)) - before < 35_000_000  # 70 MB if all sizes are remembered


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is kept in other places")
def test_onnx_runtime_keeps_no_id_of_the_machine(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", minversion="1.32", reason="older ones keep none anyway")
    home = {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.defpath}
    opening = "import srgan, onnxruntime; onnxruntime.get_available_providers()"
    subprocess.run([sys.executable, "-B", "-c", opening], check=True, env=home)
    assert list(tmp_path.iterdir()) == []
