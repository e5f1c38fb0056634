"""What this machine's processor is good at, and how much of it this process may use."""

import os
import platform
from collections.abc import Iterator
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
    return max(1, ceil(min(found, _share())))


def _share() -> float:
    """Processor time a second that Linux's control groups leave; infinite without a limit."""
    try:
        lines = _GROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return inf
    return min((limit for line in lines for limit in _limits(line)), default=inf)


def _limits(line: str) -> Iterator[float]:
    """Those of one control group and all that it lies in, as far as they are to be seen here."""
    _, _, rest = line.partition(":")
    controllers, _, path = rest.partition(":")
    if controllers and "cpu" not in controllers.split(","):
        return
    top = _GROUPS_LIMITS / controllers  # of version 2, which names none, the top itself
    group = top / path.lstrip("/")
    for folder in (group, *group.parents):
        try:
            if controllers:
                quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
                period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
            else:
                quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            if float(quota) > 0:
                yield float(quota) / float(period)
        except (OSError, ValueError, ZeroDivisionError):
            pass  # not there: the host's groups, in a container; or "max", for no limit
        if folder == top:
            return


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
