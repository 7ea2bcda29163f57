"""A screen for viewers, and a check that no test leaves a widget, a thread or a process behind."""

import atexit
import gc
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest


def _start_screen() -> None:
    """Give the viewers a screen of their own: Qt's platform without one knows no OpenGL."""
    program = shutil.which("Xvfb")
    if program is None:
        return
    read, write = os.pipe()
    command = [program, "-displayfd", str(write), "-screen", "0", "1280x800x24", "+extension", "GLX"]
    screen = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[write], stderr=subprocess.DEVNULL)
    atexit.register(screen.terminate)
    os.close(write)
    with os.fdopen(read) as answer:
        number = answer.readline().strip()
    if number:
        os.environ["DISPLAY"] = f":{number}"


_needs_screen = sys.platform.startswith("linux")
if _needs_screen and not os.environ.get("DISPLAY"):
    _start_screen()
_has_screen = bool(os.environ.get("DISPLAY")) or not _needs_screen
if not _has_screen:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

_PATIENCE = 5.0
"""Seconds that what is ending has to end."""


def _widgets() -> set[str]:
    """Widgets of ours that Qt still knows."""
    from qtpy.QtWidgets import QApplication

    return {
        f"widget {type(widget).__name__} {id(widget):x}"
        for widget in QApplication.allWidgets()
        if type(widget).__module__.startswith("napari_sam2.")
    }


def _threads() -> set[str]:
    """Threads that were begun by this package."""
    return {
        f"thread {thread.name} {thread.ident}"
        for thread in threading.enumerate()
        if "napari-sam2" in thread.name or "napari_sam2" in repr(getattr(thread, "_target", ""))
    }


def _processes() -> set[str]:
    return {f"process {process.name} {process.pid}" for process in multiprocessing.active_children()}


@pytest.fixture
def viewer(make_napari_viewer, tmp_path, monkeypatch):
    """A napari viewer without layers; what is autosaved goes to a temporary folder."""
    if not _has_screen:
        pytest.skip("a viewer needs a screen: install xvfb, or run on a desktop")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "user_data")
    return make_napari_viewer()


@pytest.fixture
def notices() -> Callable[[], list[str]]:
    """Sentences of the notifications that were shown since the test began."""
    from napari.utils.notifications import notification_manager

    before = len(notification_manager.records)
    return lambda: [notice.message for notice in notification_manager.records[before:]]


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp) -> Iterator[None]:
    """Fail a test after which a widget, a thread or a process is left."""
    before = _widgets() | _threads() | _processes()
    yield
    until = time.monotonic() + _PATIENCE
    while left := (_widgets() | _threads() | _processes()) - before:
        if time.monotonic() > until:
            pytest.fail(f"left behind: {', '.join(sorted(left))}")
        gc.collect()
        qapp.sendPostedEvents(None, 52)  # QEvent.DeferredDelete, which waits for an event loop otherwise
        qapp.processEvents()
        time.sleep(0.01)
