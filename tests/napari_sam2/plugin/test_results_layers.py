"""What is known of the objects, in napari's layers."""

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Tracks

from napari_sam2.analysis import measure_regions
from napari_sam2.analysis.colours import object_colour
from napari_sam2.plugin.panel import PromptPanel
from napari_sam2.plugin.results_layers import features_of

IN_TIME = {"scale": (30, 0.5, 0.5), "units": ("s", "um", "um"), "axis_labels": ("t", "y", "x")}
SIDE = (4, 6, 8)


def _square(frame: int, top: int = 5) -> np.ndarray:
    """A square that grows: its area is 16, 36 and 64 pixels."""
    mask = np.zeros((40, 50), bool)
    mask[top : top + SIDE[frame], 5 : 5 + SIDE[frame]] = True
    return mask


def _open(viewer, qtbot, shape=(3, 40, 50), **place) -> PromptPanel:
    viewer.add_image(np.zeros(shape, np.uint8), name="cells", **place)
    panel = PromptPanel(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.live is not None)
    return panel


@pytest.fixture
def viewer() -> ViewerModel:
    """Layers without a window, which takes seconds to open."""
    return ViewerModel()


@pytest.fixture
def panel(viewer, qtbot) -> PromptPanel:
    """Object 1 on three frames, no model needed."""
    panel = _open(viewer, qtbot, **IN_TIME)
    for frame in range(3):
        panel.live.add_mask(1, frame, _square(frame))
    return panel


def _wait(panel, qtbot):
    """Until everything is measured and shown."""
    results = panel.results
    timers = results._features_timer, results._tracks_timer

    def settled() -> bool:
        return results.tables.complete and not any(timer.isActive() for timer in timers)

    qtbot.waitUntil(settled, timeout=20_000)


def test_the_features_are_the_regions_of_the_frame_that_is_shown(panel, viewer, qtbot):
    _wait(panel, qtbot)
    for frame in (2, 0):
        panel.go_to(frame)
        qtbot.waitUntil(lambda frame=frame: panel.masks_layer.features["frame"].tolist()[1:] == [frame])
        features = panel.masks_layer.features
        assert features["index"].tolist() == [0, 1]
        assert features["name"].tolist() == ["background", "object 1"]
        assert features["area"].tolist()[1:] == [SIDE[frame] ** 2 / 4]
    panel.live.rename_object(1, "mother")
    qtbot.waitUntil(lambda: panel.masks_layer.features["name"].tolist()[1] == "mother")


def test_a_change_of_one_frame_measures_that_frame_anew(panel, qtbot, monkeypatch):
    from napari_sam2.plugin import live_tables

    _wait(panel, qtbot)
    measured, measure = [], live_tables.measure_regions

    def counting(*args, **options):
        measured.extend(options["frames"])
        return measure(*args, **options)

    monkeypatch.setattr(live_tables, "measure_regions", counting)
    panel.live.add_mask(2, 1, _square(0, top=25))
    _wait(panel, qtbot)
    assert measured == [1]
    regions = panel.results.tables.regions()
    assert regions["area_px"].tolist() == [16, 36, 16, 64]
    assert regions.attrs["napari_sam2"]["parameters"]["frames"] == [0, 2]


def test_tracks_lie_over_the_image_in_the_colours_of_the_masks(panel, viewer, qtbot):
    _wait(panel, qtbot)
    tracks = panel.results.tracks
    assert tracks.data[:, :2].tolist() == [[1, 0], [1, 1], [1, 2]]
    assert np.allclose(tracks.data[0, 2:], (6.5, 6.5))
    assert np.allclose(tracks.scale, viewer.layers["cells"].scale)
    assert tracks.units == viewer.layers["cells"].units
    assert np.allclose(255 * tracks.track_colors[0, :3], object_colour(1))
    assert viewer.layers.selection.active is not tracks


def test_a_marked_division_is_an_edge_of_the_graph(panel, qtbot):
    for frame in (1, 2):
        panel.live.add_mask(2, frame, _square(frame, top=25))
    panel.live.mark_division(1, [1, 2], 1)
    _wait(panel, qtbot)
    assert panel.results.tracks.graph == {2: [1]}
    panel.live.undo()
    _wait(panel, qtbot)
    assert panel.results.tracks.graph == {}


def test_without_a_second_frame_there_is_no_track(viewer, qtbot):
    panel = _open(viewer, qtbot)
    panel.live.add_mask(1, 0, _square(0))
    _wait(panel, qtbot)
    assert panel.results.tracks is None
    panel.live.add_mask(1, 1, _square(1))
    _wait(panel, qtbot)
    assert panel.results.tracks in viewer.layers
    panel.live.undo()
    _wait(panel, qtbot)
    assert not [layer for layer in viewer.layers if isinstance(layer, Tracks)]


def test_a_tracks_layer_that_was_removed_comes_back_with_the_next_change(panel, viewer, qtbot):
    _wait(panel, qtbot)
    viewer.layers.remove(panel.results.tracks)
    panel.live.add_mask(1, 1, _square(0))
    _wait(panel, qtbot)
    assert panel.results.tracks in viewer.layers


def test_depth_has_no_tracks(viewer, qtbot):
    panel = _open(viewer, qtbot, axis_labels=("z", "y", "x"))
    for frame in range(2):
        panel.live.add_mask(1, frame, _square(frame))
    _wait(panel, qtbot)
    assert panel.results.tracks is None
    assert panel.masks_layer.features["area"].notna().sum() == 1


def test_volumes_in_time_have_their_tracks_at_the_depth_that_was_followed(viewer, qtbot):
    panel = _open(viewer, qtbot, (3, 4, 40, 50), axis_labels=("t", "z", "y", "x"))
    depth = panel.opened.placement.fixed[1]
    for frame in range(3):
        panel.live.add_mask(1, frame, _square(frame))
    _wait(panel, qtbot)
    assert panel.results.tracks.data[:, 1].tolist() == [0, 1, 2]
    assert set(panel.results.tracks.data[:, 2]) == {depth}


def test_when_the_image_goes_its_tracks_go(panel, viewer, qtbot):
    _wait(panel, qtbot)
    viewer.layers.remove("cells")
    qtbot.waitUntil(lambda: panel.results.tracks is None)
    assert not [layer for layer in viewer.layers if isinstance(layer, Tracks)]


def test_ids_far_apart_have_a_row_each_and_no_more():
    labels = np.zeros((1, 4, 4), np.int32)
    labels[0, 0, 0] = 70_000
    features = features_of(measure_regions(labels), {3: "a"})
    assert features["index"].tolist() == [0, 3, 70_000]
    assert features["name"].tolist() == ["background", "a", ""]
    assert pd.isna(features["area"]).tolist() == [True, True, False]
