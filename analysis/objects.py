"""The objects of one label image as runs: the stretches of one label along one row.

A frame has a million pixels and some ten thousand runs; areas, boxes, moments, hulls and parts follow
from the runs alone, for all objects in one pass.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """Whole numbers `starts[k]` to `starts[k] + lengths[k] - 1`, one range after the other."""
    before = np.cumsum(lengths) - lengths
    numbers: Ints = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return numbers


def divide(over: NDArray[Any], under: NDArray[Any]) -> Floats:
    """Quotient that is NaN where it is not defined."""
    quotient: Floats = np.divide(over, under, out=np.full(len(under), np.nan), where=under != 0)
    return quotient


@dataclass(frozen=True, eq=False)
class Objects:
    """Runs of all objects of a frame, sorted by object, then by row, then by column.

    Attributes
    ----------
    shape : (int, int)
        Frame size (y, x).
    ids : int64 array (n,)
        Label values in ascending order.
    first : int64 array (n,)
        Index of each object's first run.
    owner : int64 array (runs,)
        Index of the object of each run.
    y, left, right : int64 array (runs,)
        Row, first and last column.
    """

    shape: tuple[int, int]
    ids: Ints
    first: Ints
    owner: Ints
    y: Ints
    left: Ints
    right: Ints

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> Ints:
        """Pixels of each run (runs,)."""
        return self.right - self.left + 1

    def over_runs(self, values: Ints) -> Ints:
        """Sum over each object's runs: (runs, ...) -> (n, ...)."""
        return np.add.reduceat(values, self.first, axis=0)

    @cached_property
    def counts(self) -> Ints:
        """Pixels of each object (n,)."""
        return self.over_runs(self.lengths)

    @cached_property
    def bbox(self) -> Ints:
        """First row and column, and row and column after the last (n, 4)."""
        last = np.append(self.first, len(self.y))[1:] - 1
        left = np.minimum.reduceat(self.left, self.first)
        right = np.maximum.reduceat(self.right, self.first)
        return np.stack([self.y[self.first], left, self.y[last] + 1, right + 1], axis=1)

    @cached_property
    def pixels(self) -> Ints:
        """Position of each pixel in the frame's memory order, object after object (pixels,)."""
        return ranges(self.y * self.shape[1] + self.left, self.lengths)

    @cached_property
    def pixels_yx(self) -> Ints:
        """Row and column of each pixel, in the same order (2, pixels)."""
        return np.stack(np.divmod(self.pixels, self.shape[1]))

    @cached_property
    def pixel_starts(self) -> Ints:
        """Pixels of object k are `pixels[pixel_starts[k]:pixel_starts[k + 1]]` (n + 1,)."""
        return np.append(0, np.cumsum(self.counts))


def find_objects(labels_yx: NDArray[Any]) -> Objects:
    """Cut a label image into runs.

    Parameters
    ----------
    labels_yx : integer array (y, x)
        0 is background.
    """
    height, width = labels_yx.shape
    starts_yx = np.empty((height, width), dtype=bool)
    starts_yx[:, 0] = True
    np.not_equal(labels_yx[:, 1:], labels_yx[:, :-1], out=starts_yx[:, 1:])
    starts = np.flatnonzero(starts_yx)
    ends = np.append(starts, labels_yx.size)[1:] - 1
    values = labels_yx.ravel()[starts]
    there = values != 0
    values, starts, ends = values[there], starts[there], ends[there]
    order = np.argsort(values, kind="stable")
    values, starts, ends = values[order], starts[order], ends[order]
    changes = np.ones(len(values), dtype=bool)
    changes[1:] = values[1:] != values[:-1]
    first = np.flatnonzero(changes)
    y = starts // width
    return Objects(
        (height, width),
        values[first].astype(np.int64),
        first,
        np.cumsum(changes) - 1,
        y,
        starts - y * width,
        ends - y * width,
    )


@dataclass(frozen=True, eq=False)
class Parts:
    """Connected parts of each object; pixels that share an edge or a corner are connected.

    Attributes
    ----------
    counts : int64 array (n,)
        Parts of each object.
    second : float64 array (n,)
        Pixels of the second largest part divided by those of the largest; NaN for one part.
    euler : int64 array (n,)
        Parts minus holes.
    """

    counts: Ints
    second: Floats
    euler: Ints


def find_parts(objects: Objects) -> Parts:
    """Connect runs of neighbouring rows that touch.

    The runs of a row do not touch each other, and two runs of neighbouring rows meet in one stretch,
    so the Euler number is the number of runs minus the number of meetings (the Euler characteristic
    of the graph of runs).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    height, width = objects.shape
    row = (objects.owner * (height + 1) + objects.y) * (width + 2)
    below = row + width + 2
    begin = np.searchsorted(row + objects.right, below + objects.left - 1)
    end = np.searchsorted(row + objects.left, below + objects.right + 1, side="right")
    upper = np.repeat(np.arange(len(row)), end - begin)
    lower = ranges(begin, end - begin)
    n_runs = len(row)
    graph = coo_array((np.ones(len(upper), bool), (upper, lower)), shape=(n_runs, n_runs))
    n_parts, part = connected_components(graph, directed=False)

    size = np.bincount(part, objects.lengths, minlength=n_parts)
    owner = np.empty(n_parts, dtype=np.int64)
    owner[part] = objects.owner
    order = np.lexsort((-size, owner))
    counts = np.bincount(owner, minlength=len(objects))
    largest = np.cumsum(counts) - counts
    several = counts > 1
    second = np.full(len(objects), np.nan)
    second[several] = size[order[largest[several] + 1]] / size[order[largest[several]]]
    n_runs_each, n_meetings = objects.over_runs(np.ones(n_runs, np.int64)), objects.over_runs(end - begin)
    return Parts(counts, second, n_runs_each - n_meetings)
