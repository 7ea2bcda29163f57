"""Objects painted on a picture: their colours, and nothing else touched."""

import numpy as np

from napari_sam2.analysis.colours import object_colour, paint_objects


def test_background_stays_and_outlines_have_the_object_s_colour():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    labels = np.zeros((30, 40), np.int32)
    labels[5:20, 5:20], labels[5:20, 20:35] = 1, 900
    before = image.copy()
    painted = paint_objects(image, labels)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(painted[labels == 0], image[labels == 0])
    assert painted[5, 10].tolist() == list(object_colour(1))
    assert painted[10, 20].tolist() == list(object_colour(900))
    mixed = 0.78 * image[12, 12] + 0.22 * np.array(object_colour(1))
    assert np.abs(painted[12, 12] - mixed).max() <= 1


def test_a_picture_without_objects_is_left_as_it_is():
    image = np.full((4, 5, 3), 7, np.uint8)
    np.testing.assert_array_equal(paint_objects(image, np.zeros((4, 5), np.uint16)), image)
