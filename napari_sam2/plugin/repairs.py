"""After a correction the object is followed again, without being asked."""

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from napari_sam2.plugin.notices import telling

if TYPE_CHECKING:
    from napari_sam2.plugin.panel import PromptPanel

_WAIT_MS = 700
"""So that several clicks in a row are one correction."""


class Repairs(QObject):
    """Corrections that wait to be carried to the neighbouring frames.

    Parameters
    ----------
    panel : PromptPanel
        Whose session is repaired.
    """

    def __init__(self, panel: "PromptPanel") -> None:
        super().__init__(panel)
        self._panel = panel
        self._waiting: dict[int, int] = {}
        self._running: int | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._start)

    def edited(self, object_id: int, frame: int) -> None:
        """A person changed what is said of an object on a frame."""
        live = self._panel.live
        if live is None or not self._panel.follow.repair.isChecked():
            return
        if live.was_followed(object_id, frame):
            self._waiting[object_id] = frame
            if live.busy and self._running == object_id:
                live.stop()
            self._timer.start()

    def busy_changed(self, busy: bool) -> None:
        """A propagation has begun or ended."""
        if not busy:
            self._running = None
            if self._waiting:
                self._timer.start()

    def forget(self) -> None:
        """Leave the objects as they are."""
        self._waiting.clear()
        self._timer.stop()

    def _start(self) -> None:
        live = self._panel.live
        if live is None or live.busy or not self._waiting:
            return
        object_id = next(iter(self._waiting))
        frame = self._waiting.pop(object_id)
        if object_id in live.session.objects:
            with telling():
                live.repair(object_id, frame)
                self._running = object_id
        if self._waiting:
            self._timer.start()
