"""Which processors are faster in bf16, by what Linux and Windows say of them."""

from collections.abc import Iterator
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
