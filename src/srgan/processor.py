"""What this machine's processor is good at."""

import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def fast_bf16() -> bool:
    """Whether the processor multiplies bf16 faster than fp32, if it can at all.

    AMD's AVX-512 (twice as fast) and Intel's AMX do. Intel's AVX-512 without AMX, as many virtual
    machines have it, knows the instruction but takes nearly twice as long as in fp32.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True  # on Arm the instruction comes with the speed
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        return "AuthenticAMD" in platform.processor()  # Windows; macOS has none of them
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    flags = facts.get("flags", "").split()
    return "amx_bf16" in flags or (
        "avx512_bf16" in flags and facts.get("vendor_id") == "AuthenticAMD"
    )
