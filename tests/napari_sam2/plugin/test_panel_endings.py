"""What ends in the middle of things: layers removed, viewers closed, a model that fails."""

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_sam2.errors import InputError
from napari_sam2.plugin.keys import KEYS
from napari_sam2.plugin.panel import PromptPanel


def discs(n_frames: int = 30, size: int = 48) -> np.ndarray:
    """A bright disc at (20, 16)."""
    y, x = np.mgrid[:size, :size]
    return np.array([60 + 120 * (np.hypot(y - 20, x - 16) < 8)] * n_frames, np.uint8)


@pytest.fixture
def panel(viewer, qtbot, quick_model) -> PromptPanel:
    """The panel on a movie with one object."""
    viewer.add_image(discs(), name="discs")
    panel = PromptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="SAM 2")
    qtbot.waitUntil(lambda: panel.live is not None, timeout=120_000)
    panel.opened.clicks.layer.add([0, 20, 16])
    panel.live.wait(240)
    return panel


def follow(panel: PromptPanel, qtbot) -> None:
    """Begin to follow, and wait for the first frames."""
    panel.actions.follow_both()
    qtbot.waitUntil(lambda: panel.live.progress is not None and panel.live.progress.done > 1, timeout=240_000)


def told() -> str:
    """The last notification."""
    return notification_manager.records[-1].message


def test_the_image_is_removed_while_objects_are_followed(panel, viewer, qtbot):
    follow(panel, qtbot)
    live = panel.live
    viewer.layers.remove("discs")
    qtbot.waitUntil(lambda: panel.live is None, timeout=60_000)
    assert not live.busy
    assert "removed" in told() and "Continue" in told()
    assert [layer.name for layer in viewer.layers] == ["Masks"]
    assert (np.asarray(viewer.layers["Masks"].data[1]) == 1).any()
    viewer.add_image(discs(), name="again")
    panel.image_section.images.setCurrentIndex(0)
    panel.open_chosen()
    assert panel.live is not None and panel.live is not live


def test_a_layer_of_ours_that_is_removed_comes_back(panel, viewer, qtbot):
    viewer.layers.remove("Clicks")
    viewer.layers.remove("Masks")
    qtbot.waitUntil(lambda: {"Clicks", "Masks"} <= {layer.name for layer in viewer.layers}, timeout=60_000)
    assert len(viewer.layers["Clicks"].data) == 1
    viewer.layers["Clicks"].add([2, 20, 16])
    assert set(panel.live.session.objects[1].prompts) == {0, 2}


def test_the_dock_is_closed_while_objects_are_followed(panel, viewer, qtbot):
    before = dict(viewer.keymap)
    follow(panel, qtbot)
    viewer.window.remove_dock_widget(panel)
    assert {layer.name for layer in viewer.layers} == {"discs", "Masks"}
    assert len(before) == len(KEYS) and not viewer.keymap
    viewer.layers["Masks"].paint((0, 5, 5), 3)
    assert viewer.layers["Masks"].data[0, 5, 5] == 3
    panel.deleteLater()  # the test itself still holds it


def test_the_viewer_is_closed_while_objects_are_followed(panel, viewer, qtbot):
    follow(panel, qtbot)
    viewer.close()


def test_keys_that_were_bound_before_come_back(viewer, qtbot, quick_model):
    def mine(_):
        """A person's own key."""

    viewer.bind_key("N", mine)
    viewer.add_image(discs(2))
    panel = PromptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="SAM 2")
    assert mine not in viewer.keymap.values()
    viewer.window.remove_dock_widget(panel)
    assert list(viewer.keymap.values()) == [mine]


def test_a_model_that_fails_is_told_and_the_panel_works_again(panel, monkeypatch, qtbot):
    from napari_sam2.interactive.requests import Failed

    follow(panel, qtbot)
    live = panel.live
    live._take(Failed(live._run.number, "The GPU is out of memory; choose a smaller model or the processor."))
    qtbot.wait(20)
    assert "out of memory" in told()
    assert not live.busy and panel.follow.both.isEnabled() and not panel.follow.stop.isEnabled()
    panel.actions.follow_both()
    live.wait(300)
    assert (np.asarray(panel.masks_layer.data[-1]) == 1).any()


def test_stop_keeps_what_is_done(panel, qtbot):
    follow(panel, qtbot)
    panel.actions.stop()
    qtbot.wait(20)
    assert not panel.live.busy
    labels = np.asarray(panel.masks_layer.data)
    found = [frame for frame in range(len(labels)) if (labels[frame] == 1).any()]
    assert 1 < len(found) < len(labels)


def test_a_mistake_is_told_and_nothing_changes(panel, monkeypatch, qtbot):
    def refuse(*_):
        raise InputError("object 1 cannot be deleted today; try tomorrow")

    monkeypatch.setattr(panel.live, "delete_object", refuse)
    panel.actions.delete_object()
    assert told() == "Object 1 cannot be deleted today; try tomorrow."
    assert 1 in panel.live.session.objects


def test_the_real_model_answers_and_ends_with_the_viewer(viewer, qtbot):
    viewer.add_image(discs(12), name="discs")
    panel = PromptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="SAM 2")
    qtbot.waitUntil(lambda: panel.live is not None, timeout=120_000)
    panel.opened.clicks.layer.add([0, 20, 16])
    panel.live.wait(240)
    mask = panel.live.mask(1, 0)
    assert mask[20, 16] and not mask[40, 40]
    panel.actions.follow_both()
    qtbot.waitUntil(lambda: panel.live.progress is None or panel.live.progress.done > 1, timeout=240_000)
    viewer.close()
