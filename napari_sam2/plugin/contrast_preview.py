"""What the model sees of the current frame."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QImage, QPixmap, QResizeEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_sam2.frames import Contrast, Frames
from napari_sam2.plugin.notices import MISTAKES, telling
from napari_sam2.session.edits import Propagate, flattened

if TYPE_CHECKING:
    from napari_sam2.interactive import Live

_HEIGHT = 180
_WAIT_MS = 80
"""So that moving the slider through many frames reads only where it rests."""
_ONE_CONTRAST = "Objects were followed in this contrast already; undo that first to change it"


class ContrastPreview(QWidget):
    """A small picture of the current frame in the contrast and the colours that the model is given.

    Nothing is read while it is out of sight. The contrast can be that of the image layer instead, until
    the first objects were followed: a session has one contrast, or it could not be repeated.

    Parameters
    ----------
    panel : PromptPanel
        Whose frames are shown.
    """

    def __init__(self, panel: Any) -> None:
        super().__init__()
        self._panel = panel
        self._pixmap = QPixmap()
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setMinimumHeight(_HEIGHT)
        self._picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._window = QLabel()
        self._window.setWordWrap(True)
        self._as_layer = QPushButton("Take the layer's contrast")
        self._as_layer.clicked.connect(self.take_layer)
        self._as_found = QPushButton("Take the stack's")
        self._as_found.clicked.connect(self.take_found)
        row = QHBoxLayout()
        row.addWidget(self._as_layer)
        row.addWidget(self._as_found)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._picture)
        column.addWidget(self._window)
        column.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._draw)
        self._live: Live | None = None
        self._found: Contrast | None = None
        panel.live_changed.connect(self._take)
        self._take(panel.live)
        panel.viewer.dims.events.current_step.connect(self.refresh)

    def take_layer(self) -> None:
        """Give the model the contrast that the image layer is shown in."""
        layer, live = self._panel.image_layer, self._live
        if layer is not None and live is not None:
            with telling():
                live.frames.contrast = layer.contrast_limits
            self.refresh()

    def take_found(self) -> None:
        """Give the model the contrast that the image was opened with."""
        if self._live is not None and self._found is not None:
            self._live.frames.contrast = self._found
            self.refresh()

    def refresh(self, event: Any = None) -> None:
        """Draw the current frame anew, soon."""
        if self.isVisible():
            self._timer.start()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw what was not drawn while it was out of sight."""
        super().showEvent(event)
        self._timer.start()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the picture to the width."""
        super().resizeEvent(event)
        self._fit()

    def _take(self, live: "Live | None") -> None:
        if self._live is not None:
            self._live.session_changed.disconnect(self._enable)
        self._live = live
        if live is not None:
            self._found = live.frames.contrast
            live.session_changed.connect(self._enable)
        self._enable()
        self.refresh()

    def _enable(self) -> None:
        live = self._live
        followed = live is not None and any(
            isinstance(edit, Propagate) for edit in flattened(live.session.history)
        )
        for button, tip in (
            (self._as_layer, "What is black and white in the image layer is so for the model"),
            (self._as_found, "Black and white for the model are found from frames all over the stack"),
        ):
            button.setEnabled(live is not None and not followed)
            button.setToolTip(_ONE_CONTRAST if followed else tip)

    def _draw(self) -> None:
        live, frame = self._panel.live, self._panel.current_frame
        if live is None or frame is None:
            self._pixmap = QPixmap()
            self._picture.setText("choose an image")
            self._window.clear()
            return
        try:
            image_yxc = _in_bytes(live.frames.rgb(frame))
        except MISTAKES as error:
            self._pixmap = QPixmap()
            self._picture.setText("this frame cannot be read")
            self._window.setText(str(error))
            return
        height, width, _ = image_yxc.shape
        image = QImage(image_yxc.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._pixmap = QPixmap.fromImage(image)
        self._window.setText(describe_contrast(live.frames))
        self._fit()

    def _fit(self) -> None:
        if not self._pixmap.isNull():
            size = QSize(max(1, self._picture.width()), _HEIGHT)
            mode = Qt.TransformationMode.SmoothTransformation
            self._picture.setPixmap(self._pixmap.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, mode))


def describe_contrast(frames: Frames) -> str:
    """Which channels the model sees, in which colour, and between which values."""
    shown, contrast = frames.shown_channels, frames.contrast
    if frames.is_rgb and len({(contrast.low[c], contrast.high[c]) for c in shown}) == 1:
        return f"colours from {contrast.low[shown[0]]:g} to {contrast.high[shown[0]]:g}"
    colours = {1: ("grey",), 2: ("magenta", "green"), 3: ("red", "green", "blue")}[len(shown)]
    return ", ".join(
        f"{frames.channel_names[c]} as {colour} from {contrast.low[c]:g} to {contrast.high[c]:g}"
        for c, colour in zip(shown, colours, strict=True)
    )


def _in_bytes(image_chw: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(3, y, x) in 0..1 as (y, x, 3) in 8 bits, thinned to what a small picture can show."""
    stride = max(1, min(image_chw.shape[1:]) // (2 * _HEIGHT))
    thin_yxc = image_chw[:, ::stride, ::stride].transpose(1, 2, 0)
    return np.ascontiguousarray((255 * thin_yxc).round().astype(np.uint8))
