"""The queue of moments that are most likely wrong: each a click away, until it is checked."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, QTimer, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.analysis.colours import object_colour
from napari_sam2.interactive.review import check, moments, next_doubtful
from napari_sam2.plugin.jobs import Job, Progress
from napari_sam2.plugin.keys import SHOWN
from napari_sam2.plugin.notices import tell

if TYPE_CHECKING:
    from napari_sam2.interactive import Live
    from napari_sam2.plugin.live_tables import LiveTables
    from napari_sam2.plugin.panel import PromptPanel

_WAIT_MS = 400
_NO_INDEX = QModelIndex()
_HEADINGS = ("", "frame", "object", "what stands out")
_KEYS = ("checked", "frame", "object_id", "severity")
_TIPS = (
    "Tick what you have looked at",
    "",
    "",
    "The limits are those of the quality table; the worst moment comes first",
)


class MomentsModel(QAbstractTableModel):
    """One row for each object on each frame that is worth a look.

    Attributes
    ----------
    everything : DataFrame
        frame, object_id, reasons (a list of str), severity, checked.
    table : DataFrame
        What of it is shown, in its order.
    """

    ticked = Signal(object, bool)
    """The person ticked a moment, or took the tick away: the row of `everything`."""

    def __init__(self) -> None:
        super().__init__()
        self.everything = self.table = _by_moment(None)
        self._names: dict[int, str] = {}
        self._leaves_out = False
        self._order = "severity", False

    def show(self, moments: pd.DataFrame, names: dict[int, str]) -> None:
        """Show other moments."""
        self.everything, self._names = moments, names
        self._arrange()

    def leave_out(self, leaves_out: bool) -> None:
        """Show only what is not checked, or everything."""
        self._leaves_out = leaves_out
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column."""
        if 0 <= column < len(_KEYS):
            self._order = _KEYS[column], order == Qt.SortOrder.AscendingOrder
            self._arrange()

    def _arrange(self) -> None:
        self.beginResetModel()
        shown = self.everything[~self.everything["checked"]] if self._leaves_out else self.everything
        key, ascending = self._order
        self.table = shown.sort_values(key, ascending=ascending, kind="stable")
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NO_INDEX) -> int:
        """How many moments there are."""
        return 0 if parent.isValid() else len(self.table)

    def columnCount(self, parent: QModelIndex = _NO_INDEX) -> int:
        """Tick, frame, object, reasons."""
        return 0 if parent.isValid() else len(_HEADINGS)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """The first column can be ticked."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Headings and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        return {Qt.ItemDataRole.DisplayRole: _HEADINGS, Qt.ItemDataRole.ToolTipRole: _TIPS}.get(
            role, (None,) * len(_HEADINGS)
        )[section]

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows, and in which colour."""
        row, column = self.table.iloc[index.row()], index.column()
        object_id = int(row["object_id"])
        if role == Qt.ItemDataRole.CheckStateRole and column == 0:
            return Qt.CheckState.Checked if row["checked"] else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole and column == 2:
            return QColor(*object_colour(object_id))
        if role == Qt.ItemDataRole.ToolTipRole and column == 3:
            return "\n".join(row["reasons"])
        if role == Qt.ItemDataRole.DisplayRole:
            name = self._names.get(object_id, str(object_id))
            return (None, str(row["frame"]), name, "; ".join(row["reasons"]))[column]
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Tick a moment."""
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        moment = self.table.index[index.row()]
        checked = Qt.CheckState(value) == Qt.CheckState.Checked
        self.everything.loc[moment, "checked"] = checked
        if self._leaves_out:
            self._arrange()
        else:
            self.table.loc[moment, "checked"] = checked
            self.dataChanged.emit(index, index)
        self.ticked.emit(moment, checked)
        return True


class ReviewPanel(QWidget):
    """The list of moments, a button for the next one, and how many are left.

    Parameters
    ----------
    panel : PromptPanel
        Whose session is reviewed.
    tables : LiveTables
        Its region table.
    """

    def __init__(self, panel: "PromptPanel", tables: "LiveTables") -> None:
        super().__init__()
        self._panel, self._tables = panel, tables
        self._job: Job | None = None
        self._moments = pd.DataFrame()
        self._state = QLabel()
        self._state.setWordWrap(True)
        self._next = QPushButton("Next doubtful")
        self._next.setToolTip(f"Go to the next moment that is not checked  [{SHOWN['next_doubtful']}]")
        self._next.clicked.connect(self.next_doubtful)
        self._hide = QCheckBox("only what is left")
        self._model = MomentsModel()
        self._model.setParent(self)
        self._hide.toggled.connect(self._model.leave_out)
        self._view = self._make_view()
        self._model.ticked.connect(self._tick)
        row = QHBoxLayout()
        row.addWidget(self._next)
        row.addWidget(self._hide)
        row.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.addWidget(self._state)
        column.addLayout(row)
        column.addWidget(self._view, stretch=1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._look)
        tables.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Look for moments anew, soon."""
        if self._panel.live is None:
            self._show(None)
        elif not self._timer.isActive():
            self._timer.start()

    @property
    def looking(self) -> bool:
        """Whether the moments are still being looked for."""
        return self._job is not None or self._timer.isActive()

    def next_doubtful(self) -> None:
        """Show the next moment that is not checked, and choose its object."""
        frame = self._panel.current_frame
        found = None if frame is None or len(self._moments) == 0 else next_doubtful(self._moments, frame)
        if found is not None:
            self._panel.go_to(*found)
            self._select(*found)

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self._model)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        header = view.horizontalHeader()
        header.setResizeContentsPrecision(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        view.setSortingEnabled(True)
        view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
        view.clicked.connect(self._go)
        return view

    def _look(self) -> None:
        live = self._panel.live
        if live is None:
            return
        if live.busy or self._job is not None or not self._tables.complete:
            # Nothing tells of the end of all three: a measurement may fail, and following may find nothing.
            self._timer.start()
            if live.busy:
                self._state.setText("The moments are looked for when following has ended.")
            elif self._job is None:
                self._state.setText("measuring…")
            return
        regions = self._tables.regions()
        if regions is None:
            self._show(None)
            return
        # As it is now: the session may change while the table is looked through.
        agreements = live.agreements()
        seen = SimpleNamespace(
            session=SimpleNamespace(objects=live.session.objects),
            checked=set(live.checked),
            agreements=lambda: agreements,
        )

        def work(_: Progress) -> "_Found":
            table = moments(seen, regions)
            return live, table, _by_moment(table)

        self._job = job = Job(work)
        job.succeeded.connect(self._receive)
        job.failed.connect(self._fail)
        job.ended.connect(self._end)
        job.start()

    def _receive(self, found: "_Found") -> None:
        live, table, by_moment = found
        if live is self._panel.live:
            self._show(table, by_moment)

    def _fail(self, error: Exception) -> None:
        self._state.setText("The moments could not be looked for.")
        tell(error)

    def _end(self) -> None:
        self._job = None

    def _show(self, table: pd.DataFrame | None, by_moment: pd.DataFrame | None = None) -> None:
        live = self._panel.live
        names = {} if live is None else {one: tracked.name for one, tracked in live.session.objects.items()}
        self._moments = pd.DataFrame() if table is None else table
        self._model.show(_by_moment(None) if by_moment is None else by_moment, names)
        self._say(table is not None)

    def _say(self, known: bool = True) -> None:
        left, count = int((~self._model.everything["checked"]).sum()), len(self._model.everything)
        self._next.setEnabled(left > 0)
        if not known:
            self._state.setText("Follow objects first; here you then find the moments most likely wrong.")
        elif count == 0:
            self._state.setText("Nothing stands out.")
        else:
            self._state.setText(f"{left} of {count} moments left to look at")

    def _go(self, index: QModelIndex) -> None:
        if index.column() > 0:
            moment = self._model.table.iloc[index.row()]
            self._panel.go_to(int(moment["frame"]), int(moment["object_id"]))

    def _select(self, frame: int, object_id: int) -> None:
        table = self._model.table
        here = (table["frame"] == frame) & (table["object_id"] == object_id)
        for row in here.to_numpy().nonzero()[0]:
            self._view.selectRow(int(row))

    def _tick(self, row: int, checked: bool) -> None:
        live = self._panel.live
        if live is None:
            return
        moment = self._model.everything.loc[row]
        for reason in moment["reasons"]:
            check(live, int(moment["frame"]), int(moment["object_id"]), reason, checked)
        same = (self._moments["frame"] == moment["frame"]) & (
            self._moments["object_id"] == moment["object_id"]
        )
        self._moments.loc[same, "checked"] = checked
        self._say()


_Found = tuple["Live", pd.DataFrame, pd.DataFrame]


def _by_moment(table: pd.DataFrame | None) -> pd.DataFrame:
    """All reasons for a look at an object on a frame in one row, the worst first."""
    columns = ["frame", "object_id", "reasons", "severity", "checked"]
    if table is None or len(table) == 0:
        return pd.DataFrame(
            {name: pd.Series(dtype=bool if name == "checked" else object) for name in columns}
        )
    grouped = table.groupby(["frame", "object_id"], sort=True, as_index=False).agg(
        reasons=("reason", list), severity=("severity", "max"), checked=("checked", "all")
    )
    return grouped.sort_values("severity", ascending=False, kind="stable", ignore_index=True)[columns]
