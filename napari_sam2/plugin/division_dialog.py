"""Asks into which objects an object divides."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget


class DivisionDialog(QDialog):
    """Two menus of objects; the nearest ones on the frame are offered first.

    Parameters
    ----------
    mother : int
        The object that divides.
    frame : int
        The first frame on which its daughters are apart.
    names : mapping of int to str
        All objects.
    labels : int array (y, x)
        The masks of the frame.
    marked : tuple of int
        The daughters that are marked already; empty where there are none.
    parent : QWidget
        In front of which it opens.
    """

    def __init__(
        self,
        mother: int,
        frame: int,
        names: Mapping[int, str],
        labels: NDArray[np.integer],
        marked: tuple[int, ...],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Division")
        text = QLabel(
            f"{names[mother]} divides. Frame {frame} is the first on which its daughters are apart; they are"
        )
        text.setWordWrap(True)
        nearest = nearest_objects(labels, mother, [one for one in names if one != mother])
        self._menus = []
        form = QFormLayout()
        for number, offered in enumerate(([mother, *nearest], [*nearest, mother]), start=1):
            menu = QComboBox()
            for object_id in offered:
                goes_on = " goes on" if object_id == mother else ""
                menu.addItem(f"{names[object_id]}{goes_on}", object_id)
            if number <= len(marked):
                menu.setCurrentIndex(menu.findData(marked[number - 1]))
            self._menus.append(menu)
            form.addRow(f"Daughter {number}", menu)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.unmarked = False
        if marked:
            remove = buttons.addButton("No division", QDialogButtonBox.ButtonRole.DestructiveRole)
            remove.clicked.connect(self._unmark)
        column = QVBoxLayout(self)
        column.addWidget(text)
        column.addLayout(form)
        column.addWidget(buttons)

    @property
    def daughters(self) -> tuple[int, ...]:
        """The chosen daughters."""
        return tuple(dict.fromkeys(int(menu.currentData()) for menu in self._menus))

    def _unmark(self) -> None:
        self.unmarked = True
        self.accept()


def nearest_objects(labels: NDArray[np.integer], mother: int, others: list[int]) -> list[int]:
    """Other objects by the distance of their centroids from the mother's, those without a mask last."""
    centroids = {}
    for object_id in (mother, *others):
        places = np.argwhere(labels == object_id)
        if len(places):
            centroids[object_id] = places.mean(axis=0)
    if mother not in centroids:
        return others
    there = [one for one in others if one in centroids]
    there.sort(key=lambda one: float(np.linalg.norm(centroids[one] - centroids[mother])))
    return there + [one for one in others if one not in centroids]
