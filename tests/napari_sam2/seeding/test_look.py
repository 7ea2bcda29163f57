"""How large objects are and how they differ from their ground, seen from the image alone."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from napari_sam2.seeding.look import look_at, noise_of

Draw = Callable[..., np.ndarray]


@pytest.mark.parametrize("diameter", [10, 22, 60])
@pytest.mark.parametrize("height", [0.6, -0.6])
def test_size_and_side_of_discs(draw: Draw, diameter: int, height: float):
    pitch = 2 * diameter
    discs = [(pitch * (i + 0.5), pitch * (j + 0.5), diameter) for i in range(3) for j in range(4)]
    look = look_at(draw(discs, (3 * pitch, 4 * pitch), height))
    assert look.objects == ("bright" if height > 0 else "dark")
    assert 0.7 < look.diameter / diameter < 1.4
    assert not look.is_noise


def test_textured_cells_on_a_flat_ground(draw: Draw, grid: list):
    cells = draw(grid, height=0.6) > 0.5
    texture = ndimage.gaussian_filter(np.random.default_rng(1).normal(0, 1, cells.shape), 1)
    look = look_at((0.5 + cells * texture + 0.01 * texture[::-1]).astype(np.float32))
    assert look.objects == "textured"
    assert not look.is_noise


@pytest.mark.parametrize("walls", [1.0, -1.0])
def test_tissue_between_thin_walls(walls: float):
    rows, columns = np.mgrid[:200, :200]
    wall = (rows % 40 < 4) | (columns % 40 < 4)
    image = ndimage.gaussian_filter(0.5 + 0.4 * walls * wall, 1.5).astype(np.float32)
    assert look_at(image).objects == ("dark" if walls > 0 else "bright")


@pytest.mark.parametrize("sigma", [0, 1, 3])
def test_noise_is_called_noise(sigma: float):
    noise = np.random.default_rng(3).normal(0, 1, (256, 300))
    blurred = ndimage.gaussian_filter(noise, sigma)
    blurred = 0.5 + 0.15 * blurred / blurred.std()
    assert look_at(blurred.astype(np.float32)).is_noise


def test_a_constant_image_shows_nothing():
    assert look_at(np.full((60, 70), 0.3, np.float32)).is_noise


def test_what_is_given_is_taken(draw: Draw, grid: list):
    look = look_at(draw(grid), diameter=31.0, objects="dark")
    assert (look.diameter, look.objects, look.is_noise) == (31.0, "dark", False)


def test_noise_is_measured_beside_objects(draw: Draw, grid: list):
    assert noise_of(draw(grid)) == pytest.approx(0.03, rel=0.15)
