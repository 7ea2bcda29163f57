"""Packed masks: exact, of one form, and refused when damaged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_sam2.session.masks import PackedMask

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(masks)
def test_a_mask_comes_back_as_it_was(mask):
    packed = PackedMask.of(mask)
    unpacked = packed.unpack()
    assert unpacked.dtype == bool
    assert np.array_equal(unpacked, mask)
    assert packed.any() == mask.any()


@given(masks)
def test_the_lengths_make_the_same_packed_mask(mask):
    packed = PackedMask.of(mask)
    assert PackedMask.from_lengths(packed.shape, packed.lengths()) == packed


@given(masks, st.data())
def test_one_pixel_more_or_less_is_another_mask(mask, data):
    other = mask.copy()
    y = data.draw(st.integers(0, mask.shape[0] - 1))
    x = data.draw(st.integers(0, mask.shape[1] - 1))
    other[y, x] ^= True
    assert PackedMask.of(other) != PackedMask.of(mask)
    assert PackedMask.of(other.copy()) == PackedMask.of(other)


def test_the_same_runs_in_another_shape_are_another_mask():
    assert PackedMask.of(np.ones((2, 6), bool)) != PackedMask.of(np.ones((3, 4), bool))


def test_lengths_are_read_row_by_row_beginning_outside():
    mask = np.array([[0, 1, 1], [1, 0, 0]], dtype=bool)
    assert PackedMask.of(mask).lengths() == [1, 3, 2]
    assert PackedMask.of(~mask).lengths() == [0, 1, 3, 2]


def test_a_view_that_is_not_contiguous_is_packed_as_it_is_seen():
    mask = np.zeros((6, 8), dtype=bool)
    mask[1:3, 2:4] = True
    assert np.array_equal(PackedMask.of(mask.T[::-1]).unpack(), mask.T[::-1])


def test_a_small_object_in_a_large_frame_takes_little():
    mask = np.zeros((2048, 2048), dtype=bool)
    mask[1000:1080, 1000:1080] = True
    assert len(PackedMask.of(mask).runs) < 1000


@pytest.mark.parametrize(
    ("shape", "lengths"),
    [
        ((2, 3), [1, 3]),
        ((2, 3), [1, 3, 3]),
        ((2, 3), [1, 0, 5]),
        ((2, 3), [-1, 7]),
        ((2, 3), [1.0, 5.0]),
        ((2, 3), [True, 5]),
        ((2, 3), []),
        ((2.0, 3.0), [1, 5]),
    ],
)
def test_lengths_that_are_no_mask_are_refused(shape, lengths):
    with pytest.raises(ValueError):
        PackedMask.from_lengths(shape, lengths)
