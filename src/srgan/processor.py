"""What this machine's processor is good at."""

import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def fast_bf16() -> bool:
    """Whether the processor multiplies bf16 faster than fp32.

    AMD's AVX-512 (twice as fast), Intel's AMX and Arm's bf16 instructions do. Intel's AVX-512
    without AMX, as many virtual machines have it, knows the instruction but takes nearly twice as
    long as in fp32. Where the system does not say enough (Windows), True for what may be: ask the
    runtime as well whether it can at all.
    """
    facts = _facts()
    if not facts:
        return "AuthenticAMD" in platform.processor()  # Windows; macOS has none of them
    flags = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    amd = facts.get("vendor_id") == "AuthenticAMD"
    return "amx_bf16" in flags or "bf16" in flags or ("avx512_bf16" in flags and amd)


def name() -> str:
    """The processor's name, as far as the system tells it."""
    return _facts().get("model name") or platform.processor() or platform.machine()


def _facts() -> dict[str, str]:
    """What Linux says of the first core; nothing elsewhere."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    parts = (line.partition(":") for line in reversed(lines))
    return {key.strip(): value.strip() for key, _, value in parts}
