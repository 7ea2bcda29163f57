"""Following objects: which way, which frames, which objects; how far it is, and Stop."""

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.plugin.keys import SHOWN

if TYPE_CHECKING:
    from napari_sam2.interactive.objects import Progress


class FollowSection(QWidget):
    """Buttons that start to follow objects, a progress bar, and Stop."""

    asked = Signal(str)
    """Follow: "both", "forward" or "backward"."""
    stop_asked = Signal()

    def __init__(self, follow_view: bool = False) -> None:
        super().__init__()
        self.backward = _button("◀ Backward", "follow_backward", "Follow from the prompts to earlier frames")
        self.both = _button("Follow ◀ ▶", "follow_both", "Follow from the prompts to all frames, both ways")
        self.forward = _button("Forward ▶", "follow_forward", "Follow from the prompts to later frames")
        self.stop = _button("Stop", "stop", "Stop at once and keep what is done")
        for button, direction in (
            (self.backward, "backward"),
            (self.both, "both"),
            (self.forward, "forward"),
        ):
            button.clicked.connect(lambda _=False, way=direction: self.asked.emit(way))
        self.stop.clicked.connect(lambda _: self.stop_asked.emit())
        self.which = QComboBox()
        self.which.addItems(["all objects", "this object"])
        self.which.setToolTip("Follow all objects, or only the one that is chosen in the list")
        self.in_range = QCheckBox("frames")
        self.in_range.setToolTip("Follow only on these frames")
        self.first, self.last = QSpinBox(), QSpinBox()
        self.first.setToolTip("First frame")
        self.last.setToolTip("Last frame")
        self.follow_view = QCheckBox("Show each frame")
        self.follow_view.setToolTip("Let the view go along while objects are followed")
        self.follow_view.setChecked(follow_view)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.speed = QLabel()
        self.speed.setWordWrap(True)
        for box in (self.first, self.last):
            box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
            box.setStyleSheet("min-width: 34px; max-width: 44px")
        self.repair = QCheckBox("Repair after a correction")
        self.repair.setToolTip(
            "When you correct an object on a frame through which it was followed, follow it again at once, "
            "up to the nearest frames that you prompted or kept"
        )
        self.repair.setChecked(True)
        self._lay_out()
        self.in_range.toggled.connect(self._range_toggled)
        self._range_toggled(False)
        self._n_frames = 1
        self._possible = False
        self.set_busy(False)

    @property
    def only_this(self) -> bool:
        """Whether only the chosen object is followed."""
        return self.which.currentIndex() == 1

    @property
    def frames(self) -> tuple[int | None, int | None]:
        """First frame, and the one behind the last; None for all."""
        if not self.in_range.isChecked():
            return None, None
        first, last = sorted((self.first.value(), self.last.value()))
        return first, last + 1

    def set_frames(self, n_frames: int) -> None:
        """Offer the frames of an image."""
        self._n_frames = n_frames
        for box in (self.first, self.last):
            box.setMaximum(max(0, n_frames - 1))
        self.first.setValue(0)
        self.last.setValue(max(0, n_frames - 1))
        self.in_range.setChecked(False)
        self.setVisible(n_frames > 1)

    def set_possible(self, possible: bool) -> None:
        """Whether there is an object that could be followed."""
        self._possible = possible
        if not self.stop.isEnabled():
            self.set_busy(False)

    def set_busy(self, busy: bool) -> None:
        """Show that objects are being followed, or no longer."""
        for button in (self.backward, self.both, self.forward):
            button.setEnabled(self._possible and not busy)
        self.stop.setEnabled(busy)
        if not busy:
            self.bar.setRange(0, 1)
            self.bar.setValue(0)
            self.bar.setFormat("")
            self.speed.setText("")

    def show_progress(self, progress: "Progress | None") -> None:
        """Show how far it is."""
        if progress is None:
            return
        self.bar.setRange(0, max(progress.total, 1) if progress.total else 0)
        self.bar.setValue(progress.done)
        self.bar.setFormat(f"{progress.done} of {progress.total}")
        self.speed.setText(_speed(progress))

    def _range_toggled(self, on: bool) -> None:
        self.first.setEnabled(on)
        self.last.setEnabled(on)

    def _lay_out(self) -> None:
        ways = QHBoxLayout()
        ways.setSpacing(4)
        for button in (self.backward, self.both, self.forward):
            ways.addWidget(button, stretch=1)
        options = QHBoxLayout()
        options.setSpacing(4)
        options.addWidget(self.which, stretch=1)
        options.addWidget(self.in_range)
        options.addWidget(self.first)
        options.addWidget(QLabel("to"))
        options.addWidget(self.last)
        running = QGridLayout()
        running.setSpacing(4)
        running.addWidget(self.bar, 0, 0)
        running.addWidget(self.stop, 0, 1)
        ticks = QHBoxLayout()
        ticks.setSpacing(10)
        ticks.addWidget(self.repair)
        ticks.addStretch()
        ticks.addWidget(self.follow_view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(ways)
        column.addLayout(options)
        column.addLayout(ticks)
        column.addLayout(running)
        column.addWidget(self.speed)


def _button(text: str, key: str, meaning: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(f"{meaning} ({SHOWN[key]})")
    return button


def _speed(progress: "Progress") -> str:
    if not math.isfinite(progress.frames_per_second):
        return progress.what
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    return f"{progress.what}: {progress.frames_per_second:.2g} frames/s, {minutes}:{seconds:02d} left"
