"""Windows that follow small objects: where to look for an object on the next frame.

A square window about `RATIO` times the object's extent sees a small object at full resolution, where
stretching a large frame to the network's input would leave a few pixels of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_sam2.models.results import MaskPatch
from napari_sam2.models.views import View, whole

RATIO = 1.6
"""Side of a window against the larger extent of its object."""
SMALLEST = 64
"""No window is narrower, in pixels: below this, context is lost and pixels are only blown up."""
SMOOTHING = 0.7
"""Share of the old size (in its logarithm) that a window keeps from frame to frame."""
GROWTH, MOST_GROWTH = 1.1, 2.0
"""A window of a lost object grows by this factor a frame, up to this factor in all."""
ENDED = 3
"""Slices without a trace of it after which an object of a stack in depth has ended."""
LARGE = 1.0
"""An object whose window would exceed this share of the frame's longer side is seen in the whole frame."""

SMALL, SMALL_INPUT = 42, 192
"""Windows that would be this narrow, in pixels, if they could, and the side of the network's input for them:
of so small an object a larger one only blows pixels up."""


@dataclass(frozen=True)
class Window:
    """Where one object was last seen.

    Attributes
    ----------
    y, x : float
        Centre.
    side : float
        Side of the window that the object asks for while it is seen; no view is narrower than `SMALLEST`.
    lost : int
        Frames since the object was seen last; 0 while it is seen.
    follows : bool
        False for a large object, which is seen in the whole frame.
    """

    y: float
    x: float
    side: float
    lost: int = 0
    follows: bool = True

    @property
    def growth(self) -> float:
        """Factor by which the window has grown since the object was lost."""
        return float(np.exp(min(self.lost * np.log(GROWTH), np.log(MOST_GROWTH))))

    @property
    def input(self) -> int | None:
        """Side of the network's input that shows it well, in pixels; None for the largest there is."""
        return SMALL_INPUT if self.follows and self.side <= SMALL else None

    @property
    def ended(self) -> bool:
        """Whether an object that is connected in depth cannot come any more.

        The slices that a connected body meets follow one another, so what comes after a gap is
        something else; a slice or two are allowed for what was missed.
        """
        return self.lost >= ENDED

    def view(self, shape: tuple[int, int]) -> View:
        """The window as a view, pushed inside the frame where it fits."""
        if not self.follows:
            return whole(shape)
        side = round(max(self.side, SMALLEST) * self.growth)
        top, left = (
            (length - side) // 2 if side >= length else min(max(round(centre - side / 2), 0), length - side)
            for centre, length in zip((self.y, self.x), shape, strict=True)
        )
        return View(top, left, side, side)

    def after(self, patch: MaskPatch) -> "Window":
        """The window for the next frame, given what was found on this one."""
        height, width = patch.logits_hw.shape
        if not height:
            return replace(self, lost=self.lost + 1)
        target = RATIO * max(height, width)
        side = float(np.exp(SMOOTHING * np.log(self.side) + (1 - SMOOTHING) * np.log(target)))
        return replace(
            self, y=patch.top + (height - 1) / 2, x=patch.left + (width - 1) / 2, side=side, lost=0
        )


def full(shape: tuple[int, int]) -> Window:
    """The whole frame, for good."""
    return Window((shape[0] - 1) / 2, (shape[1] - 1) / 2, float(max(shape)), follows=False)


def around(box: tuple[float, float, float, float], shape: tuple[int, int], framing: str) -> Window:
    """The window of an object that spans a box (y0, x0, y1, x1), both corners included.

    With framing "auto", an object that is large against the frame is shown the whole frame.
    """
    y0, x0, y1, x1 = box
    side = RATIO * (max(y1 - y0, x1 - x0) + 1)
    if framing == "frame" or (framing == "auto" and max(side, SMALLEST) > LARGE * max(shape)):
        return full(shape)
    return Window((y0 + y1) / 2, (x0 + x1) / 2, side)


def candidates(points: Sequence[tuple[float, float]], shape: tuple[int, int], framing: str) -> list[Window]:
    """Windows of several sizes around clicked points, for an object whose size is not known yet.

    Sides grow by the square root of 2, from the smallest that shows all points to the whole frame.
    """
    ys, xs = np.array(points).T
    y, x = float(ys.min() + ys.max()) / 2, float(xs.min() + xs.max()) / 2
    side = max(SMALLEST, 1.5 * (max(np.ptp(ys), np.ptp(xs)) + 1))
    limit = LARGE * max(shape) if framing == "auto" else max(shape)
    windows = []
    while side <= limit:
        windows.append(Window(y, x, side))
        side *= 2**0.5
    if framing == "auto" or not windows:
        windows.append(full(shape))
    return windows
