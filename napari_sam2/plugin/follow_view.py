"""The view that goes along while objects are followed, no faster than an eye can use."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

_MOVE_MS = 125
"""Between two moves: each draws the whole viewer anew, and a model may find frames much faster."""


class FollowView(QObject):
    """Shows the newest of the frames that it is given, the last one always.

    Parameters
    ----------
    parent : QObject
        Owns it.
    show : callable
        Shows a frame.
    """

    def __init__(self, parent: QObject, show: Callable[[int], None]) -> None:
        super().__init__(parent)
        self._show = show
        self._newest: int | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MOVE_MS)
        self._timer.timeout.connect(self._move)

    def go_to(self, frame: int) -> None:
        """Show a frame: now, or as soon as the last move is long enough ago, unless a newer one comes."""
        self._newest = frame
        if not self._timer.isActive():
            self._move()

    def forget(self) -> None:
        """Move no more to what was given."""
        self._newest = None

    def _move(self) -> None:
        frame, self._newest = self._newest, None
        if frame is not None:
            self._show(frame)
            self._timer.start()
