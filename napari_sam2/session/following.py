"""One object in a plan: where it is given, what has been output, what is stale, and the runs that mend it.

The rules are told in `napari_sam2.session.plan`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.plan import RECALLED_FRAMES, Anchor, ObjectRun
from napari_sam2.models.prompts import Prompt
from napari_sam2.session.edits import Propagate
from napari_sam2.session.state import TrackedObject

_FORWARD, _BACKWARD = 1, 2
"""Bits: in which directions a frame may be walked into."""


@dataclass(frozen=True)
class Walks:
    """What one `Propagate` asks of one object.

    Attributes
    ----------
    forward : tuple of ObjectRun
        In ascending order.
    second_half : tuple of ObjectRun
        At most one: the backward half of a two-way walk, which goes on with the memory of the first
        forward run.
    backward : tuple of ObjectRun
        The other backward runs, in descending order.
    again : bool
        Frames are output that had been output before.
    """

    forward: tuple[ObjectRun, ...]
    second_half: tuple[ObjectRun, ...]
    backward: tuple[ObjectRun, ...]
    again: bool


class Following:
    """What a plan knows of one object while it replays the edits."""

    def __init__(self, object_id: int, n_frames: int) -> None:
        self._object_id = object_id
        self._record = TrackedObject("")
        self._planned = TrackedObject("")  # as it was at the last Propagate
        self._alive: set[int] = set()  # anchors of the last Propagate that have stood ever since
        self._corrections: dict[int, bool] = {}
        self._covered_n = np.zeros(n_frames, dtype=bool)
        self._stale_n = np.zeros(n_frames, dtype=np.uint8)  # directions; 0 where nothing is stale
        self._made: dict[object, Anchor] = {}

    def hear(self, record: TrackedObject) -> None:
        """Take in the object as it is after one more edit."""
        self._record = record
        self._alive &= set(self._anchors)
        self._corrections = {
            frame: self._corrections.get(frame, bool(self._covered_n[frame])) for frame in record.prompts
        }

    def changed(self) -> set[int]:
        """Frames whose anchor was added, changed or removed since the last Propagate."""
        now, before = self._record, self._planned
        prompted = now.prompts.keys() | before.prompts.keys()
        frames = {frame for frame in prompted if now.prompts.get(frame) != before.prompts.get(frame)}
        for frame, mask in now.locks.items():
            accepted = before.locks.get(frame)
            if mask != accepted if accepted is not None else not self._covered_n[frame]:
                frames.add(frame)
        return frames

    def propagate(self, request: Propagate) -> Walks:
        """Plan what is missing or stale in the range and direction of a request; `output` says what came."""
        anchors = self._anchors
        self._mark_stale(self.changed(), anchors)
        self._planned, self._alive = self._record, set(anchors)
        forward_n, backward_n = self._wanted(request, anchors)

        seen_n = self._covered_n | forward_n
        forward = [self._run(first, last, 1, seen_n) for first, last in _stretches(forward_n)]
        seen_n |= backward_n
        second_half: list[ObjectRun] = []
        backward: list[ObjectRun] = []
        for last, first in reversed(list(_stretches(backward_n))):
            beside_new = first + 1 in anchors and forward_n[first + 1]
            run = self._run(first, last, -1, np.zeros_like(seen_n) if beside_new else seen_n)
            from_start = beside_new and first + 1 == anchors[0] and not self._is_correction(anchors[0])
            (second_half if from_start else backward).append(run)

        again = bool((self._covered_n & (forward_n | backward_n)).any())
        return Walks(tuple(forward), tuple(second_half), tuple(backward), again)

    def output(self, run: ObjectRun) -> None:
        """Take in that a run has been walked."""
        walked = slice(min(run.first, run.last), max(run.first, run.last) + 1)
        self._covered_n[walked] = True
        self._stale_n[walked] = 0

    @property
    def _anchors(self) -> list[int]:
        return sorted(self._record.prompts.keys() | self._record.locks.keys())

    def _mark_stale(self, changed: set[int], anchors: list[int]) -> None:
        if not self._alive and changed.issuperset(anchors):
            self._corrections = dict.fromkeys(self._corrections, False)
        reach_n = self._reach(anchors)
        removed = changed.difference(anchors)
        for a, b in pairwise([-1, *anchors, len(reach_n)]):
            directions = (_FORWARD if a in changed else 0) | (_BACKWARD if b in changed else 0)
            if directions:
                self._stale_n[a + 1 : b] = directions
            elif any(a < frame < b for frame in removed):
                self._stale_n[a + 1 : b] = reach_n[a + 1 : b]
        self._stale_n[list(changed.intersection(anchors))] = _FORWARD | _BACKWARD
        # A new lock accepts even a mask that waited to be output again.
        self._stale_n[list(self._record.locks.keys() - self._planned.locks.keys() - changed)] = 0

    def _reach(self, anchors: list[int]) -> NDArray[np.uint8]:
        """From which sides each frame can be walked into: an anchor must lie there."""
        reach_n = np.zeros_like(self._stale_n)
        if anchors:
            reach_n[anchors[0] :] |= _FORWARD
            reach_n[: anchors[-1] + 1] |= _BACKWARD
        return reach_n

    def _wanted(self, request: Propagate, anchors: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Frames to output going forward, and going backward."""
        missing_n = np.where(self._covered_n, 0, self._reach(anchors))
        in_range_n = np.zeros_like(self._covered_n)
        in_range_n[request.start or 0 : request.stop] = True
        if request.direction == "both":
            directions_n = np.where(self._stale_n > 0, self._stale_n, missing_n)
            forward_n = in_range_n & (directions_n & _FORWARD > 0)
            return forward_n, in_range_n & (directions_n & _BACKWARD > 0) & ~forward_n
        one = _FORWARD if request.direction == "forward" else _BACKWARD
        walked_n = in_range_n & ((self._stale_n | missing_n) & one > 0)
        nothing_n = np.zeros_like(walked_n)
        return (walked_n, nothing_n) if one == _FORWARD else (nothing_n, walked_n)

    def _run(self, first: int, last: int, step: int, seen_n: NDArray[np.bool_]) -> ObjectRun:
        anchors = self._anchors
        recall: list[int] = []
        if first not in anchors or self._is_correction(first):
            window = (first - step * age for age in range(RECALLED_FRAMES, 0, -1))
            recall = [f for f in window if 0 <= f < len(seen_n) and seen_n[f] and f not in anchors]
        return ObjectRun(
            self._object_id, tuple(map(self._anchor, anchors)), first, last, tuple(sorted(recall))
        )

    def _is_correction(self, frame: int) -> bool:
        return frame not in self._record.locks and self._corrections[frame]

    def _anchor(self, frame: int) -> Anchor:
        """The anchor of a frame, made once, so that passes share its unpacked mask."""
        lock = self._record.locks.get(frame)
        correction = self._is_correction(frame)
        key = (frame, correction, self._record.prompts[frame] if lock is None else lock)
        if key not in self._made:
            if lock is not None:
                self._made[key] = Anchor(frame, Prompt(mask=lock.unpack()), locked=True)
            else:
                self._made[key] = Anchor(frame, self._record.prompts[frame].prompt(), correction=correction)
        return self._made[key]


def _stretches(wanted_n: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last frame of each stretch of True, in ascending order."""
    turns = np.flatnonzero(np.diff(wanted_n, prepend=False, append=False))
    for first, behind in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
        yield first, behind - 1
