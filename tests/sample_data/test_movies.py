"""Whole fields of view: crowded, dividing, cut in slices, crossed by instruments; the same every time."""

import numpy as np
import pytest

from napari_sam2.sample_data.movies import cell_frames, cell_movie, instrument_clip, zstack
from napari_sam2.sample_data.walks import cell_tracks


def test_a_cell_movie_has_its_shape_its_cells_and_touching_ones():
    images, labels = cell_movie(8, (96, 128), 20, seed=1)
    assert images.shape == labels.shape == (8, 96, 128)
    assert images.dtype == labels.dtype == np.uint16
    assert len(np.unique(labels[0])) - 1 >= 16
    touching = (labels[:, :, 1:] != labels[:, :, :-1]) & (labels[:, :, 1:] > 0) & (labels[:, :, :-1] > 0)
    assert touching.any()
    assert images[labels > 0].mean() > 1.3 * images[labels == 0].mean()


def test_a_mother_ends_where_her_two_daughters_begin():
    tracks = cell_tracks(12, (128, 128), 12, seed=2)
    daughters = np.flatnonzero(tracks.mother_k >= 0)
    assert len(daughters) >= 2 and len(daughters) % 2 == 0
    for cell in daughters:
        mother = tracks.mother_k[cell]
        birth = int(tracks.present_kt[cell].argmax())
        assert tracks.present_kt[mother, birth - 1] and not tracks.present_kt[mother, birth:].any()
        gap = np.linalg.norm(tracks.centre_ktc[cell, birth] - tracks.centre_ktc[mother, birth - 1])
        assert gap < 2.5 * tracks.radius_kt[mother, birth - 1]


def test_a_short_movie_has_no_divisions():
    assert (cell_tracks(3, (64, 64), 5, seed=0).mother_k == -1).all()


def test_a_movie_renders_any_frame_alone_as_it_does_in_order():
    movie = cell_frames(6, (64, 64), 6, seed=3)
    assert len(movie) == 6
    in_order = list(movie)
    image, labels = movie[4]
    np.testing.assert_array_equal(image, in_order[4][0])
    np.testing.assert_array_equal(labels, in_order[4][1])
    with pytest.raises(IndexError, match="it has 6 frames"):
        movie[6]


def test_nuclei_begin_and_end_along_a_stack():
    _, labels = zstack(20, (96, 96), 12, seed=1)
    middle_only = 0
    for i in np.unique(labels[labels > 0]):
        slices = np.flatnonzero((labels == i).any((1, 2)))
        assert np.array_equal(slices, np.arange(slices[0], slices[-1] + 1))
        middle_only += slices[0] > 0 and slices[-1] < 19
    assert middle_only >= 6


def test_an_instrument_clip_is_in_colour_and_dark_beyond_the_circle():
    images, labels = instrument_clip(4, (90, 120), seed=0)
    assert images.shape == (4, 90, 120, 3) and images.dtype == np.uint8
    assert labels.shape == (4, 90, 120) and labels.any()
    dark = (images.max(-1) == 0).all(0)
    assert dark.any() and not labels[:, dark].any()
