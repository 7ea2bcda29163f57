"""Track > Tracks from labels: lineage, linking, and what cannot be tracked."""

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel

from napari_sam2.analysis import measure_regions
from napari_sam2.errors import InputError
from napari_sam2.plugin.track_layer import relabelled, share_of_kept_ids, tracks_layer
from napari_sam2.plugin.track_widget import TrackWidget

IN_TIME = {"scale": (30, 0.5, 0.5), "units": ("s", "um", "um"), "axis_labels": ("t", "y", "x")}


def _two_cells(n_frames: int = 6) -> np.ndarray:
    """Two squares that move to the right, one pixel a frame."""
    labels = np.zeros((n_frames, 40, 60), np.int32)
    for frame in range(n_frames):
        labels[frame, 5:13, 5 + frame : 13 + frame] = 1
        labels[frame, 25:33, 5 + frame : 13 + frame] = 2
    return labels


def _a_division() -> np.ndarray:
    """Object 1 ends on frame 2, and 2 and 3 begin beside its place, half as large each."""
    labels = np.zeros((7, 40, 40), np.int32)
    labels[:3, 16:24, 14:26] = 1
    labels[3:, 16:24, 12:18] = 2
    labels[3:, 16:24, 22:28] = 3
    return labels


def _swapped(labels: np.ndarray) -> np.ndarray:
    """The ids of two objects changed round on every other frame."""
    swapped = labels.copy()
    swapped[1::2] = np.array([0, 2, 1], np.int32)[labels[1::2]]
    return swapped


@pytest.fixture
def viewer_model() -> ViewerModel:
    return ViewerModel()


def _tracked(viewer, labels, qtbot, ids=None, **place):
    layer = viewer.add_labels(labels, name="cells", **place)
    widget = TrackWidget(viewer)
    qtbot.addWidget(widget)
    if ids is not None:
        widget._ids.setCurrentText(ids)
    widget.track()
    qtbot.waitUntil(lambda: not widget._bar.running, timeout=30_000)
    return layer


def test_ids_that_agree_are_kept_and_the_tracks_lie_over_the_labels(viewer_model, qtbot):
    labels = _tracked(viewer_model, _two_cells(), qtbot, **IN_TIME)
    tracks = viewer_model.layers["cells tracks"]
    assert np.allclose(tracks.data[:6], [[1, frame, 8.5, 8.5 + frame] for frame in range(6)])
    assert np.allclose(tracks.scale, labels.scale)
    assert tracks.units == labels.units
    assert np.allclose(tracks.track_colors[0], labels.get_color(1))
    assert "cells linked" not in viewer_model.layers
    assert "area" in tracks.features


def test_a_division_becomes_the_graph(viewer_model, qtbot, notices):
    _tracked(viewer_model, _a_division(), qtbot)
    assert viewer_model.layers["cells tracks"].graph == {2: [1], 3: [1]}
    assert "3 tracks, 2 of them daughters of a division; the ids were kept" in notices()[-1]


def test_ids_that_do_not_agree_are_linked_anew(viewer_model, qtbot, notices):
    pytest.importorskip("laptrack")
    _tracked(viewer_model, _swapped(_two_cells()), qtbot, **IN_TIME)
    tracks = viewer_model.layers["cells tracks"]
    assert sorted(np.unique(tracks.data[:, 0])) == [1, 2]
    linked = viewer_model.layers["cells linked"]
    assert np.array_equal(linked.data, _two_cells())
    assert np.allclose(tracks.track_colors[0], linked.get_color(1))
    assert "linked anew: 0% of them stay" in notices()[-1]


def test_what_the_person_says_of_the_ids_holds(viewer_model, qtbot):
    _tracked(viewer_model, _swapped(_two_cells()), qtbot, "keep: an id is one object")
    tracks = viewer_model.layers["cells tracks"]
    assert set(tracks.data[tracks.data[:, 0] == 1][:, 2]) == {8.5, 28.5}


def test_volumes_in_time(viewer_model, qtbot):
    labels = np.stack([_two_cells()] * 3, axis=1)
    place = {"scale": (30, 2, 1, 1), "units": ("s", "um", "um", "um"), "axis_labels": ("t", "z", "y", "x")}
    _tracked(viewer_model, labels, qtbot, **place)
    assert np.allclose(viewer_model.layers["cells tracks"].data[0], [1, 0, 1, 8.5, 8.5])


def test_depth_is_no_time(viewer_model, qtbot, notices):
    _tracked(viewer_model, _two_cells(), qtbot, axis_labels=("z", "y", "x"))
    assert notices()[-1].startswith("The first axis of 'cells' is depth, and tracks follow time")
    assert len(viewer_model.layers) == 1


@pytest.mark.parametrize("ids", ["decide by the masks", "keep: an id is one object"])
def test_labels_without_objects_are_one_sentence(viewer_model, qtbot, notices, ids):
    _tracked(viewer_model, np.zeros((4, 10, 10), int), qtbot, ids)
    assert notices()[-1].startswith("The layer 'cells' has no object on any frame")


def test_one_frame_cannot_be_linked(viewer_model, qtbot, notices):
    labels = np.zeros((4, 40, 60), np.int32)
    labels[2] = _two_cells()[2]
    _tracked(viewer_model, labels, qtbot, "link the frames anew")
    assert notices()[-1] == "All objects are on one frame; linking needs at least two."


def test_images_are_not_offered(viewer_model, qtbot):
    viewer_model.add_labels(np.zeros((10, 10), int), name="flat")
    widget = TrackWidget(viewer_model)
    qtbot.addWidget(widget)
    assert widget._labels.layer is None
    assert not widget._button.isEnabled()


def test_how_often_ids_stay():
    assert share_of_kept_ids(measure_regions(_two_cells())) == 1
    assert share_of_kept_ids(measure_regions(_swapped(_two_cells()))) == 0
    assert np.isnan(share_of_kept_ids(measure_regions(_two_cells(1))))


def test_labels_take_the_ids_of_their_tracks_and_background_stays():
    links = pd.DataFrame({"frame": [0, 0, 2], "object_id": [7, 3, 7], "track_id": [1, 2, 2]})
    labels = np.zeros((3, 2, 2), np.int16)
    labels[0, 0], labels[2, 1, 1] = (3, 7), 7
    assert relabelled(labels, links).tolist() == [[[2, 1], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 2]]]


def test_a_parent_without_masks_is_no_part_of_the_graph():
    made = tracks_layer(measure_regions(_two_cells()), {2: 9, 1: 2}, "the labels")
    assert made["graph"] == {1: [2]}
    with pytest.raises(InputError, match="the labels has no object"):
        tracks_layer(measure_regions(np.zeros((2, 4, 4), int)), {}, "the labels")
