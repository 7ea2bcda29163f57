"""The prompt panel in a real viewer: clicks, boxes, paint, labels, objects, following, undo."""

import time
from itertools import pairwise

import numpy as np
import pytest

from napari_sam2.plugin.panel import PromptPanel

N_FRAMES, SIZE = 5, 64


def two_discs(n_frames: int = N_FRAMES) -> np.ndarray:
    """Two bright discs that drift to the right."""
    y, x = np.mgrid[:SIZE, :SIZE]
    frames = [
        60 + 120 * (np.hypot(y - 20, x - 16 - frame) < 8) + 90 * (np.hypot(y - 46, x - 40 - frame) < 9)
        for frame in range(n_frames)
    ]
    return np.array(frames, np.uint8)


FIRST, SECOND = (20, 16), (46, 40)


@pytest.fixture
def open_panel(viewer, qtbot, quick_model):
    """Opens the panel on an image and waits until it is there."""

    def open_(data=None, **place) -> PromptPanel:
        viewer.add_image(two_discs() if data is None else data, name="discs", **place)
        panel = PromptPanel(viewer)
        viewer.window.add_dock_widget(panel, name="SAM 2")
        qtbot.waitUntil(lambda: panel.live is not None, timeout=120_000)
        viewer.dims.set_point(0, 0)
        return panel

    return open_


def settle(panel: PromptPanel, qtbot) -> None:
    """Wait for the model, and for what is shown."""
    panel.live.wait(240)
    qtbot.wait(20)
    panel.sync()


def click(panel: PromptPanel, frame: int, place, object_id: int | None = None) -> None:
    """Add a point as napari does at a click."""
    if object_id is not None:
        panel.current_object = object_id
    coordinates = panel.opened.placement.data_coordinates(frame, [place])
    panel.opened.clicks.layer.add(coordinates)


def test_a_click_shows_the_mask_of_the_object(open_panel, qtbot):
    panel = open_panel()
    click(panel, 0, FIRST)
    settle(panel, qtbot)
    mask = np.asarray(panel.masks_layer.data[0]) == 1
    assert mask[FIRST] and not mask[SECOND]
    assert panel.objects.table.objects.rows[0].n_prompts == 1


def test_what_is_clicked_moved_and_deleted_is_in_the_session(open_panel, qtbot):
    panel = open_panel()
    clicks = panel.opened.clicks.layer
    click(panel, 0, FIRST)
    panel.actions.toggle_inside()
    click(panel, 0, (20, 40))
    qtbot.wait(20)
    prompt = panel.live.session.objects[1].prompts[0]
    assert prompt.points == (FIRST, (20, 40)) and prompt.labels == (1, 0)
    assert [str(symbol) for symbol in clicks.symbol] == ["disc", "x"]
    clicks.data[0] = 0, 22, 17
    clicks.events.data(value=clicks.data, action="changed", data_indices=(0,), vertex_indices=((),))
    qtbot.wait(20)
    assert panel.live.session.objects[1].prompts[0].points[0] == (22, 17)
    clicks.selected_data = {1}
    clicks.remove_selected()
    qtbot.wait(20)
    assert panel.live.session.objects[1].prompts[0].points == ((22, 17),)
    panel.actions.undo()
    qtbot.wait(20)
    assert len(clicks.data) == 2


def test_a_click_outside_the_image_is_refused_and_taken_back(open_panel, qtbot):
    panel = open_panel()
    click(panel, 0, (500, 3))
    qtbot.wait(20)
    assert len(panel.opened.clicks.layer.data) == 0 and not panel.live.session.objects


def test_a_box_is_drawn_moved_and_deleted(open_panel, qtbot):
    panel = open_panel()
    boxes = panel.opened.boxes.layer
    boxes.add_rectangles([[[0, 36, 30], [0, 36, 50], [0, 56, 50], [0, 56, 30]]])
    settle(panel, qtbot)
    assert panel.live.session.objects[1].prompts[0].box == (36, 30, 56, 50)
    assert np.asarray(panel.masks_layer.data[0])[SECOND] == 1
    click(panel, 0, SECOND)
    boxes.selected_data = {0}
    boxes.remove_selected()
    qtbot.wait(20)
    prompt = panel.live.session.objects[1].prompts[0]
    assert prompt.box is None and prompt.points == (SECOND,)


def test_paint_becomes_a_mask_prompt(open_panel, qtbot):
    panel = open_panel()
    panel.actions.tool("paint")
    panel.masks_layer.paint((0, 46, 40), 1)
    qtbot.wait(20)
    given = panel.live.session.objects[1].prompts[0].mask.unpack()
    assert given[SECOND] and given.sum() < 60
    assert np.asarray(panel.masks_layer.data[0])[SECOND] == 1
    panel.actions.undo()
    qtbot.wait(20)
    assert not np.asarray(panel.masks_layer.data[0]).any() and not panel.live.session.objects


def test_labels_become_objects_with_their_numbers_or_the_next_ones(open_panel, viewer, qtbot):
    panel = open_panel()
    labels = np.zeros((N_FRAMES, SIZE, SIZE), np.uint16)
    labels[1, 10:30, 10:30], labels[2, 40:50, 30:50] = 3, 7
    layer = viewer.add_labels(labels, name="from Cellpose")
    panel.actions.add_labels(layer)
    assert {one: tuple(record.prompts) for one, record in panel.live.session.objects.items()} == {
        3: (1,),
        7: (2,),
    }
    viewer.dims.set_point(0, 4)
    one_frame = viewer.add_labels(labels[1], name="one frame")
    viewer.dims.set_point(0, 4)
    panel.actions.add_labels(one_frame)
    assert tuple(panel.live.session.objects[10].prompts) == (4,)
    panel.actions.undo()
    assert list(panel.live.session.objects) == [3, 7]


