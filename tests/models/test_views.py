"""Geometry of views: positions, cuts and masks go there and back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.models.results import MaskPatch
from napari_sam2.models.views import View, look, look_mask, put_back, tighten, whole
from napari_sam2.models.windows import (
    ENDED,
    GROWTH,
    MOST_GROWTH,
    RATIO,
    SMALL_INPUT,
    SMALLEST,
    Window,
    around,
    candidates,
    full,
)

shapes = st.tuples(st.integers(20, 300), st.integers(20, 300))
windows = st.builds(
    Window,
    y=st.floats(-20, 320),
    x=st.floats(-20, 320),
    side=st.floats(8, 400),
    lost=st.integers(0, 30),
)


@given(shapes, windows)
def test_a_window_that_fits_lies_inside_the_frame(shape, window):
    view = window.view(shape)
    assert view.height == view.width == round(max(window.side, SMALLEST) * window.growth)
    for start, length, extent in ((view.top, view.height, shape[0]), (view.left, view.width, shape[1])):
        if length <= extent:
            assert 0 <= start <= extent - length
        else:
            assert start <= 0 and start + length >= extent


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(4, 200), st.integers(4, 200))
def test_corners_of_a_view_are_corners_of_the_input(top, left, height, width):
    view, size = View(top, left, height, width), 64
    assert view.to_input(top - 0.5, left - 0.5, size) == pytest.approx((-0.5, -0.5))
    assert view.to_input(top + height - 0.5, left + width - 0.5, size) == pytest.approx((63.5, 63.5))


def test_look_at_native_size_is_the_normalised_piece():
    image_chw = np.random.default_rng(0).random((3, 40, 50), dtype=np.float32)
    piece = look(image_chw, [View(5, 7, 32, 32)], 32, "cpu")[0]
    mean, std = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
    expected = (torch.from_numpy(image_chw[:, 5:37, 7:39]) - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    torch.testing.assert_close(piece, expected)


def test_look_outside_the_frame_is_the_mean_colour():
    piece = look(np.ones((3, 20, 20), np.float32), [View(-16, -16, 32, 32)], 32, "cpu")[0]
    assert float(piece[:, :16].abs().max()) == 0
    assert float(piece[:, 16:, 16:].min()) > 1


@given(st.integers(-10, 25), st.integers(-10, 25), st.sampled_from([16, 32]))
def test_a_mask_looked_at_and_put_back_is_the_mask(top, left, side):
    mask = np.zeros((40, 40), bool)
    mask[12:20, 14:23] = True
    view = View(top, left, side, side)
    y, x, logits = put_back(look_mask(mask, view, side, "cpu") - 0.5, view, mask.shape)
    rows, columns, *_ = view.inside(mask.shape)
    expected = np.zeros_like(mask)
    expected[rows, columns] = mask[rows, columns]
    back = np.zeros_like(mask)
    back[y : y + logits.shape[0], x : x + logits.shape[1]] = logits > 0
    assert np.array_equal(back, expected)


def test_tighten_cuts_to_what_is_positive():
    logits = np.full((10, 12), -1, np.float32)
    logits[3:5, 6] = 2
    assert tighten(logits, 100, 200)[:2] == (103, 206)
    assert tighten(logits, 100, 200)[2].tolist() == [[2], [2]]
    assert tighten(-np.ones((4, 4), np.float32), 1, 1)[2].shape == (0, 0)


def seen(top: int, left: int, height: int, width: int) -> MaskPatch:
    return MaskPatch(1, top, left, np.ones((height, width), np.float32), 0.9, 0.9)


def test_a_window_follows_its_object_and_takes_its_size_slowly():
    window = around((10, 10, 59, 59), (500, 500), "window")
    assert window.side == pytest.approx(RATIO * 50)
    moved = window.after(seen(40, 60, 100, 50))
    assert (moved.y, moved.x) == (89.5, 84.5)
    assert window.side < moved.side < RATIO * 100


def test_no_window_is_narrower_than_the_smallest():
    window = around((10, 10, 19, 19), (500, 500), "window")
    for small in (window, window.after(seen(10, 10, 8, 8))):
        assert small.view((500, 500)).height == SMALLEST


def test_only_a_small_object_has_a_small_input():
    small, middle = (around((10, 10, 10 + e, 10 + e), (500, 500), "window") for e in (25, 30))
    assert (small.input, middle.input, full((500, 500)).input) == (SMALL_INPUT, None, None)
    assert small.after(MaskPatch.absent(1)).input == SMALL_INPUT
    grown = small
    for _ in range(9):
        grown = grown.after(seen(10, 10, 60, 60))
    assert grown.input is None


def test_the_window_of_a_lost_object_grows_and_shrinks_back_when_it_is_found():
    window = around((10, 10, 29, 29), (500, 500), "window")
    lost = window
    for _ in range(20):
        lost = lost.after(MaskPatch.absent(1))
    assert lost.growth == MOST_GROWTH and (lost.y, lost.x) == (window.y, window.x)
    assert lost.after(seen(10, 10, 20, 20)).growth == 1
    assert replace(window, lost=1).growth == pytest.approx(GROWTH)
    assert replace(window, lost=200_000).growth == MOST_GROWTH


def test_an_object_has_ended_after_some_slices_without_a_trace_of_it():
    window, absent = around((10, 10, 29, 29), (500, 500), "window"), MaskPatch.absent(1)
    for _ in range(ENDED):
        assert not window.ended
        window = window.after(absent)
    assert window.ended and not window.after(seen(10, 10, 20, 20)).ended


def test_auto_shows_a_large_object_the_whole_frame():
    assert around((0, 0, 79, 79), (100, 100), "auto").view((100, 100)) == whole((100, 100))
    assert around((0, 0, 79, 79), (100, 100), "window").follows
    assert full((30, 40)).view((30, 40)) == View(0, 0, 30, 40)


@given(st.lists(st.tuples(st.floats(0, 99), st.floats(0, 149)), min_size=1, max_size=4))
def test_every_candidate_window_shows_every_click(points):
    shape = (100, 150)
    for window in candidates(points, shape, "auto"):
        view = window.view(shape)
        for y, x in points:
            assert view.top - 0.5 <= y <= view.top + view.height - 0.5
            assert view.left - 0.5 <= x <= view.left + view.width - 0.5


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.builds(View, st.integers(-30, 60), st.integers(-30, 60), st.integers(8, 90), st.integers(8, 90)),
)
def test_what_is_put_back_is_what_torch_stretches(seed, resolution, view):
    shape = (70, 80)
    logits = np.random.default_rng(seed).normal(-0.7, 1, resolution).astype(np.float32)
    # In float32 torch rounds the positions too, which shows where noise is steep.
    full_hw = torch.nn.functional.interpolate(
        torch.from_numpy(logits).double()[None, None], size=(view.height, view.width), mode="bilinear"
    )[0, 0].numpy()
    rows, columns, own_rows, own_columns = view.inside(shape)
    expected = np.zeros(shape, np.float32)
    if rows.start < rows.stop and columns.start < columns.stop:
        expected[rows, columns] = full_hw[own_rows, own_columns]
    y, x, back = put_back(logits, view, shape)
    found = np.zeros(shape, np.float32)
    found[y : y + back.shape[0], x : x + back.shape[1]] = back
    assert back.size == 0 or ((back > 0).any(1)[[0, -1]].all() and (back > 0).any(0)[[0, -1]].all())
    np.testing.assert_allclose(np.maximum(found, 0), np.maximum(expected, 0), atol=1e-5)
