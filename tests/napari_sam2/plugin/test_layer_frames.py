"""Frames from napari layers: the axis that is guessed, what is read, and where it lies."""

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.layers import Image

from napari_sam2.plugin.layer_axes import axis_choices, dimension_letters
from napari_sam2.plugin.layer_frames import open_layer


def texts(layer: Image) -> list[str]:
    return [choice.text for choice in axis_choices(layer)]


def movie(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.int64).reshape(shape).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "labels", "letters"),
    [
        ((8, 20, 30), None, "QYX"),
        ((8, 20, 30), ("z", "y", "x"), "ZYX"),
        ((20, 30, 8), ("y", "x", "time"), "YXT"),
        ((8, 12, 20, 30), None, "TZYX"),
        ((8, 3, 20, 30), None, "QCYX"),
        ((8, 12, 20, 30), ("z", "t", "y", "x"), "ZTYX"),
        ((8, 12, 20, 30), ("t", "slice", "row", "column"), "TZYX"),
        ((20, 30), None, "YX"),
    ],
)
def test_dimensions_are_named_by_their_labels_then_by_order_and_size(shape, labels, letters):
    assert dimension_letters(Image(np.zeros(shape), axis_labels=labels)) == letters


def test_a_dimension_in_seconds_is_time():
    layer = Image(np.zeros((5, 9, 20, 30)), units=("um", "s", "um", "um"))
    assert dimension_letters(layer) == "ZTYX"


def test_time_comes_first_and_depth_can_be_chosen():
    layer = Image(np.zeros((8, 12, 20, 30)), axis_labels=("t", "z", "y", "x"))
    assert texts(layer)[:2] == ["time · 8 frames", "depth · 12 slices"]


def test_an_unnamed_dimension_is_time_in_pixels_and_depth_in_micrometres():
    assert texts(Image(np.zeros((8, 20, 30))))[0] == "time · 8 frames"
    assert texts(Image(np.zeros((8, 20, 30)), units=("um",) * 3))[0] == "depth · 8 slices"


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_frames_of_a_stack_have_its_pixels_and_sizes(kind, tmp_path):
    stack = movie(6, 20, 30)
    held = {
        "numpy": lambda: stack,
        "dask": lambda: da.from_array(stack, chunks=(1, 20, 30)),
        "zarr": lambda: zarr.array(stack, store=tmp_path / "s.zarr"),
    }[kind]()
    layer = Image(
        held, name="cells", scale=(60, 0.5, 0.25), units=("s", "um", "um"), axis_labels=("t", "y", "x")
    )
    frames, placement = open_layer(layer)
    assert frames.shape == (6, 20, 30) and frames.name == "cells" and frames.axis == "t"
    assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((0.5, 0.25), "µm", 60, "s")
    np.testing.assert_array_equal(frames[4][..., 0], stack[4])
    assert placement.along == 0


def test_an_image_in_pixels_has_no_physical_size():
    frames, _ = open_layer(Image(movie(6, 20, 30)))
    assert frames.pixel_size is None and frames.step is None


def test_rows_and_columns_first():
    stack = movie(20, 30, 6)
    frames, placement = open_layer(Image(stack, axis_labels=("y", "x", "t")))
    np.testing.assert_array_equal(frames[2][..., 0], stack[:, :, 2])
    np.testing.assert_array_equal(placement.data_coordinates(2, [(5.5, 7)]), [[5.5, 7, 2]])


def test_time_at_one_depth_and_depth_at_one_time():
    stack = movie(6, 7, 20, 30)
    layer = Image(stack)
    time, depth = axis_choices(layer)[:2]
    frames, _ = open_layer(layer, time, {1: 5})
    np.testing.assert_array_equal(frames[3][..., 0], stack[3, 5])
    frames, placement = open_layer(layer, depth, {0: 2})
    assert frames.axis == "z"
    np.testing.assert_array_equal(frames[3][..., 0], stack[2, 3])
    assert placement.fixed == {0: 2}


def test_planes_across_a_row_axis():
    stack = movie(6, 20, 30)
    layer = Image(stack, axis_labels=("z", "y", "x"))
    across_y = next(choice for choice in axis_choices(layer) if choice.text.startswith("across y"))
    frames, placement = open_layer(layer, across_y)
    assert frames.shape == (20, 6, 30)
    np.testing.assert_array_equal(frames[4][..., 0], stack[:, 4])
    np.testing.assert_array_equal(placement.data_coordinates(4, [(1, 2)]), [[1, 4, 2]])


def test_colour_and_channels():
    clip = movie(6, 20, 30, 3, dtype="uint8")
    frames, _ = open_layer(Image(clip, rgb=True))
    assert frames.is_rgb and frames.shape == (6, 20, 30)
    channels = movie(6, 2, 20, 30)
    frames, placement = open_layer(Image(channels, axis_labels=("t", "c", "y", "x")))
    assert frames.n_channels == 2 and placement.fixed == {}
    np.testing.assert_array_equal(frames[1], channels[1].transpose(1, 2, 0))


@pytest.mark.parametrize("rgb", [False, True])
def test_one_image_is_a_stack_of_one(rgb):
    image = movie(20, 30, 3, dtype="uint8") if rgb else movie(20, 30)
    frames, placement = open_layer(Image(image, rgb=rgb))
    assert len(frames) == 1 and placement.along is None
    np.testing.assert_array_equal(frames[0], image if rgb else image[..., None])
    np.testing.assert_array_equal(placement.data_coordinates(0, [(1, 2)]), [[1, 2]])


def test_a_pyramid_is_read_in_full_resolution():
    stack = movie(6, 20, 30)
    frames, _ = open_layer(Image([stack, stack[:, ::2, ::2]], multiscale=True))
    assert frames.shape == (6, 20, 30)
