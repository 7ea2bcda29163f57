"""Two balls that move through volumes in time, and what follows them in place of a network."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import ndimage

from napari_sam2.models.results import FrameResult, MaskPatch
from napari_sam2.models.windows import full

TIMES, SLICES, SIDE = 5, 9, 40


@pytest.fixture(scope="session")
def balls() -> np.ndarray:
    """Labels (t, z, y, x): ball 1 sinks by a slice each time, ball 2 stays and is gone in the last volume."""
    z, y, x = np.mgrid[:SLICES, :SIDE, :SIDE]
    labels = np.zeros((TIMES, SLICES, SIDE, SIDE), np.int32)
    for t in range(TIMES):
        labels[t][((z - 2 - t) * 3) ** 2 + (y - 12) ** 2 + (x - 10 - t) ** 2 < 49] = 1
        if t < TIMES - 1:
            labels[t][((z - 5) * 3) ** 2 + (y - 28) ** 2 + (x - 28) ** 2 < 49] = 2
    return labels


class BrightTracker:
    """Walks plans as the tracker does; an object is the bright spot that overlaps what it was last."""

    walked = 0

    def __init__(self, model: object, frames: object, *, framing: str, average: bool, depth: bool) -> None:
        assert depth == (frames.axis == "z")
        self._frames, self._depth = frames, depth

    def run(self, plan: tuple) -> Iterator[FrameResult]:
        masks: dict[int, np.ndarray] = {}
        for walk in plan:
            for run in walk.runs:
                nearest = min(run.anchors, key=lambda anchor: abs(anchor.frame - run.first))
                masks[run.object_id] = self._given(nearest)
            windows = {run.object_id: full(self._frames.shape[1:]) for run in walk.runs}
            for frame in walk.frames():
                patches = []
                for run in walk.runs:
                    if run.covers(frame):
                        anchor = next((a for a in run.anchors if a.frame == frame), None)
                        mask = self._given(anchor) if anchor else self._followed(frame, masks[run.object_id])
                        if self._depth and windows[run.object_id].ended and not anchor:
                            mask = np.zeros_like(mask)
                        masks[run.object_id] = mask if mask.any() else masks[run.object_id]
                        patches.append(_patch(run.object_id, mask))
                        windows[run.object_id] = windows[run.object_id].after(patches[-1])
                        BrightTracker.walked += 1
                if patches:
                    yield FrameResult(frame, self._frames.shape[1:], tuple(patches))

    def _given(self, anchor: object) -> np.ndarray:
        if anchor.prompt.mask is not None:
            return anchor.prompt.mask
        spots, _ = ndimage.label(self._frames[anchor.frame][..., 0])
        y, x = anchor.prompt.points[0]
        return spots == spots[int(y), int(x)]

    def _followed(self, frame: int, mask: np.ndarray) -> np.ndarray:
        spots, _ = ndimage.label(self._frames[frame][..., 0])
        under = spots[mask & (spots > 0)]
        return spots == np.bincount(under).argmax() if len(under) else np.zeros_like(mask)


def _patch(object_id: int, mask: np.ndarray) -> MaskPatch:
    if not mask.any():
        return MaskPatch.absent(object_id)
    return MaskPatch(object_id, 0, 0, np.where(mask, 3, -3).astype(np.float32), 0.9, 1.0)


@pytest.fixture
def bright_tracker(monkeypatch: pytest.MonkeyPatch) -> type[BrightTracker]:
    """Put `BrightTracker` in the tracker's place."""
    monkeypatch.setattr("napari_sam2.models.tracker.Tracker", BrightTracker)
    BrightTracker.walked = 0
    return BrightTracker
