import numpy as np
from scipy.spatial.distance import cdist

from napari_sam2.analysis import measure_regions


def test_the_nearest_object_is_that_of_all_pixels_against_all_pixels(blobs):
    table = measure_regions(blobs, pixel_size=(0.5, 2.0), unit="µm")
    for row in table.itertuples():
        labels = blobs[row.frame]
        mine = np.argwhere(labels == row.object_id)
        others = np.argwhere((labels > 0) & (labels != row.object_id))
        np.testing.assert_allclose(row.nearest_distance_px, cdist(mine, others).min())
        distances = cdist(mine * (0.5, 2.0), others * (0.5, 2.0)).min(axis=0)
        np.testing.assert_allclose(row.nearest_distance, distances.min())
        nearest = others[np.isclose(distances, distances.min())]
        assert row.nearest_object in labels[nearest[:, 0], nearest[:, 1]]


def test_a_cell_between_two_others_has_two_neighbours_and_touches_with_half_its_outline():
    labels = np.zeros((1, 6, 14), int)
    labels[0, 1:5, 1:5], labels[0, 1:5, 5:9], labels[0, 1:5, 9:13] = 1, 2, 3
    table = measure_regions(labels).set_index("object_id")
    assert table.neighbours.tolist() == [1, 2, 1]
    assert table.contact_fraction.tolist() == [0.25, 0.5, 0.25]
    assert table.nearest_distance.tolist() == [1, 1, 1]


def test_an_object_that_fills_the_frame_has_no_outline_to_share():
    row = measure_regions(np.ones((1, 3, 3), int)).iloc[0]
    assert np.isnan(row.contact_fraction) and row.neighbours == 0
