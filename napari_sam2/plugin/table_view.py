"""Measured tables to look at: sorted by a click on a heading, saved as CSV, each row leads to its object."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.analysis import describe, write_table
from napari_sam2.outputs import writing
from napari_sam2.plugin.notices import telling

_NO_INDEX = QModelIndex()


class TableModel(QAbstractTableModel):
    """A measured table for Qt: headings with units, the meaning of a column where the pointer rests on it.

    Attributes
    ----------
    table : DataFrame
        As it is shown, so in the order that the person sorted it.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        super().__init__()
        self.table = table
        self._columns = describe(table)["columns"]

    def rowCount(self, parent: QModelIndex = _NO_INDEX) -> int:
        """How many rows there are."""
        return 0 if parent.isValid() else len(self.table)

    def columnCount(self, parent: QModelIndex = _NO_INDEX) -> int:
        """How many columns there are."""
        return 0 if parent.isValid() else len(self.table.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell; empty where a number is undefined."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        value = self.table.iat[index.row(), index.column()]
        if pd.isna(value):
            return ""
        return f"{value:.5g}" if isinstance(value, float) else str(value)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Name and unit of a column, or its meaning."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self._columns[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{column['meaning']}\n{column['formula']}".strip()
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        unit = column["unit"]
        return column["name"] if unit in ("", "1") else f"{column['name']} ({unit})"

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column."""
        if not 0 <= column < len(self.table.columns):
            return
        self.layoutAboutToBeChanged.emit()
        ascending = order == Qt.SortOrder.AscendingOrder
        self.table = self.table.sort_values(
            self.table.columns[column], ascending=ascending, kind="stable", ignore_index=True
        )
        self.layoutChanged.emit()


class TableView(QWidget):
    """One or several tables in tabs, and a button that saves the one in front.

    Parameters
    ----------
    name : str
        What was measured: the stem of the file that is offered.
    tables : mapping of str to DataFrame
        By the name of the tab; made by the functions of `napari_sam2.analysis`.
    """

    chosen = Signal(int, int)
    """The frame (-1 where the table has none) and the object of the row that was clicked."""

    def __init__(self, name: str, tables: Mapping[str, pd.DataFrame]) -> None:
        super().__init__()
        self._name = name
        self._tabs = QTabWidget()
        self._size = QLabel()
        save = QPushButton("Save as CSV…")
        save.clicked.connect(self.save)
        row = QHBoxLayout()
        row.addWidget(self._size, stretch=1)
        row.addWidget(save)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self._tabs)
        column.addLayout(row)
        self._tabs.currentChanged.connect(self._tell_size)
        for title, table in tables.items():
            self._tabs.addTab(self._view(table), title)

    @property
    def table(self) -> pd.DataFrame:
        """The table in front."""
        return self._tabs.currentWidget().model().table

    def save(self) -> None:
        """Ask where the table in front goes, and write it."""
        title = self._tabs.tabText(self._tabs.currentIndex())
        offered = f"{self._name}_{title.lower().replace(' ', '_')}.csv"
        path, _ = QFileDialog.getSaveFileName(self, f"Save {title.lower()}", offered, "Tables (*.csv)")
        if not path:
            return
        with telling(), writing(path):
            write_table(self.table, Path(path).with_suffix(".csv"))

    def _view(self, table: pd.DataFrame) -> QTableView:
        view = QTableView()
        view.setModel(TableModel(table))
        view.model().setParent(view)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.verticalHeader().hide()
        view.horizontalHeader().setResizeContentsPrecision(20)
        view.resizeColumnsToContents()
        view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        view.setSortingEnabled(True)
        view.clicked.connect(self._choose)
        return view

    def _choose(self, index: QModelIndex) -> None:
        row = self.table.iloc[index.row()]
        if "object_id" in row:
            frame = row.get("frame", row.get("first_frame", -1))
            self.chosen.emit(int(frame), int(row["object_id"]))

    def _tell_size(self) -> None:
        n_rows, n_columns = self.table.shape
        self._size.setText(f"{n_rows} rows, {n_columns} columns")
