"""The list of objects: colour, name, prompts, frames, lock, status."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_sam2.analysis.colours import object_colour

_NO_INDEX = QModelIndex()
_SWATCH = 12


class Column(IntEnum):
    """Columns of the list."""

    SHOWN = 0
    NAME = 1
    PROMPTS = 2
    FRAMES = 3
    LOCK = 4
    STATUS = 5


_HEADINGS = {
    Column.SHOWN: ("", "Colour of the object; untick to hide it"),
    Column.NAME: ("Object", "Name of the object; double-click to rename it"),
    Column.PROMPTS: ("Prompts", "Clicks, boxes and painted masks that you gave, on all frames"),
    Column.FRAMES: ("Frames", "Frames on which the object has a mask"),
    Column.LOCK: ("Lock", "Ticked: the mask on this frame is accepted and stays as it is (K)"),
    Column.STATUS: ("Status", "What has been done with the object"),
}


@dataclass(frozen=True)
class ObjectRow:
    """One line of the list.

    Attributes
    ----------
    object_id : int
        The object.
    name : str
        What the person calls it.
    n_prompts, n_frames : int
        Prompts on all frames; frames with a mask.
    shown : bool
        Whether it is drawn.
    locked : bool or None
        Whether its mask on the frame that is shown is locked; None where there is no object yet.
    status : str
        In words.
    """

    object_id: int
    name: str
    n_prompts: int
    n_frames: int
    shown: bool
    locked: bool | None
    status: str


class ObjectModel(QAbstractTableModel):
    """The objects for Qt."""

    renamed = Signal(int, str)
    shown_changed = Signal(int, bool)
    lock_changed = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[ObjectRow] = []

    def set_rows(self, rows: Sequence[ObjectRow]) -> None:
        """Show these objects."""
        same_ids = [row.object_id for row in rows] == [row.object_id for row in self.rows]
        if same_ids:
            self.rows = list(rows)
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(Column) - 1))
            return
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NO_INDEX) -> int:
        """How many objects there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NO_INDEX) -> int:
        """How many columns there are."""
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Headings and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        text, meaning = _HEADINGS[Column(section)]
        return {Qt.ItemDataRole.DisplayRole: text, Qt.ItemDataRole.ToolTipRole: meaning}.get(role)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Names can be edited; what is shown and locked can be ticked."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        exists = self.rows[index.row()].locked is not None
        if index.column() == Column.NAME and exists:
            flags |= Qt.ItemFlag.ItemIsEditable
        if index.column() == Column.SHOWN or (index.column() == Column.LOCK and exists):
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour and ticks."""
        row, column = self.rows[index.row()], Column(index.column())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return {
                Column.NAME: row.name,
                Column.PROMPTS: str(row.n_prompts),
                Column.FRAMES: str(row.n_frames),
                Column.STATUS: row.status.partition(" ")[0].rstrip(","),
            }.get(column)
        if role == Qt.ItemDataRole.CheckStateRole:
            ticked = {Column.SHOWN: row.shown, Column.LOCK: row.locked}.get(column)
            return None if ticked is None else Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole and column == Column.SHOWN:
            return _swatch(row.object_id)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.name} (id {row.object_id}): {row.status}"
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (Column.PROMPTS, Column.FRAMES):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take in a new name or a tick."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.EditRole and index.column() == Column.NAME:
            if str(value).strip() and str(value).strip() != row.name:
                self.renamed.emit(row.object_id, str(value).strip())
            return True
        if role == Qt.ItemDataRole.CheckStateRole:
            ticked = Qt.CheckState(value) == Qt.CheckState.Checked
            signal = self.shown_changed if index.column() == Column.SHOWN else self.lock_changed
            signal.emit(row.object_id, ticked)
            return True
        return False


def _swatch(object_id: int) -> QIcon:
    """The colour of an object, also where its line is chosen."""
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(*object_colour(object_id)))
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


class ObjectTable(QTableView):
    """The list, one object a line; the chosen line is the object that clicks are about."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.objects = ObjectModel(self)
        self.setModel(self.objects)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(Column.STATUS, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(28)
        self.setMinimumHeight(4 * (self.fontMetrics().height() + 8))
        self.selectionModel().currentRowChanged.connect(self._choose)

    def show_rows(self, rows: Sequence[ObjectRow], current: int | None) -> None:
        """Show these objects with one of them chosen."""
        self.selectionModel().blockSignals(True)
        self.objects.set_rows(rows)
        ids = [row.object_id for row in rows]
        if current in ids:
            if self.currentIndex().row() != ids.index(current) or not self.selectionModel().hasSelection():
                self.selectRow(ids.index(current))
        else:
            self.clearSelection()
        self.selectionModel().blockSignals(False)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave letters to the viewer's keys; Qt would look for a line that begins with them."""
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
        if event.key() in (*arrows, Qt.Key.Key_F2) and not event.modifiers():
            super().keyPressEvent(event)
        else:
            event.ignore()

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(self.objects.rows[index.row()].object_id)
