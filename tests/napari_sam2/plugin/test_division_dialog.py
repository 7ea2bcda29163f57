"""Which daughters are offered first, and what is chosen."""

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_sam2.plugin.division_dialog import DivisionDialog, nearest_objects

NAMES = {1: "mother", 2: "far", 3: "near", 4: "not on this frame"}


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((20, 40), np.int32)
    labels[8:12, 2:6], labels[8:12, 30:34], labels[8:12, 8:12] = 1, 2, 3
    return labels


@pytest.fixture
def ask(qtbot, labels):
    parent = QWidget()
    qtbot.addWidget(parent)
    yield lambda marked=(): DivisionDialog(1, 7, NAMES, labels, marked, parent)
    parent.deleteLater()


def test_the_nearest_objects_come_first_and_absent_ones_last(labels):
    assert nearest_objects(labels, 1, [2, 3, 4]) == [3, 2, 4]
    assert nearest_objects(labels, 4, [1, 2, 3]) == [1, 2, 3]


def test_the_mother_goes_on_beside_the_nearest_object(ask):
    assert ask().daughters == (1, 3)


def test_what_is_marked_is_shown_and_can_be_taken_back(ask):
    dialog = ask((2, 3))
    assert dialog.daughters == (2, 3) and not dialog.unmarked
    dialog._unmark()
    assert dialog.unmarked
