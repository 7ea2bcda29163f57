"""Work in threads: progress, stopping, mistakes, and widgets that go before their work."""

import threading
import time

import pytest

from napari_sam2.errors import InputError
from napari_sam2.plugin.jobs import JobBar


@pytest.fixture
def bar(qtbot):
    bar = JobBar()
    qtbot.addWidget(bar)
    return bar


def test_what_the_work_returns_arrives_in_the_thread_of_the_widgets(bar, qtbot):
    seen = []
    bar.start("adding", lambda progress: (threading.get_ident(), 41 + 1), seen.append)
    assert bar.running
    assert not bar.isHidden()
    qtbot.waitUntil(lambda: not bar.running)
    (ident, value) = seen[0]
    assert value == 42
    assert ident != threading.get_ident()
    assert bar.isHidden()


def test_a_second_job_waits_for_nobody_and_is_not_begun(bar, qtbot):
    go, seen = threading.Event(), []
    bar.start("first", lambda progress: go.wait(5), seen.append)
    bar.start("second", lambda progress: seen.append("second"), seen.append)
    go.set()
    qtbot.waitUntil(lambda: not bar.running)
    assert seen == [True]


def test_cancel_ends_the_work_where_it_tells_of_its_progress(bar, qtbot):
    seen, told = [], threading.Event()

    def work(progress):
        for step in range(10_000):
            progress("counting", step, 10_000)
            told.set()
            time.sleep(0.001)

    bar.start("counting", work, seen.append)
    assert told.wait(5)
    bar.stop()
    qtbot.waitUntil(lambda: not bar.running)
    assert seen == []


def test_a_mistake_is_one_sentence_and_the_bar_works_again(bar, qtbot, notices):
    def work(progress):
        raise InputError("frame 3 of a.tif cannot be read; copy it again")

    seen = []
    bar.start("reading", work, seen.append)
    qtbot.waitUntil(lambda: not bar.running)
    assert notices() == ["Frame 3 of a.tif cannot be read; copy it again."]
    bar.start("adding", lambda progress: 1, seen.append)
    qtbot.waitUntil(lambda: not bar.running)
    assert seen == [1]


def test_full_memory_is_a_sentence_too(bar, qtbot, notices):
    def work(progress):
        raise MemoryError

    bar.start("reading", work, print)
    qtbot.waitUntil(lambda: not bar.running)
    assert notices() == ["The memory of this machine is full; close other images or programs and try again."]


def test_a_fault_of_the_program_keeps_its_traceback(bar, qtbot):
    def work(progress):
        raise ZeroDivisionError("a fault")

    with qtbot.captureExceptions() as faults:
        bar.start("dividing", work, print)
        qtbot.waitUntil(lambda: not bar.running)
    assert [str(fault[1]) for fault in faults] == ["a fault"]


def test_a_widget_that_goes_away_stops_its_work(qtbot):
    stopped = threading.Event()

    def work(progress):
        try:
            while True:
                progress("waiting", 0, 1)
                time.sleep(0.001)
        finally:
            stopped.set()

    bar = JobBar()
    bar.start("waiting", work, print)
    bar.deleteLater()
    del bar
    qtbot.waitUntil(stopped.is_set)
