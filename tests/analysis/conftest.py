"""Small named label images that the tests of the tables share."""

import numpy as np
import pytest


@pytest.fixture
def two_cells() -> np.ndarray:
    """Three frames 20 x 30: cell 1 (4 x 6) moves 4 down and 3 right a frame, cell 5 rests and misses one."""
    labels = np.zeros((3, 20, 30), np.int32)
    for frame in range(3):
        labels[frame, 1 + 4 * frame : 5 + 4 * frame, 2 + 3 * frame : 8 + 3 * frame] = 1
    labels[[0, 2], 15:18, 20:30] = 5
    return labels


@pytest.fixture
def blobs() -> np.ndarray:
    """Four frames 60 x 70 of ragged touching blobs, with holes, specks, and one object in two pieces."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:60, :70]
    labels = np.zeros((4, 60, 70), np.int32)
    for frame in range(4):
        for object_id in range(1, 12):
            cy, cx, r = rng.uniform(0, 60), rng.uniform(0, 70), rng.uniform(2, 13)
            inside = (y - cy) ** 2 * rng.uniform(0.4, 2) + (x - cx) ** 2 < r**2
            labels[frame][inside & (rng.random((60, 70)) < 0.93)] = object_id * 3
        labels[frame, 0, 0] = labels[frame, 59, 69] = 100
        labels[frame, 30, 5:60] = 200
    return labels


@pytest.fixture
def dividing_cell() -> np.ndarray:
    """Twelve frames 60 x 60: cell 1 halves on frame 6, new cell 2 leaves to the right; cell 7 walks past."""
    y, x = np.mgrid[:60, :60]
    labels = np.zeros((12, 60, 60), np.int32)

    def disk(frame, object_id, cy, cx, radius):
        labels[frame][(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = object_id

    for frame in range(12):
        if frame < 6:
            disk(frame, 1, 30, 30, 8)
        else:
            disk(frame, 1, 30, 26 - (frame - 6), 5.6)
            disk(frame, 2, 30, 34 + (frame - 6), 5.6)
        disk(frame, 7, 10, 10 + frame, 4)
    return labels
