"""Volumes in time: round bodies that wander, divide, and begin and end along depth."""

import numpy as np

from napari_sam2.sample_data.volume_movies import nuclei_tracks, volume_frames, volume_movie


def test_a_volume_movie_has_its_shape_and_its_nuclei():
    images, labels = volume_movie(2, 6, (48, 64), 5, seed=1)
    assert images.shape == labels.shape == (2, 6, 48, 64)
    assert images.dtype == labels.dtype == np.uint16
    assert set(np.unique(labels[0])) == {0, 1, 2, 3, 4, 5}
    assert images[labels > 0].mean() > 1.3 * images[labels == 0].mean()
    for number in range(1, 6):
        slices = np.flatnonzero((labels[1] == number).any((1, 2)))
        assert np.array_equal(slices, np.arange(slices[0], slices[-1] + 1))


def test_the_slices_follow_volume_by_volume():
    _, labels = volume_movie(2, 6, (48, 64), 5, seed=1)
    movie = volume_frames(2, 6, (48, 64), 5, 2.5, seed=1)
    assert len(movie) == 12
    assert np.array_equal(movie[6 + 2][1], labels[1, 2])


def test_a_mother_ends_where_her_two_daughters_begin():
    size = (40, 128, 128)
    nuclei = nuclei_tracks(12, size, 12, seed=2)
    daughters = np.flatnonzero(nuclei.mother_k >= 0)
    assert len(daughters) == 6
    for nucleus in daughters:
        mother, birth = nuclei.mother_k[nucleus], int(nuclei.present_kt[nucleus].argmax())
        assert nuclei.present_kt[mother, birth - 1] and not nuclei.present_kt[mother, birth:].any()
        gap = np.linalg.norm(nuclei.centre_ktc[nucleus, birth] - nuclei.centre_ktc[mother, birth - 1])
        assert 0.3 * nuclei.radius_k[mother] < gap < 2 * nuclei.radius_k[mother]


def test_nuclei_move_along_depth_less_than_their_radius_a_step():
    nuclei = nuclei_tracks(12, (40, 128, 128), 12, seed=0)
    moved = np.abs(np.diff(nuclei.centre_ktc[:12, :, 0], axis=1))[nuclei.present_kt[:12, 1:]]
    assert 0 < np.median(moved) and moved.max() < nuclei.radius_k[:12].min()
