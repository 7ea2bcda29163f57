"""The rule `threshold` on discs and on the procedural movies."""

from collections.abc import Callable

import numpy as np
import pytest

from napari_sam2.sample_data import sample_path
from napari_sam2.seeding.look import Look, look_at
from napari_sam2.seeding.threshold import find_by_threshold

Draw = Callable[..., np.ndarray]


def discs_of(discs: list, shape: tuple[int, int] = (160, 200)) -> np.ndarray:
    labels = np.zeros(shape, int)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    for number, (y, x, diameter) in enumerate(discs, start=1):
        labels[np.hypot(rows - y, columns - x) <= diameter / 2] = number
    return labels


@pytest.mark.parametrize("height", [0.6, -0.6, 0.15])
def test_every_disc_is_one_object(draw: Draw, grid: list, score: Callable, height: float):
    image = draw(grid, height=height)
    found = find_by_threshold(image, look_at(image), 50)
    assert score(found, discs_of(grid)) == (1, 1)
    assert list(np.unique(found)) == list(range(13))


def test_discs_that_touch_are_cut_apart(draw: Draw, score: Callable):
    discs = [(50.0, 60.0, 30.0), (50.0, 88.0, 30.0), (120.0, 60.0, 30.0), (120.0, 160.0, 30.0)]
    found = find_by_threshold(draw(discs), Look(30.0, "bright"), 50)
    assert score(found, discs_of(discs)) == (1, 1)


def test_a_long_object_is_not_cut():
    image = np.full((120, 200), 0.2, np.float32)
    image[50:66, 30:170] = 0.8
    found = find_by_threshold(image, Look(20.0, "bright"), 50)
    assert found.max() == 1


def test_a_faint_one_beside_a_bright_one_is_found(draw: Draw):
    image = draw([(60.0, 50.0, 30.0)]) + draw([(60.0, 110.0, 30.0)], height=0.15, seed=1) - 0.2
    found = find_by_threshold(image, Look(30.0, "bright"), 50)
    assert found[60, 50] != found[60, 110] > 0
    assert found.max() == 2


def test_large_objects_are_found_on_a_smaller_image(draw: Draw, score: Callable):
    discs = [(150.0, 151.0, 120.0), (153.0, 402.0, 130.0)]
    image = draw(discs, (301, 553))
    found = find_by_threshold(image, look_at(image), 500)
    assert found.shape == image.shape
    assert score(found, discs_of(discs, (301, 553))) == (1, 1)


def test_what_is_smaller_than_asked_is_left_out(draw: Draw):
    image = draw([(50.0, 50.0, 30.0), (50.0, 120.0, 14.0)])
    assert find_by_threshold(image, Look(30.0, "bright"), 0).max() == 2
    assert find_by_threshold(image, Look(30.0, "bright"), 300).max() == 1


@pytest.mark.parametrize("objects", ["bright", "dark", "textured"])
def test_noise_alone_holds_nothing(draw: Draw, objects: str):
    found = find_by_threshold(draw([]), Look(12.0, objects), 5)
    assert found.max() <= 1


def test_a_hot_pixel_is_no_object(draw: Draw):
    image = draw([])
    image[40, 40] = image[90, 120] = 1
    assert find_by_threshold(image, Look(6.0, "bright"), 1).max() == 0


@pytest.mark.parametrize(("name", "frame"), [("cells_time", 0), ("cells_time", 15), ("nuclei_z", 16)])
def test_procedural_movies(score: Callable, name: str, frame: int):
    import tifffile

    from napari_sam2 import open_frames

    with open_frames(sample_path(name)) as frames:
        grey = frames.rgb(frame).mean(axis=0)
    look = look_at(grey)
    found = find_by_threshold(grey, look, 0.15 * np.pi / 4 * look.diameter**2)
    precision, recall = score(found, tifffile.imread(sample_path(name, "labels"))[frame])
    assert precision >= 0.9
    assert recall >= 0.8
