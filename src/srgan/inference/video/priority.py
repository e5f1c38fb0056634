"""Keeping an encoder from taking the whole machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Meanwhile nothing becomes a real-time task: what does is an ordinary one again at the end.

    Where it may, as root on Linux does, SVT-AV1 makes its threads and the one that opens it
    real-time tasks of the highest priority, before which everything else on the machine waits.
    What that thread starts later, other programs too, would be so as well.
    """
    if sys.platform != "linux":
        yield
        return
    before = _tasks()
    try:
        policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    except OSError:  # musl has no such calls, and a filter may refuse them: to the encoder too
        yield
        return
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
        for task in _tasks() - before:
            try:
                if os.sched_getscheduler(task) in (os.SCHED_FIFO, os.SCHED_RR):
                    os.sched_setscheduler(task, os.SCHED_OTHER, os.sched_param(0))
            except OSError:  # it has ended, or is not ours to change
                continue


def _tasks() -> set[int]:
    """The threads of this process, as Linux numbers them; none where it does not say."""
    try:
        return {int(task.name) for task in Path("/proc/self/task").iterdir()}
    except OSError:
        return set()
