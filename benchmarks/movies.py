"""Frames to measure speed with, made in memory."""

import numpy as np
from numpy.typing import NDArray


class Cells:
    """Bright discs on a grid over textured ground, which all drift together.

    Parameters
    ----------
    frames, side : int
        Length, and side of the square frames in pixels.
    cells, diameter : int
        How many discs, and how wide they are in pixels.
    """

    axis, name, source, dtype = "t", "cells", None, np.dtype(np.uint8)

    def __init__(self, frames: int, side: int, cells: int, diameter: int) -> None:
        self.shape = (frames, side, side)
        self.radius = diameter / 2
        across = int(np.ceil(np.sqrt(cells)))
        pitch = side / across
        self.start = [((i // across + 0.5) * pitch, (i % across + 0.5) * pitch) for i in range(cells)]
        y, x = np.ogrid[:side, :side]
        image = 0.3 + 0.1 * np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
        for cy, cx in self.start:
            image += 0.4 * ((y - cy) ** 2 + (x - cx) ** 2 < self.radius**2)
        self._image = image.clip(0, 1)

    def __len__(self) -> int:
        return self.shape[0]

    def rgb(self, index: int) -> NDArray[np.float32]:
        """Frame `index`, float32 (3, y, x)."""
        return np.stack([np.roll(self._image, index % 8, axis=1)] * 3)

    def box(self, cell: int) -> tuple[float, float, float, float]:
        """The box of a cell on frame 0."""
        (y, x), r = self.start[cell], self.radius
        return y - r, x - r, y + r, x + r
