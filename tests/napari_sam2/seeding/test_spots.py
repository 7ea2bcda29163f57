"""The rule `spots`: round objects of any size within a range, and nothing where there is only noise."""

from collections.abc import Callable

import numpy as np
import pytest

from napari_sam2.seeding.look import Look
from napari_sam2.seeding.spots import find_spots

Draw = Callable[..., np.ndarray]


@pytest.mark.parametrize("height", [0.6, -0.6])
def test_each_disc_is_a_spot_at_its_place(draw: Draw, grid: list, height: float):
    found = find_spots(draw(grid, height=height), Look(20.0, "bright" if height > 0 else "dark"), 50)
    assert found.max() == len(grid)
    assert len({found[int(y), int(x)] for y, x, _ in grid}) == len(grid)


def test_sizes_are_told_apart(draw: Draw):
    discs = [(40.0, 40.0, 14.0), (40.0, 120.0, 20.0), (110.0, 80.0, 36.0)]
    found = find_spots(draw(discs), Look(20.0, "bright"), 0)
    assert found.max() == 3
    for y, x, diameter in discs:
        area = (found == found[int(y), int(x)]).sum()
        assert 0.6 < area / (np.pi / 4 * diameter**2) < 1.6


def test_small_spots(draw: Draw):
    discs = [(12.0 + 16 * i, 12.0 + 16 * j, 4.0) for i in range(9) for j in range(11)]
    found = find_spots(draw(discs), Look(4.0, "bright"), 0)
    assert len({found[int(y), int(x)] for y, x, _ in discs}) == len(discs)
    assert found.max() <= 1.05 * len(discs)


def test_a_spot_at_the_border_stays_inside(draw: Draw):
    found = find_spots(draw([(2.0, 3.0, 24.0), (157.0, 197.0, 24.0)]), Look(24.0, "bright"), 20)
    assert found[2, 3] > 0
    assert found[157, 197] > 0


def test_noise_alone_holds_no_spot(draw: Draw):
    assert find_spots(draw([]), Look(12.0, "bright"), 0).max() == 0