@pytest.mark.parametrize("shape", [(N_FRAMES, SIZE, SIZE), (N_FRAMES, 8, 8)])
def test_labels_that_are_empty_or_of_another_size_change_nothing(open_panel, viewer, shape):
    panel = open_panel()
    panel.actions.add_labels(viewer.add_labels(np.zeros(shape, np.uint8)))
    assert not panel.live.session.objects


def test_objects_are_added_renamed_hidden_locked_and_deleted(open_panel, qtbot):
    panel = open_panel()
    click(panel, 0, FIRST)
    settle(panel, qtbot)
    panel.actions.new_object()
    assert panel.current_object == 2 and len(panel.objects.table.objects.rows) == 2
    click(panel, 0, SECOND)
    settle(panel, qtbot)
    model = panel.objects.table.objects
    model.setData(model.index(0, 1), "mother")
    assert panel.live.session.objects[1].name == "mother"
    panel.actions.previous_object()
    assert panel.current_object == 1 and panel.masks_layer.selected_label == 1
    panel.actions.accept()
    assert 0 in panel.live.session.objects[1].locks
    panel.actions.accept()
    assert not panel.live.session.objects[1].locks
    panel._shown_changed(1, False)
    assert panel.masks_layer.get_color(1)[3] == 0 and panel.masks_layer.get_color(2)[3] > 0
    assert len(panel.opened.clicks.layer.data) == 1
    panel.actions.delete_object()
    qtbot.wait(20)
    assert list(panel.live.session.objects) == [2]
    assert not (np.asarray(panel.masks_layer.data[0]) == 1).any()


def test_following_correcting_and_undoing_all(open_panel, qtbot):
    panel = open_panel()
    click(panel, 2, FIRST)
    click(panel, 2, SECOND, object_id=2)
    settle(panel, qtbot)
    panel.actions.follow_both()
    assert panel.follow.stop.isEnabled() and not panel.follow.both.isEnabled()
    settle(panel, qtbot)
    assert panel.follow.both.isEnabled() and not panel.follow.stop.isEnabled()
    labels = np.asarray(panel.masks_layer.data)
    assert all(set(np.unique(labels[frame])) == {0, 1, 2} for frame in range(N_FRAMES))
    frame_before = panel.current_frame
    before = labels.copy()

    click(panel, 4, (20, 20), object_id=1)
    qtbot.waitUntil(lambda: panel.live.busy, timeout=120_000)
    settle(panel, qtbot)
    after = np.asarray(panel.masks_layer.data)
    np.testing.assert_array_equal(after == 2, before == 2)
    np.testing.assert_array_equal(after[:3] == 1, before[:3] == 1)
    assert panel.current_frame == frame_before, "the view stays where the person is"

    while panel.live.can_undo:
        panel.actions.undo()
    qtbot.wait(20)
    assert not np.asarray(panel.masks_layer.data).any() and len(panel.opened.clicks.layer.data) == 0
    while panel.live.can_redo:
        panel.actions.redo()
    qtbot.wait(20)
    np.testing.assert_array_equal(np.asarray(panel.masks_layer.data), after)


def test_one_object_a_range_and_the_view_that_goes_along(open_panel, qtbot):
    panel = open_panel()
    click(panel, 0, FIRST)
    click(panel, 0, SECOND, object_id=2)
    settle(panel, qtbot)
    panel.follow.which.setCurrentIndex(1)
    panel.follow.in_range.setChecked(True)
    panel.follow.first.setValue(0)
    panel.follow.last.setValue(2)
    panel.follow.follow_view.setChecked(True)
    panel.actions.follow_forward()
    qtbot.waitUntil(lambda: not panel.live.busy, timeout=240_000)
    settle(panel, qtbot)
    labels = np.asarray(panel.masks_layer.data)
    assert (labels[2] == 2).any() and not labels[3].any() and not (labels[1] == 1).any()
    qtbot.waitUntil(lambda: panel.current_frame == 2, timeout=5000)


def test_the_view_that_goes_along_moves_a_few_times_a_second_up_to_the_last_frame(open_panel, viewer, qtbot):
    panel = open_panel(two_discs(30))
    click(panel, 0, FIRST)
    settle(panel, qtbot)
    panel.follow.follow_view.setChecked(True)
    moves = []
    viewer.dims.events.current_step.connect(lambda: moves.append((panel.current_frame, time.monotonic())))
    panel.actions.follow_forward()
    qtbot.waitUntil(lambda: panel.current_frame == 29 and not panel.live.busy, timeout=240_000)
    frames, times = zip(*moves, strict=True)
    assert list(frames) == sorted(set(frames))
    assert min(after - before for before, after in pairwise(times)) > 0.11


def test_a_second_click_while_busy_shows_the_second_mask(open_panel, qtbot):
    panel = open_panel()
    click(panel, 0, SECOND)
    click(panel, 0, FIRST)
    panel.opened.clicks.layer.selected_data = {0}
    panel.sync()
    panel.live.remove_point(1, 0, 0)
    settle(panel, qtbot)
    mask = np.asarray(panel.masks_layer.data[0]) == 1
    assert mask[FIRST] and not mask[SECOND]


def test_going_to_prompted_frames(open_panel, qtbot):
    panel = open_panel()
    for frame in (1, 3):
        click(panel, frame, FIRST)
    panel.go_to(0)
    seen = []
    for action in (panel.actions.next_prompted, panel.actions.next_prompted, panel.actions.previous_prompted):
        action()
        seen.append(panel.current_frame)
    assert seen == [1, 3, 1]
