"""A small movie with everything that makes tracks hard, which the tests of all formats share."""

import numpy as np
import pytest


@pytest.fixture
def movie() -> np.ndarray:
    """Six frames 24 x 32, int32.

    Object 1 (4 x 6) moves a row down and two columns right a frame and is away on frame 3. Object 2
    divides: from frame 3 on it is one half of what it was and object 5 is the other half. Object 300
    rests in the corner from frame 4 on. Frame 2 has a single pixel of object 9, seen once.
    """
    labels = np.zeros((6, 24, 32), np.int32)
    for frame in (0, 1, 2, 4, 5):
        labels[frame, 1 + frame : 5 + frame, 2 + 2 * frame : 8 + 2 * frame] = 1
    labels[:3, 14:22, 4:14] = 2
    labels[3:, 14:22, 4:8] = 2
    labels[3:, 14:22, 10:14] = 5
    labels[4:, 18:24, 26:32] = 300
    labels[2, 12, 30] = 9
    return labels


@pytest.fixture
def parents() -> dict[int, int]:
    """The lineage of `movie`."""
    return {5: 2}


@pytest.fixture
def volumes() -> np.ndarray:
    """Three volumes 4 x 10 x 12 with an object of 2 x 3 x 4 that moves a slice down each time."""
    labels = np.zeros((3, 4, 10, 12), np.uint16)
    for frame in range(3):
        labels[frame, frame : frame + 2, 2:5, 3:7] = 4
    return labels
