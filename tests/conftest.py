"""Fixtures that every room's tests share."""

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[1].parent / "shared"


def _folder_or_skip(name: str) -> Path:
    folder = _SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the folder of real data '{name}' is not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real labelled images and movies to measure with; the test is skipped where they are absent."""
    return _folder_or_skip("data")


@pytest.fixture(scope="session")
def shared_train() -> Path:
    """Real labelled images that the bundled model may learn from; skipped where they are absent."""
    return _folder_or_skip("train")
