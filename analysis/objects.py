"""The objects of one label image, their pixels grouped so that every sum is one pass for all objects."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Objects:
    """Pixels of all objects of a frame, sorted by object, then by row, then by column.

    Attributes
    ----------
    shape : (int, int)
        Frame size (y, x).
    ids : int64 array (n,)
        Label values in ascending order.
    starts : int64 array (n + 1,)
        Pixels of object k are `starts[k]` to `starts[k + 1]`.
    y, x : int64 array (pixels,)
        Rows and columns.
    """

    shape: tuple[int, int]
    ids: Ints
    starts: Ints
    y: Ints
    x: Ints

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def counts(self) -> Ints:
        """Pixels of each object (n,)."""
        return np.diff(self.starts)

    @cached_property
    def owner(self) -> Ints:
        """Index of the object of each pixel (pixels,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    @cached_property
    def flat(self) -> Ints:
        """Position of each pixel in the frame's memory order (pixels,)."""
        return self.y * self.shape[1] + self.x

    @cached_property
    def bbox(self) -> Ints:
        """First row and column, and row and column after the last (n, 4)."""
        top, bottom = self.y[self.starts[:-1]], self.y[self.starts[1:] - 1] + 1
        return np.stack([top, self.smallest(self.x), bottom, self.largest(self.x) + 1], axis=1)

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum over each object's pixels: (pixels, ...) -> (n, ...)."""
        return np.add.reduceat(values, self.starts[:-1], axis=0)

    def smallest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Minimum over each object's pixels: (pixels, ...) -> (n, ...)."""
        return np.minimum.reduceat(values, self.starts[:-1], axis=0)

    def largest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Maximum over each object's pixels: (pixels, ...) -> (n, ...)."""
        return np.maximum.reduceat(values, self.starts[:-1], axis=0)


def find_objects(labels_yx: NDArray[Any]) -> Objects:
    """Group the pixels of a label image by object.

    Parameters
    ----------
    labels_yx : integer array (y, x)
        0 is background.
    """
    flat = np.flatnonzero(labels_yx)
    values = labels_yx.ravel()[flat]
    if values.size and int(values.max()) < 2**16:
        values = values.astype(np.uint16)  # numpy sorts 16-bit integers in linear time
    order = np.argsort(values, kind="stable")
    values = values[order]
    first = np.flatnonzero(np.diff(values, prepend=-1)) if values.size else np.zeros(0, np.int64)
    y, x = np.divmod(flat[order], labels_yx.shape[1])
    height, width = labels_yx.shape
    return Objects(
        (height, width), values[first].astype(np.int64), np.append(first, values.size).astype(np.int64), y, x
    )
