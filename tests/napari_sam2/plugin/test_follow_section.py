"""The controls of following by themselves."""

import math

import pytest
from qtpy.QtWidgets import QWidget

from napari_sam2.interactive.objects import Progress
from napari_sam2.plugin.follow_section import FollowSection


@pytest.fixture
def section(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    section = FollowSection()
    section.setParent(parent)
    section.set_frames(30)
    yield section
    parent.deleteLater()


def test_all_frames_or_a_range_in_any_order(section):
    assert section.frames == (None, None)
    section.in_range.setChecked(True)
    section.first.setValue(12)
    section.last.setValue(4)
    assert section.frames == (4, 13)
    section.set_frames(10)
    assert section.frames == (None, None) and section.last.maximum() == 9


def test_buttons_follow_what_is_possible(section):
    assert not section.both.isEnabled()
    section.set_possible(True)
    section.set_busy(True)
    assert section.stop.isEnabled() and not section.forward.isEnabled()
    section.set_possible(True)
    assert not section.forward.isEnabled(), "still busy"
    section.set_busy(False)
    assert section.backward.isEnabled() and not section.stop.isEnabled()


def test_progress_in_frames_speed_and_time(section):
    section.show_progress(Progress("following 2 objects", 0, 60, math.nan, math.nan))
    assert section.speed.text() == "following 2 objects"
    section.show_progress(Progress("following 2 objects", 15, 60, 12.34, 75.2))
    assert section.bar.text() == "15 of 60"
    assert section.speed.text() == "following 2 objects: 12 frames/s, 1:15 left"
    section.set_busy(False)
    assert section.speed.text() == "" and section.bar.value() == 0


@pytest.mark.parametrize("name", ["both", "forward", "backward"])
def test_each_button_asks_for_its_way(section, qtbot, name):
    section.set_possible(True)
    with qtbot.waitSignal(section.asked) as asked:
        getattr(section, name).click()
    assert asked.args == [name]
