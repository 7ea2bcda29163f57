"""The list of objects by itself."""

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QWidget

from napari_sam2.plugin.object_table import Column, ObjectRow, ObjectTable

FIRST = ObjectRow(1, "mother", 3, 20, True, True, "followed on 20 frames")
SECOND = ObjectRow(2, "object 2", 0, 0, False, None, "new, click it in the image")


@pytest.fixture
def table(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    table = ObjectTable(parent)
    table.show_rows([FIRST, SECOND], 1)
    yield table
    parent.deleteLater()


def cell(table: ObjectTable, row: int, column: Column, role=Qt.ItemDataRole.DisplayRole):
    return table.objects.data(table.objects.index(row, column), role)


def test_it_shows_what_is_known_of_an_object(table):
    assert [cell(table, 0, column) for column in Column][1:4] == ["mother", "3", "20"]
    assert cell(table, 0, Column.STATUS) == "followed" and cell(table, 1, Column.STATUS) == "new"
    assert "followed on 20 frames" in cell(table, 0, Column.NAME, Qt.ItemDataRole.ToolTipRole)
    ticks = [cell(table, row, Column.SHOWN, Qt.ItemDataRole.CheckStateRole) for row in (0, 1)]
    assert ticks == [Qt.CheckState.Checked, Qt.CheckState.Unchecked]
    assert cell(table, 1, Column.LOCK, Qt.ItemDataRole.CheckStateRole) is None


def test_only_an_object_that_exists_can_be_renamed_and_locked(table):
    flags = [
        [table.objects.flags(table.objects.index(row, column)) for column in (Column.NAME, Column.LOCK)]
        for row in (0, 1)
    ]
    assert all(
        flags[0][i] & flag
        for i, flag in enumerate((Qt.ItemFlag.ItemIsEditable, Qt.ItemFlag.ItemIsUserCheckable))
    )
    assert not flags[1][0] & Qt.ItemFlag.ItemIsEditable
    assert not flags[1][1] & Qt.ItemFlag.ItemIsUserCheckable


def test_a_choice_is_told_and_a_refresh_is_not(table, qtbot):
    with qtbot.assertNotEmitted(table.chosen):
        table.show_rows([FIRST, SECOND], 2)
        table.show_rows([FIRST], 1)
        table.show_rows([FIRST, SECOND], 1)
    with qtbot.waitSignal(table.chosen) as chosen:
        table.selectRow(1)
    assert chosen.args == [2]


def test_ticks_and_names_are_told(table, qtbot):
    model = table.objects
    with qtbot.waitSignal(model.shown_changed) as shown:
        model.setData(model.index(1, Column.SHOWN), 2, Qt.ItemDataRole.CheckStateRole)
    assert shown.args == [2, True]
    with qtbot.waitSignal(model.lock_changed) as lock:
        model.setData(model.index(0, Column.LOCK), 0, Qt.ItemDataRole.CheckStateRole)
    assert lock.args == [1, False]
    with qtbot.assertNotEmitted(model.renamed):
        model.setData(model.index(0, Column.NAME), "  ")


@pytest.mark.parametrize(("key", "taken"), [(Qt.Key.Key_N, False), (Qt.Key.Key_Down, True)])
def test_letters_are_left_to_the_viewer(table, key, taken):
    event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "")
    table.keyPressEvent(event)
    assert event.isAccepted() == taken
