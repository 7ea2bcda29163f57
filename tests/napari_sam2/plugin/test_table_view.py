"""Tables on the screen."""

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_sam2.analysis import measure_regions, measure_tracks, read_table
from napari_sam2.plugin.table_view import TableModel, TableView


@pytest.fixture
def regions() -> pd.DataFrame:
    """Object 2 is the larger one and appears on frame 1."""
    labels = np.zeros((2, 12, 12), np.int32)
    labels[:, 1:3, 1:3] = 1
    labels[1, 5:11, 5:11] = 2
    return measure_regions(labels, pixel_size=0.5, unit="µm")


@pytest.fixture
def view(qtbot, regions):
    view = TableView("cells", {"Objects on frames": regions, "Objects": measure_tracks(regions)})
    qtbot.addWidget(view)
    return view


def test_headings_have_units_and_say_what_they_mean(regions):
    model = TableModel(regions)
    column = list(regions.columns).index("area")
    horizontal = Qt.Orientation.Horizontal
    assert model.headerData(column, horizontal) == "area (µm²)"
    assert model.headerData(0, horizontal) == "object_id"
    assert "Area" in model.headerData(column, horizontal, Qt.ItemDataRole.ToolTipRole)


def test_undefined_numbers_are_empty(regions):
    model = TableModel(regions)
    column = list(regions.columns).index("predicted_iou")
    assert model.data(model.index(0, column)) == ""


def test_a_click_on_a_heading_sorts_and_a_click_on_a_row_leads_to_its_object(view, qtbot):
    table_view = view._tabs.currentWidget()
    table_view.sortByColumn(list(view.table.columns).index("area"), Qt.SortOrder.DescendingOrder)
    assert view.table["object_id"].tolist() == [2, 1, 1]
    with qtbot.waitSignal(view.chosen) as chosen:
        table_view.clicked.emit(table_view.model().index(0, 3))
    assert chosen.args == [1, 2]


def test_a_row_of_a_track_leads_to_its_first_frame(view, qtbot):
    view._tabs.setCurrentIndex(1)
    table_view = view._tabs.currentWidget()
    with qtbot.waitSignal(view.chosen) as chosen:
        table_view.clicked.emit(table_view.model().index(1, 0))
    assert chosen.args == [1, 2]


def test_the_table_in_front_is_saved_with_its_description(view, tmp_path, monkeypatch, regions):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    view.save()
    saved = read_table(tmp_path / "mine.csv")
    pd.testing.assert_frame_equal(saved, regions)


def test_a_folder_that_is_gone_is_one_sentence(view, tmp_path, monkeypatch, notices):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "gone" / "a.csv"), ""))
    view.save()
    (sentence,) = notices()
    assert sentence.startswith("Cannot write") and "No such file" in sentence


def test_no_answer_to_the_dialog_writes_nothing(view, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    monkeypatch.chdir(tmp_path)
    view.save()
    assert not list(tmp_path.iterdir())
