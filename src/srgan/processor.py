"""What this machine's processor is good at, and how much of the machine this process may use."""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from math import ceil, inf
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_GROUPS = Path("/proc/self/cgroup")
_GROUPS_LIMITS = Path("/sys/fs/cgroup")


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


def cores() -> int:
    """The cores that this process may use: those it may run on, or fewer by its time on them.

    A container that gets two cores' worth of time on a machine of 64 sees all 64. As many threads
    would use its time up at once, and then all wait for the rest of each tenth of a second.
    """
    if hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    return max(1, ceil(min(found, _least("cpu", _share))))


def memory() -> float:
    """Bytes that Linux's control groups allow this process and those beside it in its group.

    Above them the kernel ends it without a word; infinite without a limit.
    """
    return _least("memory", _bytes)


def _least(controller: str, limit: Callable[[Path, bool], float]) -> float:
    """The least limit of the control groups that this process lies in."""
    try:
        lines = _GROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return inf
    found = inf
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers or controller in controllers.split(","):
            # Of version 2, which names no controller, the top itself.
            top = _GROUPS_LIMITS / controller if controllers else _GROUPS_LIMITS
            group = top / path.lstrip("/")
            inside = [group, *group.parents]
            for folder in inside[: inside.index(top) + 1]:
                # Not there: the host's groups, in a container; or "max", for no limit.
                with suppress(OSError, ValueError, ZeroDivisionError):
                    found = min(found, limit(folder, not controllers))
    return found


def _share(group: Path, unified: bool) -> float:
    """Processor time a second."""
    if unified:
        quota, period = _text(group / "cpu.max").split()
    else:
        quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
    return float(quota) / float(period) if float(quota) > 0 else inf


def _bytes(group: Path, unified: bool) -> float:
    return float(_text(group / ("memory.max" if unified else "memory.limit_in_bytes")))


def _text(file: Path) -> str:
    return file.read_text(encoding="ascii")


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
