"""One colour for an object in every layer."""

import numpy as np

from napari_sam2.analysis.colours import object_colour
from napari_sam2.plugin.object_colours import TrackColours, label_colormap


def test_masks_have_the_colours_of_tables_and_overlays():
    colours = label_colormap(100)
    for object_id in (1, 7, 8, 100):
        assert np.allclose(255 * colours.map(np.int32(object_id))[:3], object_colour(object_id))
    assert np.allclose(colours.map(np.int32(0)), 0)


def test_new_ids_up_to_the_next_power_of_two_have_a_colour_already():
    assert len(label_colormap(65).colors) == 129
    assert len(label_colormap(1).colors) == 65


def test_hidden_objects_are_clear_and_others_are_not():
    colours = label_colormap(5, frozenset({2}))
    assert colours.map(np.int32(2))[3] == 0
    assert colours.map(np.int32(3))[3] == 1


def test_tracks_have_the_colours_of_masks():
    shown = TrackColours().map(np.array([3.0, 1.0, 3.0]))
    assert np.allclose(255 * shown[:, :3], [object_colour(3), object_colour(1), object_colour(3)])
    assert np.allclose(shown[:, 3], 1)
