"""The view that goes along, by itself."""

import time
from itertools import pairwise

import pytest
from qtpy.QtCore import QObject

from napari_sam2.plugin.follow_view import FollowView


@pytest.fixture
def followed(qapp):
    """A view, and the frames that it showed with the time of each."""
    parent, shown = QObject(), []
    yield FollowView(parent, lambda frame: shown.append((frame, time.monotonic()))), shown
    parent.deleteLater()


def test_it_moves_at_once_then_a_few_times_a_second_and_ends_at_the_last_frame(followed, qtbot):
    view, shown = followed
    for frame in range(40):
        view.go_to(frame)
        if frame == 0:
            assert [one for one, _ in shown] == [0]
        qtbot.wait(10)
    qtbot.waitUntil(lambda: shown[-1][0] == 39, timeout=5000)
    frames, times = zip(*shown, strict=True)
    assert list(frames) == sorted(set(frames))
    # Qt's coarse timers may be early by a twentieth.
    assert min(after - before for before, after in pairwise(times)) > 0.11


def test_what_is_forgotten_is_not_shown(followed, qtbot):
    view, shown = followed
    view.go_to(1)
    view.go_to(2)
    view.forget()
    qtbot.wait(300)
    assert [frame for frame, _ in shown] == [1]
    view.go_to(3)
    assert [frame for frame, _ in shown] == [1, 3]
