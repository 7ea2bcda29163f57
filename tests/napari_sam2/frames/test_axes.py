import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.frames.axes import bare_letters, given_letters, resolve_axes


def resolve(letters, shape, **choices):
    return resolve_axes(letters, shape, "movie.tif", **choices)


def resolve_bare(shape, dtype="uint16", **choices):
    return resolve(bare_letters(shape, np.dtype(dtype)), shape, **choices)


@pytest.mark.parametrize(
    ("shape", "dtype", "n_frames", "n_channels", "is_rgb"),
    [
        ((20, 64, 48), "uint16", 20, 1, False),
        ((1, 64, 48), "uint16", 1, 1, False),
        ((20, 64, 48, 3), "uint8", 20, 3, True),
        ((20, 64, 48, 4), "uint8", 20, 3, True),
        ((20, 64, 48, 3), "uint16", 20, 3, False),
        ((20, 2, 64, 48), "uint16", 20, 2, False),
        ((20, 1, 64, 48), "uint16", 20, 1, False),
        ((1, 20, 64, 48), "uint16", 20, 1, False),
        ((1, 2, 64, 48), "uint16", 1, 2, False),
        ((1, 20, 1, 64, 48), "uint16", 20, 1, False),
        ((20, 1, 64, 48, 3), "uint8", 20, 3, True),
    ],
)
def test_arrays_without_axes_are_read_as_people_lay_them_out(shape, dtype, n_frames, n_channels, is_rgb):
    axes = resolve_bare(shape, dtype)
    assert (axes.n_frames, axes.n_channels, axes.is_rgb, axes.axis) == (n_frames, n_channels, is_rgb, "t")
    assert (axes.shape[axes.y], axes.shape[axes.x]) == (64, 48)


@pytest.mark.parametrize("shape", [(2, 10, 64, 48), (3, 4, 2, 64, 48), (20, 7, 64, 48)])
def test_an_order_that_cannot_be_guessed_is_asked_for(shape):
    with pytest.raises(InputError, match=r"movie\.tif .*nothing says what they are; name them with axes"):
        resolve_bare(shape)


@pytest.mark.parametrize(("shape", "dtype"), [((64, 48), "uint16"), ((64, 48, 3), "uint8")])
def test_one_image_is_no_stack(shape, dtype):
    with pytest.raises(InputError, match=r"movie\.tif is one 2-D image of 64 x 48 pixels.*z-stack"):
        resolve_bare(shape, dtype)


@pytest.mark.parametrize("shape", [(), (5,)])
def test_fewer_than_two_dimensions_are_no_image(shape):
    with pytest.raises(InputError, match="needs Y, X"):
        resolve_bare(shape)


def test_a_few_channels_are_not_taken_for_frames():
    with pytest.raises(InputError, match=r"one 2-D image.*with 3 channels.*say with axes"):
        resolve("CYX", (3, 64, 48))


def test_many_channels_alone_are_a_stack_that_was_saved_without_a_name():
    axes = resolve("CYX", (30, 64, 48))
    assert (axes.n_frames, axes.n_channels, axes.axis) == (30, 1, "t")
    assert resolve("CYX", (30, 64, 48), axis="z").axis == "z"


def test_the_only_long_axis_is_followed():
    assert resolve("TZCYX", (5, 1, 2, 8, 8)).axis == "t"
    assert resolve("TZCYX", (1, 5, 2, 8, 8)).axis == "z"


def test_an_unnamed_axis_means_what_the_person_says():
    assert resolve("QYX", (5, 8, 8)).axis == "t"
    assert resolve("QYX", (5, 8, 8), axis="Z").axis == "z"


def test_time_and_depth_together_ask_for_a_choice():
    with pytest.raises(InputError, match=r"10 time points \(T\) and 20 slices \(Z\).*axis t, index z=10"):
        resolve("TZYX", (10, 20, 8, 8))
    with pytest.raises(InputError, match=r"20 slices \(Z\) besides the axis T .* z=0 \(0 to 19\)"):
        resolve("TZYX", (10, 20, 8, 8), axis="t")
    axes = resolve("TZYX", (10, 20, 8, 8), axis="t", index={"z": 3})
    assert axes.key(7, slice(None)) == (7, 3, slice(None), slice(None))


def test_two_unusual_axes_ask_for_names():
    with pytest.raises(InputError, match="name the dimensions with axes"):
        resolve("ABYX", (4, 5, 8, 8))


@pytest.mark.parametrize(
    ("letters", "shape", "choices", "sentence"),
    [
        ("ZYX", (5, 8, 8), {"axis": "t"}, r"no axis T but 5 slices \(Z\)"),
        ("ZYX", (5, 8, 8), {"axis": "x"}, "axis 'x' is not known"),
        ("TZYX", (5, 6, 8, 8), {"axis": "t", "index": {"z": 6}}, "z=6 is outside .* from 0 to 5"),
        ("TZYX", (5, 6, 8, 8), {"axis": "t", "index": {"z": -1}}, "z=-1 is outside"),
        ("TYX", (5, 8, 8), {"index": {"z": 0}}, "index names the axis Z"),
        ("TYX", (5, 8, 8), {"index": {"t": 0}}, "index names the axis T"),
        ("TYX", (0, 8, 8), {}, "is empty"),
    ],
)
def test_a_choice_that_does_not_fit_is_named(letters, shape, choices, sentence):
    with pytest.raises(InputError, match=sentence):
        resolve(letters, shape, **choices)


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ("TZYX", "names 4 dimensions but"),
        ("TYY", "its own letter"),
        ("TZX", "its own letter"),
        ("T2X", "own"),
    ],
)
def test_axes_that_do_not_fit_the_array_are_refused(axes, sentence):
    with pytest.raises(InputError, match=sentence):
        given_letters(axes, (5, 8, 8), "movie.tif")


def test_given_axes_may_be_written_small():
    assert given_letters(" tyx ", (5, 8, 8), "movie.tif") == "TYX"


@given(order=st.permutations("TZCYX"), frame=st.integers(0, 2), depth=st.integers(0, 3))
def test_any_order_of_dimensions_gives_the_same_frame(order, frame, depth):
    sizes = {"T": 3, "Z": 4, "C": 2, "Y": 5, "X": 6}
    tzcyx = np.arange(3 * 4 * 2 * 5 * 6).reshape(3, 4, 2, 5, 6)
    array = tzcyx.transpose(["TZCYX".index(letter) for letter in order])
    axes = resolve("".join(order), tuple(sizes[letter] for letter in order), axis="t", index={"z": depth})
    read = axes.arrange(array[axes.key(frame, slice(0, 2))])
    np.testing.assert_array_equal(read, tzcyx[frame, depth].transpose(1, 2, 0))
