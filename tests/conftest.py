"""Fixtures that every test can use."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos, test sets and odd files beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder of test data beside the repository, which is not there")
    return SHARED


if sys.platform == "linux":

    @pytest.fixture(autouse=True)
    def _no_real_time() -> Iterator[None]:
        """No test may leave this thread a real-time task: all that runs beside it would starve."""
        try:
            before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
        except OSError:  # no such calls here
            yield
            return
        yield
        after = os.sched_getscheduler(0)
        if after != before:
            os.sched_setscheduler(0, before, parameters)
        assert after == before
