"""Which processors are faster in bf16, and how many cores are ours, by what systems say of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from srgan import processor

FIRST = "processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: any\nflags\t\t: fpu avx2 {flags}\n"


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    processor.fast_bf16.cache_clear()
    yield
    processor.fast_bf16.cache_clear()


@pytest.mark.parametrize(
    ("vendor", "flags", "fast"),
    [
        ("AuthenticAMD", "avx512f avx512_bf16", True),
        ("AuthenticAMD", "avx512f", False),
        ("GenuineIntel", "avx512f avx512_bf16", False),
        ("GenuineIntel", "avx512f avx512_bf16 amx_bf16 amx_tile", True),
        ("GenuineIntel", "avx_vnni", False),
    ],
)
def test_linux(
    vendor: str, flags: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(FIRST.format(vendor=vendor, flags=flags))
    monkeypatch.setattr(processor, "_CPUINFO", path)
    assert processor.fast_bf16() is fast
    assert processor.name() == "any"


@pytest.mark.parametrize(
    ("name", "fast"),
    [
        ("AMD64 Family 25 Model 97 Stepping 2, AuthenticAMD", True),
        ("Intel64 Family 6 Model 143 Stepping 8, GenuineIntel", False),
        ("arm", False),
    ],
)
def test_windows_and_macos(
    name: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "none")
    monkeypatch.setattr("platform.processor", lambda: name)
    assert processor.fast_bf16() is fast
    assert processor.name() == name


@pytest.mark.parametrize(("flags", "fast"), [("fp asimd i8mm bf16", True), ("fp asimd", False)])
def test_arm(flags: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nFeatures\t: {flags}\nCPU implementer\t: 0x41\n")
    monkeypatch.setattr(processor, "_CPUINFO", path)
    assert processor.fast_bf16() is fast


def groups(folder: Path, own: str, limits: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What Linux says of control groups: this process's, and files of theirs."""
    (folder / "own").write_text(own)
    for name, text in limits.items():
        file = folder / "limits" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(processor, "_GROUPS", folder / "own")
    monkeypatch.setattr(processor, "_GROUPS_LIMITS", folder / "limits")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)


UNIFIED = "0::/a/b\n"
FIRST_KIND = "8:memory:/x\n3:cpu,cpuacct:/docker/f00\n0::/\n"


@pytest.mark.parametrize(
    ("own", "limits", "ours"),
    [
        (UNIFIED, {}, 64),
        (UNIFIED, {"a/b/cpu.max": "max 100000\n"}, 64),
        (UNIFIED, {"a/b/cpu.max": "200000 100000\n"}, 2),
        (UNIFIED, {"a/b/cpu.max": "150000 100000\n"}, 2),
        (UNIFIED, {"a/b/cpu.max": "10000 100000\n"}, 1),
        (UNIFIED, {"a/b/cpu.max": "9000000 100000\n"}, 64),
        # The least of all that it lies in; the host's group, which a container does not see.
        (UNIFIED, {"a/b/cpu.max": "800000 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/../pod/f00\n", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {"cpu.max": "50000 20000\n"}, 3),
        (
            FIRST_KIND,
            {
                "cpu/docker/f00/cpu.cfs_quota_us": "600000\n",
                "cpu/docker/f00/cpu.cfs_period_us": "100000\n",
            },
            6,
        ),
        (
            FIRST_KIND,
            {
                "cpu/cpu.cfs_quota_us": "500000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "cpu.max": "100000 100000\n",
            },
            1,
        ),
        (
            FIRST_KIND,
            {
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "memory/x/cpu.cfs_quota_us": "100000\n",
                "memory/x/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
        # Nothing that makes sense is no limit.
        ("what is this\n", {}, 64),
        (UNIFIED, {"a/b/cpu.max": "100000\n", "a/cpu.max": "100000 0\n", "cpu.max": ""}, 64),
    ],
)
def test_a_containers_share_of_time_counts(
    own: str, limits: dict[str, str], ours: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups(tmp_path, own, limits, monkeypatch)
    assert processor.cores() == ours


@pytest.mark.parametrize(
    ("own", "limits", "ours"),
    [
        (UNIFIED, {"a/b/memory.max": "max\n"}, inf),
        (UNIFIED, {"a/b/memory.max": "max\n", "a/memory.max": "536870912\n"}, 1 << 29),
        (UNIFIED, {"a/b/memory.max": "1073741824\n", "cpu.max": "1 1\n"}, 1 << 30),
        (FIRST_KIND, {"memory/x/memory.limit_in_bytes": "300000000\n"}, 3e8),
        (FIRST_KIND, {"memory/memory.limit_in_bytes": "400000000\n"}, 4e8),
        (FIRST_KIND, {"memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, 2**63 - 4096),
        (FIRST_KIND, {"cpu/docker/f00/memory.limit_in_bytes": "1\n"}, inf),
    ],
)
def test_a_containers_memory_is_found(
    own: str,
    limits: dict[str, str],
    ours: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups(tmp_path, own, limits, monkeypatch)
    assert processor.memory() == ours


def test_without_control_groups_the_cores_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_GROUPS", tmp_path / "none")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1, 5, 7}, raising=False)
    assert processor.cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    assert processor.cores() == 12


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_linux_own_limit_is_found() -> None:
    """A process in a control group of half a core, made for it; where that is allowed."""
    groups = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    if processor.cores() < 2 or "cpu:/\n" not in groups:
        pytest.skip("needs two cores, and control groups of the first kind that are all to be seen")
    group = Path(f"/sys/fs/cgroup/cpu/srgan-test-{os.getpid()}")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    code = "import sys; from srgan.processor import cores; sys.stdin.read(); print(cores())"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        (group / "cpu.cfs_quota_us").write_text("50000")
        (group / "cgroup.procs").write_text(str(process.pid))
        assert process.communicate("", timeout=60)[0] == "1\n"
    finally:
        process.kill()
        process.wait()
        group.rmdir()
