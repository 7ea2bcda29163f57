"""Bodies through depth: one prompt each, where they are largest."""

import numpy as np
import pytest
import tifffile

from napari_sam2.sample_data import sample_path
from napari_sam2.seeding.depth import link_slices, slices_apart


def ball(shape: tuple[int, int, int], centre: tuple[int, int, int], radius: int) -> np.ndarray:
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    return (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 <= radius**2


def test_two_balls_above_each_other_are_two_bodies():
    labels = np.zeros((30, 40, 40), np.int32)
    labels[ball(labels.shape, (7, 20, 20), 6)] = 1
    labels[ball(labels.shape, (22, 20, 20), 6)] = 1
    found = link_slices((z, labels[z]) for z in range(0, 30, 2))
    assert {frame: len(masks) for frame, masks in found.items()} == {6: 1, 22: 1}


def test_numbers_need_not_agree_between_slices():
    slices = np.zeros((3, 20, 40), np.int32)
    for z, (left, right) in enumerate([(1, 2), (2, 1), (1, 2)]):
        slices[z, 5 : 12 + z, 5:15] = left
        slices[z, 5 : 12 + z, 25:35] = right
    found = link_slices(enumerate(slices))
    assert list(found) == [2]
    assert sorted(int(np.nonzero(mask.unpack())[1].min()) for mask in found[2]) == [5, 25]


def test_a_body_that_splits_goes_on_as_the_larger_part():
    slices = np.zeros((2, 20, 40), np.int32)
    slices[0, 5:15, 5:35] = 1
    slices[1, 5:15, 5:24] = 1
    slices[1, 5:15, 28:35] = 2
    assert {frame: len(masks) for frame, masks in link_slices(enumerate(slices)).items()} == {0: 1, 1: 1}


def test_true_slices_of_the_procedural_nuclei_give_one_prompt_each():
    truth = tifffile.imread(sample_path("nuclei_z", "labels"))
    chosen = slices_apart(len(truth), 20.0)
    found = link_slices((z, np.unique(truth[z], return_inverse=True)[1].astype(np.int32)) for z in chosen)
    seen = set(np.unique(truth[chosen])) - {0}
    prompted = [truth[z][mask.unpack()][0] for z, masks in found.items() for mask in masks]
    assert set(prompted) == seen
    assert len(prompted) <= 1.1 * len(seen)


@pytest.mark.parametrize("n", [1, 2, 7, 40, 600])
def test_slices_cover_the_stack(n: int):
    chosen = slices_apart(n, 30.0)
    assert chosen[0] == 0
    assert chosen[-1] == n - 1
    assert chosen == sorted(set(chosen))
    assert max(np.diff(chosen), default=1) <= max(1, 30 // 4)
