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
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        return "AuthenticAMD" in platform.processor()  # Windows; macOS has none of them
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    flags = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    amd = facts.get("vendor_id") == "AuthenticAMD"
    return "amx_bf16" in flags or "bf16" in flags or ("avx512_bf16" in flags and amd)
