"""Frames in a row as intervals."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from napari_sam2.analysis.objects import Ints


@dataclass(frozen=True)
class Interval:
    """A stretch of frames that belong together.

    Attributes
    ----------
    number : int
        From 1.
    begin, end : int
        Where its frames are in the array it was cut from.
    first, last : int
        First and last frame.
    """

    number: int
    begin: int
    end: int
    first: int
    last: int

    def times(self, step: float) -> dict[str, float]:
        """Columns first_frame, last_frame, start, end, duration; every frame lasts one step."""
        return {
            "first_frame": self.first,
            "last_frame": self.last,
            "start": self.first * step,
            "end": (self.last + 1) * step,
            "duration": (self.last + 1 - self.first) * step,
        }


def cut_intervals(frames: Ints, max_gap: int) -> list[Interval]:
    """Cut ascending frames where more than `max_gap` are missing."""
    bounds = [0, *(np.flatnonzero(np.diff(frames) > max_gap + 1) + 1).tolist(), len(frames)]
    return [
        Interval(number, begin, end, int(frames[begin]), int(frames[end - 1]))
        for number, (begin, end) in enumerate(pairwise(bounds), start=1)
    ]
