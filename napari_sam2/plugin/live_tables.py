"""The region table of a session, measured in the background as its masks change."""

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import pandas as pd
from qtpy.QtCore import QObject, QTimer, Signal

from napari_sam2.analysis import measure_regions
from napari_sam2.plugin.jobs import Job, Progress
from napari_sam2.plugin.notices import tell

if TYPE_CHECKING:
    from napari_sam2.interactive import Live
    from napari_sam2.plugin.panel import PromptPanel

_WAIT_MS = 150
_BATCH_SECONDS = 0.4
"""Frames are measured for so long before what was found is handed over."""
_ABOUT = "napari_sam2"


class LiveTables(QObject):
    """Regions of every frame, kept frame by frame so that a change costs only the frames it changed.

    While objects are being followed nothing is measured: the model needs the processor more.

    Parameters
    ----------
    panel : PromptPanel
        Whose session is measured.
    """

    changed = Signal()
    """More, or other, regions are known."""

    def __init__(self, panel: "PromptPanel") -> None:
        super().__init__(panel)
        self._panel = panel
        self._live: Live | None = None
        self._of_frame: dict[int, pd.DataFrame] = {}
        self._whole: pd.DataFrame | None = None
        self._stale: set[int] = set()
        self._scores: dict[int, pd.DataFrame] | None = None
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._measure)
        panel.live_changed.connect(self._take)
        self._take(panel.live)

    @property
    def complete(self) -> bool:
        """Whether every mask that there is has been measured as it is now."""
        return not self._stale and self._job is None

    def on_frame(self, frame: int) -> pd.DataFrame | None:
        """Regions of one frame; None where it was not measured yet or has no object."""
        return self._of_frame.get(frame)

    def regions(self) -> pd.DataFrame | None:
        """Regions of all frames that were measured; None where there are none."""
        if not self._of_frame or self._whole is not None:
            return self._whole
        frames = sorted(self._of_frame)
        tables = [self._of_frame[frame] for frame in frames]
        about = tables[0].attrs[_ABOUT]
        whole = pd.concat(tables, ignore_index=True)
        parameters = {**about["parameters"], "frames": [frames[0], frames[-1]]}
        whole.attrs[_ABOUT] = {**about, "parameters": parameters}
        self._whole = whole
        return whole

    def stop(self) -> None:
        """Measure no more."""
        self._take(None)

    def _take(self, live: "Live | None") -> None:
        if self._live is not None:
            self._live.frames_changed.disconnect(self._mark)
            self._live.busy_changed.disconnect(self._begin)
        self._live = live
        self._of_frame.clear()
        self._whole = None
        self._stale.clear()
        self._timer.stop()
        if self._job is not None:
            self._job.stop()
            self._job = None
        if live is not None:
            live.frames_changed.connect(self._mark)
            live.busy_changed.connect(self._begin)
            self._mark(range(len(live.frames)))
        self.changed.emit()

    def _mark(self, frames: Collection[int]) -> None:
        self._stale.update(frames)
        self._scores = None
        self._begin()

    def _begin(self, _: Any = None) -> None:
        if self._stale and self._job is None and not self._timer.isActive():
            self._timer.start()

    def _measure(self) -> None:
        live = self._live
        if live is None or self._job is not None or not self._stale or live.progress is not None:
            return
        if self._scores is None:
            self._scores = {int(frame): rows for frame, rows in live.scores().groupby("frame")}
        shown, scores = self._panel.current_frame, self._scores
        frames = sorted(self._stale, key=lambda frame: (frame != shown, frame))
        self._job = job = Job(lambda progress: _measure(live, frames, scores, progress))
        job.succeeded.connect(self._receive)
        job.failed.connect(self._fail)
        job.ended.connect(self._end)
        # What changes from now on is measured again.
        self._taken = frozenset(frames)
        self._stale -= self._taken
        job.start()

    def _receive(self, tables: "dict[int, pd.DataFrame | None]") -> None:
        if self.sender() is not self._job:
            return
        self._stale |= self._taken - tables.keys()
        self._whole = None
        for frame, table in tables.items():
            if table is None:
                self._of_frame.pop(frame, None)
            else:
                self._of_frame[frame] = table
        self.changed.emit()

    def _fail(self, error: Exception) -> None:
        if self.sender() is self._job:
            tell(error)

    def _end(self) -> None:
        if self.sender() is self._job:
            self._job = None
            self._begin()


def _measure(
    live: "Live", frames: list[int], scores: dict[int, pd.DataFrame], progress: Progress
) -> dict[int, "pd.DataFrame | None"]:
    """Measure the first of some frames, for a moment; None for a frame without objects."""
    image, store = live.frames, live.store
    tables: dict[int, pd.DataFrame | None] = {}
    until = time.monotonic() + _BATCH_SECONDS
    for frame in frames:
        progress("measuring", len(tables), len(frames))
        tables[frame] = None
        if store[frame].any():
            tables[frame] = measure_regions(
                store,
                image,
                axis=image.axis,
                pixel_size=image.pixel_size,
                unit=image.unit,
                step=image.step,
                step_unit=image.step_unit,
                channel_names=image.channel_names,
                scores=scores.get(frame),
                frames=[frame],
            )
        if time.monotonic() > until:
            break
    return tables
