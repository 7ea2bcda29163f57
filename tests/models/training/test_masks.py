"""Distances, boxes and soft targets against scipy and by hand."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_sam2.models.training.masks import boxes_of, coverage, distance_inside, intersection_over_union


def blobs(seed: int, n: int = 3, h: int = 21, w: int = 17) -> np.ndarray:
    """Random smooth masks that may touch the border."""
    noise = np.random.default_rng(seed).normal(size=(n, h, w))
    return ndimage.gaussian_filter(noise, (0, 2, 2)) > 0


@given(seed=st.integers(0, 1000))
def test_distance_is_scipys_with_the_border_as_outside(seed: int) -> None:
    masks = blobs(seed)
    expected = [ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] for mask in masks]
    np.testing.assert_allclose(distance_inside(torch.from_numpy(masks)), expected, atol=1e-5)


def test_distance_of_nothing_and_of_everything() -> None:
    masks = torch.stack([torch.zeros(5, 9), torch.ones(5, 9)]).bool()
    distance = distance_inside(masks)
    assert not distance[0].any()
    assert distance[1].max() == 3
    assert distance[1, 2, 4] == 3


def test_distance_is_the_same_in_pieces(monkeypatch) -> None:
    masks = torch.from_numpy(blobs(1, n=5))
    whole = distance_inside(masks)
    monkeypatch.setattr("napari_sam2.models.training.masks._CHUNK", 1)
    assert torch.equal(distance_inside(masks), whole)


@given(seed=st.integers(0, 1000))
def test_boxes_touch_the_mask_on_four_sides(seed: int) -> None:
    masks = blobs(seed)
    for mask, box in zip(masks, boxes_of(torch.from_numpy(masks)).tolist(), strict=True):
        ys, xs = np.nonzero(mask)
        assert box == ([xs.min(), ys.min(), xs.max(), ys.max()] if len(ys) else [0, 0, 0, 0])


def test_coverage_is_the_share_of_a_cell() -> None:
    mask = torch.zeros(1, 4, 8, dtype=torch.bool)
    mask[0, :, 4:6] = True
    assert coverage(mask, 4).tolist() == [[[0.0, 0.5]]]


def test_iou_of_halves_and_of_nothing() -> None:
    whole, half, nothing = torch.ones(4, 4), torch.ones(4, 4), torch.zeros(4, 4)
    half[:, 2:] = 0
    first = torch.stack([whole, nothing]).bool()
    second = torch.stack([half, nothing]).bool()
    assert intersection_over_union(first, second).tolist() == [0.5, 0.0]
