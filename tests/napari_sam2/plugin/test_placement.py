"""From places in the viewer to frames and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Image, Points

from napari_sam2.errors import InputError
from napari_sam2.plugin.placement import Placement, between_layers, transform_of

TIME_AT_DEPTH = Placement((6, 7, 20, 30), 0, 2, 3, {1: 5}, "TZYX")


@given(
    st.permutations(range(4)),
    st.integers(0, 4),
    st.floats(-0.5, 19.5),
    st.floats(-0.5, 29.5),
)
def test_there_and_back_in_any_order_of_axes(order, frame, y, x):
    sizes = {0: 6, 1: 7, 2: 20, 3: 30}
    along, other, row, column = (order.index(dim) for dim in range(4))
    placement = Placement(tuple(sizes[dim] for dim in order), along, row, column, {other: 3})
    back, points = placement.on_frame(placement.data_coordinates(frame, [(y, x)]))
    assert back == frame
    np.testing.assert_allclose(points, [(y, x)])


def test_another_depth_says_how_to_go_on():
    with pytest.raises(InputError, match="this is z = 2, and objects are being followed at z = 5"):
        TIME_AT_DEPTH.on_frame([0, 2, 3, 4])


def test_a_shape_over_several_frames_is_refused():
    with pytest.raises(InputError, match="several frames"):
        TIME_AT_DEPTH.on_frame([[0, 5, 3, 4], [1, 5, 3, 4]])


def test_a_frame_outside_the_image_is_refused():
    with pytest.raises(InputError, match="frame 6 is outside"):
        TIME_AT_DEPTH.on_frame([6, 5, 3, 4])


def test_frames_are_found_among_the_outer_dimensions():
    assert TIME_AT_DEPTH.frame_of((4, 5)) == 4
    assert TIME_AT_DEPTH.frame_of((4, 6)) is None


@pytest.mark.parametrize(
    "transform",
    [
        {"scale": (60, 0.5, 0.25), "translate": (10, 3, -4), "units": ("s", "um", "um")},
        {"rotate": 30, "scale": (1, 2, 2)},
        {"shear": (0.1, 0, 0)},
        {"affine": [[1, 0, 0, 5], [0, 0, 2, 1], [0, 3, 0, 2], [0, 0, 0, 1]]},
    ],
)
def test_a_layer_of_ours_lies_over_the_image(transform):
    image = Image(np.zeros((6, 20, 30)), **transform)
    clicks = Points(ndim=3, **transform_of(image))
    place = [[2, 3.5, 4.5]]
    np.testing.assert_allclose(clicks.data_to_world(place[0]), image.data_to_world(place[0]))
    assert clicks.units == image.units
    np.testing.assert_allclose(between_layers(clicks, image, place), place, atol=1e-9)


def test_a_layer_with_its_own_transform_is_mapped_through_the_world():
    image = Image(np.zeros((6, 20, 30)), scale=(1, 2, 2), translate=(0, 10, 0))
    clicks = Points(ndim=3)
    np.testing.assert_allclose(between_layers(clicks, image, [[2, 20, 8]]), [[2, 5, 4]])
