"""Notices that the viewer closes."""

import weakref
from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


class WindowWatch(QObject):
    """Calls back when a window was closed, unless the person said no when asked.

    Parameters
    ----------
    parent : QObject
        Who wants to know.
    closed : callable
        Called after the window was closed.

    Attributes
    ----------
    closing : bool
        The window was asked to close, and did not stay.
    watched : bool
        There is a window.
    """

    def __init__(self, parent: QObject, closed: Callable[[], None]) -> None:
        super().__init__(parent)
        self._closed = closed
        self._window: Callable[[], QWidget | None] = lambda: None
        self.closing = self.watched = False

    def watch(self, window: QWidget) -> None:
        """Watch this window."""
        self.watched = True
        # Held weakly: napari deletes its window by letting go of it.
        self._window = weakref.ref(window)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """See that the window is asked to close."""
        if event is not None and event.type() == QEvent.Type.Close:
            self.closing = True
            QTimer.singleShot(0, self._look)
        return False

    def _look(self) -> None:
        window = self._window()
        self.closing = window is not None and not window.isVisible()
        if self.closing:
            self._closed()
