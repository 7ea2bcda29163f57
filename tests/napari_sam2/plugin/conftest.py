"""A screen for viewers, and a check that no test leaves a widget, a thread or a process behind."""

import atexit
import contextlib
import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest

from napari_sam2.interactive.agenda import Agenda
from napari_sam2.interactive.requests import Done, Follow, Found, Loaded, Look, Seen, UseModel, halved
from napari_sam2.models.results import FrameResult, MaskPatch


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

_PATIENCE = 30.0
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
    """Processes that were begun by this package."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and "napari_sam2" in " ".join(process.cmdline()):
                found.add(f"process {process.pid}")
    return found


class QuickModel:
    """Answers as the model does, at once: an object is a disc where it was last said to be."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape[1:]

    def answer(self, request) -> Iterator:
        if isinstance(request, UseModel):
            yield Loaded(request.number, request.name, "ab" * 32, "cpu", 256)
        elif isinstance(request, Look):
            patch = halved(self._patch(request.object_id, request.prompt))
            yield Seen(request.number, request.object_id, request.frame, patch)
        elif isinstance(request, Follow):
            for walk in request.plan:
                for frame in walk.frames():
                    patches = tuple(
                        halved(self._patch(run.object_id, self._nearest(run, frame)))
                        for run in walk.runs
                        if run.covers(frame)
                    )
                    if patches:
                        result = FrameResult(frame, self._shape, patches, walk.keep_others)
                        yield Found(request.number, result, walk.direction)
            yield Done(request.number)

    def _nearest(self, run, frame: int):
        return min(run.anchors, key=lambda anchor: abs(anchor.frame - frame)).prompt

    def _patch(self, object_id: int, prompt) -> MaskPatch:
        if prompt.mask is not None:
            logits_hw = np.where(prompt.mask, 5, -5).astype(np.float32)
        else:
            inside = [p for p, label in zip(prompt.points, prompt.labels, strict=True) if label]
            middle = inside or [np.reshape(prompt.box, (2, 2)).mean(0)]
            y, x = np.mean(middle, axis=0)
            rows, columns = np.mgrid[: self._shape[0], : self._shape[1]]
            logits_hw = (7 - np.hypot(rows - y, columns - x)).astype(np.float32)
        return MaskPatch(object_id, 0, 0, logits_hw, 0.9, 0.95)


class QuickEngine:
    """An engine without a process: each look for answers takes one step."""

    def __init__(self, frames) -> None:
        self._agenda = Agenda(QuickModel(frames.shape))
        self._open: set[int] = set()
        self._answers: Iterator | None = None

    @property
    def idle(self) -> bool:
        return not self._open

    def ask(self, request) -> None:
        self._open.add(request.number)
        self._agenda.add(request)

    def cancel(self, number: int) -> None:
        self._open.discard(number)
        self._agenda.cancel(number)

    def answers(self, seconds: float, *, wait: bool = False) -> Iterator:
        for _ in range(10**6 if wait else 1):
            self._answers = self._answers or self._agenda.answers()
            answer = next(self._answers, None)
            if answer is None:
                self._answers = None
                self._open.clear()
                return
            if answer.number in self._open:
                if not isinstance(answer, Found):
                    self._open.discard(answer.number)
                yield answer

    def close(self) -> None:
        self._open.clear()


@pytest.fixture
def quick_model(monkeypatch) -> None:
    """A quick and simple model in place of the real one and its process."""
    monkeypatch.setattr("napari_sam2.interactive.asking.Engine", QuickEngine)


@pytest.fixture
def viewer(make_napari_viewer, tmp_path, monkeypatch):
    """A napari viewer without layers; what is autosaved goes to a temporary folder."""
    if not _has_screen:
        pytest.skip("a viewer needs a screen: install xvfb, or run on a desktop")
    monkeypatch.setenv("NAPARI_SAM2_SESSIONS", str(tmp_path / "sessions"))
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
