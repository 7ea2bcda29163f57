"""A small image for sessions, with all that a session asks of one."""

from dataclasses import dataclass

import numpy as np
import pytest

from napari_sam2.session import Session


@dataclass
class SmallFrames:
    """Stands in for `napari_sam2.frames.Frames`, whose files and contrast a session does not touch."""

    shape: tuple[int, int, int] = (20, 12, 16)
    name: str = "cells"
    source: str | None = "/data/of somebody/cells.tif"
    axis: str = "t"
    n_slices: int = 1
    dtype: str = "uint16"
    seed: int = 0

    def __len__(self) -> int:
        return self.shape[0]

    def fingerprint(self) -> str:
        return f"fingerprint {self.seed} {self.shape}"


@pytest.fixture(scope="session")
def small_frames() -> type[SmallFrames]:
    """The class of the image, for tests that need one of their own."""
    return SmallFrames


@pytest.fixture
def session() -> Session:
    """An empty session on 20 frames of 12 x 16 pixels."""
    return Session(SmallFrames())


@pytest.fixture
def square():
    """A mask with a square at a corner."""

    def square(size: int = 3, top: int = 2, left: int = 2) -> np.ndarray:
        mask = np.zeros((12, 16), dtype=bool)
        mask[top : top + size, left : left + size] = True
        return mask

    return square
