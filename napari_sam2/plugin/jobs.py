"""Work that takes longer than a moment: in a thread of its own, with a bar and a way to stop it."""

import threading
import time
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from napari_sam2.plugin.notices import tell

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""
Work = Callable[[Progress], Any]

_SHOWN_EVERY = 0.1
"""Seconds between two looks at a job, so that a fast one does not flood the event loop."""


class _Stopped(Exception):
    """The person stopped the job; raised where it tells of its progress."""


class Job(QObject):
    """A function that runs in a thread and can be stopped whenever it tells of its progress.

    Nobody owns a job but its thread, so it may outlive the widget that began it.

    Parameters
    ----------
    work : callable
        Gets a `Progress`.
    """

    progressed = Signal(str, object, object)
    """As `Progress`; some jobs count bytes, for which Qt's own numbers are too small."""
    succeeded = Signal(object)
    """With what `work` returned."""
    failed = Signal(object)
    """With the exception."""
    ended = Signal()
    """After either of them, and when the job was stopped."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self._stop = threading.Event()
        self._next_look = 0.0
        self._thread = threading.Thread(target=self._run, name="napari-sam2 job", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the job where it next tells of its progress."""
        self._stop.set()

    def wait(self) -> None:
        """Return when the thread has ended."""
        self._thread.join()

    def _run(self) -> None:
        try:
            result = self._work(self._look)
        except _Stopped:
            pass
        except Exception as error:
            self.failed.emit(error)
        else:
            self.succeeded.emit(result)
        self.ended.emit()

    def _look(self, what: str, done: int, whole: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        now = time.monotonic()
        if now >= self._next_look or done == whole:
            self._next_look = now + _SHOWN_EVERY
            self.progressed.emit(what, done, whole)


class JobBar(QWidget):
    """Runs one job at a time: its progress, a button that stops it, and its mistakes as notifications."""

    running_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._done: Callable[[Any], None] | None = None
        self._bar = QProgressBar()
        self._cancel = QPushButton("Cancel")
        self._cancel.clicked.connect(self.stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._bar, stretch=1)
        row.addWidget(self._cancel)
        self.hide()

    @property
    def running(self) -> bool:
        """Whether a job runs."""
        return self._job is not None

    def start(self, what: str, work: Work, done: Callable[[Any], None]) -> None:
        """Run `work` in a thread and give what it returns to `done` in this one.

        Parameters
        ----------
        what : str
            Shown until the work itself says what it does.
        work : callable
            Gets a `Progress`; must not touch a widget or a layer.
        done : callable
            Called when the work has ended well.
        """
        if self._job is not None:
            return
        self._done = done
        self._job = job = Job(work)
        self.destroyed.connect(job.stop)
        job.progressed.connect(self._show)
        job.succeeded.connect(self._succeed)
        job.failed.connect(self._fail)
        job.ended.connect(self._end)
        self._bar.setRange(0, 0)
        self._bar.setFormat(what)
        self._cancel.setEnabled(True)
        self.show()
        self.running_changed.emit(True)
        job.start()

    def stop(self) -> None:
        """Stop the job."""
        if self._job is not None:
            self._cancel.setEnabled(False)
            self._job.stop()

    def _show(self, what: str, done: int, whole: int) -> None:
        self._bar.setRange(0, 1000 if whole else 0)
        self._bar.setValue(1000 * done // max(whole, 1))
        self._bar.setFormat(f"{what} %p %")

    def _succeed(self, result: Any) -> None:
        if self._done is not None:
            self._done(result)

    def _fail(self, error: Exception) -> None:
        tell(error)

    def _end(self) -> None:
        if self._job is not None:
            self.destroyed.disconnect(self._job.stop)
        self._job = self._done = None
        self.hide()
        self.running_changed.emit(False)
