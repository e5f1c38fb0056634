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
        """No test may leave a real-time task behind: everything beside it and after it starves."""
        yield
        assert os.sched_getscheduler(0) not in (os.SCHED_FIFO, os.SCHED_RR)
