"""The queue of moments that are most likely wrong."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.interactive.review import moments
from napari_sam2.plugin.panel import PromptPanel


def _square(side: int, left: int = 5) -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    mask[5 : 5 + side, left : left + side] = True
    return mask


@pytest.fixture
def panel(qtbot) -> PromptPanel:
    """Object 1 is given on frame 0, jumps on frame 2 and is four times as large on frame 4."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((6, 40, 60), np.uint8), name="cells")
    panel = PromptPanel(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.live is not None)
    store = panel.live.store
    for frame, mask in enumerate(
        (_square(8), _square(8), _square(8, 40), _square(8, 40), _square(16, 40), _square(16, 40))
    ):
        labels, logits = store.arrays(frame)
        labels[mask], logits[mask] = 1, 5
        store.put(frame, labels, logits)
    panel.live.add_mask(1, 0, _square(8))
    panel.live.frames_changed.emit(frozenset(range(6)))
    qtbot.waitUntil(lambda: panel.review._model.rowCount() > 0, timeout=20_000)
    return panel


def _shown(panel) -> list[tuple[int, str]]:
    view = panel.review._view.model()
    return [(int(view.index(row, 1).data()), view.index(row, 3).data()) for row in range(view.rowCount())]


def test_the_worst_comes_first_and_prompted_frames_are_not_doubted(panel):
    assert [frame for frame, _ in _shown(panel)] == [2, 4]
    assert "jumps 3.88 diameters a frame" in _shown(panel)[0][1]
    assert "size changes 4.00 times" in _shown(panel)[1][1]
    assert panel.review._state.text() == "2 of 2 moments left to look at"


def test_a_click_goes_to_the_frame_and_the_object(panel):
    panel.current_object = 7
    view = panel.review._view
    view.clicked.emit(view.model().index(1, 3))
    assert (panel.current_frame, panel.current_object) == (4, 1)


def test_next_doubtful_goes_round_and_leaves_out_what_is_checked(panel):
    panel.go_to(0)
    panel.next_doubtful()
    assert panel.current_frame == 2
    panel.next_doubtful()
    assert panel.current_frame == 4
    assert panel.review._view.selectionModel().selectedRows()[0].row() == 1
    model = panel.review._model
    row = model.table["frame"].tolist().index(2)
    assert model.setData(model.index(row, 0), Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    panel.next_doubtful()
    assert panel.current_frame == 4
    assert panel.review._state.text() == "1 of 2 moments left to look at"


def test_ticks_are_kept_with_the_session_and_can_be_taken_away(panel, qtbot):
    model = panel.review._model
    for state, count in ((Qt.CheckState.Checked, 1), (Qt.CheckState.Unchecked, 0)):
        model.setData(model.index(0, 0), state.value, Qt.ItemDataRole.CheckStateRole)
        table = moments(panel.live)
        assert table.groupby("frame")["checked"].all().sum() == count


def test_what_is_checked_can_be_left_out_of_the_list(panel):
    model = panel.review._model
    model.setData(model.index(0, 0), Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    panel.review._hide.setChecked(True)
    assert [frame for frame, _ in _shown(panel)] == [4]
    model.setData(model.index(0, 0), Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert _shown(panel) == []
    assert not panel.review._next.isEnabled()


def test_the_list_sorts_by_frame_as_numbers(panel):
    panel.review._view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert [frame for frame, _ in _shown(panel)] == [4, 2]


def test_a_mended_mask_leaves_the_queue(panel, qtbot):
    labels, logits = panel.live.store.arrays(5)
    labels[:] = logits[:] = 0
    panel.live.store.put(5, labels, logits)
    panel.live.add_mask(1, 4, _square(8, 40))
    panel.live.frames_changed.emit(frozenset({5}))
    qtbot.waitUntil(lambda: [frame for frame, _ in _shown(panel)] == [2], timeout=20_000)


def test_without_masks_the_list_says_what_to_do(qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((3, 40, 60), np.uint8))
    panel = PromptPanel(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.results.tables.complete and panel.live is not None)
    assert panel.review._state.text().startswith("Follow objects first")
    panel.next_doubtful()
    assert panel.current_frame is not None


def test_a_look_just_before_the_measuring_ends_comes_again(panel, qtbot):
    tables, review = panel.results.tables, panel.review
    tables.changed.disconnect(review.refresh)
    # The last frames are there, and the job that measured them is not over yet.
    tables.changed.connect(review._look)
    panel.live.frames_changed.emit(frozenset(range(6)))
    qtbot.waitUntil(lambda: review._state.text() == "measuring…", timeout=20_000)
    qtbot.waitUntil(lambda: tables.complete and not review.looking, timeout=20_000)
    assert review._state.text() == "2 of 2 moments left to look at"


def test_nothing_is_said_to_be_measured_while_objects_are_followed(panel, qtbot, monkeypatch):
    review = panel.review
    with monkeypatch.context() as following:
        following.setattr(type(panel.live), "busy", property(lambda _: True))
        review.refresh()
        qtbot.waitUntil(lambda: "when following has ended" in review._state.text(), timeout=20_000)
    qtbot.waitUntil(lambda: not review.looking, timeout=20_000)
    assert review._state.text() == "2 of 2 moments left to look at"


def test_a_search_that_fails_says_so(panel, qtbot, monkeypatch, notices):
    def fail(*_):
        raise MeasureError("the table has no column 'area'; measure again")

    monkeypatch.setattr("napari_sam2.plugin.review_panel.moments", fail)
    panel.review.refresh()
    qtbot.waitUntil(lambda: not panel.review.looking, timeout=20_000)
    assert panel.review._state.text() == "The moments could not be looked for."
    assert notices() == ["The table has no column 'area'; measure again."]
