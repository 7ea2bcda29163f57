"""Masks of frames as an array that napari shows and paints on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Labels

from napari_sam2.plugin.label_view import LabelView
from napari_sam2.plugin.placement import Placement

SIZES = {0: 5, 1: 4, 2: 6, 3: 7}


def stack(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 9, (5, 6, 7)).astype(np.int32)


def keys(sizes):
    def one(size: int):
        return st.one_of(
            st.integers(0, size - 1),
            st.integers(0, size - 1).map(np.int64),
            st.just(slice(None)),
            st.tuples(st.integers(0, size), st.integers(0, size)).map(lambda ends: slice(*ends)),
        )

    return st.tuples(*map(one, sizes))


@given(st.data())
def test_it_reads_as_the_array_it_stands_for(data):
    order = data.draw(st.permutations(range(4)))
    placement = Placement(
        tuple(SIZES[dim] for dim in order),
        order.index(0), order.index(2), order.index(3), {order.index(1): 2},
    )  # fmt: skip
    whole = np.zeros((5, 4, 6, 7), np.int32)
    whole[:, 2] = stack()
    whole = whole.transpose(order)
    key = data.draw(keys(whole.shape))
    np.testing.assert_array_equal(LabelView(stack(), placement)[key], whole[key])


def test_it_reads_whole_and_by_ellipsis():
    view = LabelView(stack(), Placement((5, 6, 7), 0, 1, 2))
    np.testing.assert_array_equal(np.asarray(view), stack())
    np.testing.assert_array_equal(view[..., 3], stack()[..., 3])
    np.testing.assert_array_equal(view[2], stack()[2])


def test_paint_is_a_draft_until_it_is_taken():
    labels = stack()
    view = LabelView(labels, Placement((5, 6, 7), 0, 1, 2))
    at = (np.array([3, 3]), np.array([0, 1]), np.array([2, 2]))
    view[at] = 99
    np.testing.assert_array_equal(view[at], [99, 99])
    np.testing.assert_array_equal(labels, stack())
    ((frame, before, after),) = view.drafts()
    assert frame == 3 and (after != before).sum() == 2
    view.forget_drafts()
    np.testing.assert_array_equal(np.asarray(view), stack())


def test_channels_show_the_same_masks():
    view = LabelView(stack(), Placement((5, 3, 6, 7), 0, 2, 3))
    np.testing.assert_array_equal(view[1, 0], view[1, 2])


def test_masks_of_another_walk_are_shown_where_the_frames_are_not():
    along_t, along_z = stack(1), np.random.default_rng(2).integers(0, 9, (4, 6, 7)).astype(np.int32)
    time = Placement((5, 4, 6, 7), 0, 2, 3, {1: 2})
    depth = Placement((5, 4, 6, 7), 1, 2, 3, {0: 3})
    view = LabelView(along_z, depth, [(along_t, time)])
    np.testing.assert_array_equal(view[3, 1], along_z[1])
    np.testing.assert_array_equal(view[4, 2], along_t[4])
    np.testing.assert_array_equal(view[3, 2], along_z[2])
    assert not view[0, 0].any()


def test_napari_shows_and_paints_it_in_two_orders_of_axes():
    for shape, along, y, x in (((5, 6, 7), 0, 1, 2), ((6, 7, 5), 2, 0, 1)):
        view = LabelView(stack(), Placement(shape, along, y, x))
        layer = Labels(view)
        layer.brush_size = 1
        layer.paint((1, 2, 3), 42)
        ((frame, _, after),) = view.drafts()
        place = [1, 2, 3]
        assert frame == place[along] and after[place[y], place[x]] == 42
        assert layer.data[1, 2, 3] == 42


def test_a_single_image_has_no_other_dimension():
    view = LabelView(stack()[:1], Placement((6, 7), None, 0, 1))
    np.testing.assert_array_equal(view[:, 3], stack()[0, :, 3])
    view[np.array([1]), np.array([2])] = 5
    ((frame, _, after),) = view.drafts()
    assert frame == 0 and after[1, 2] == 5
