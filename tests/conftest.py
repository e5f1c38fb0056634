"""Fixtures that every test can use."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos, test sets and odd files beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder of test data beside the repository, which is not there")
    return SHARED
