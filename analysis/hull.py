"""Convex hulls of all objects of a frame at once (at least one), in whole numbers.

A pixel is represented by the middles of its four edges, as in scikit-image's `convex_hull_image`.
Coordinates are doubled, so that these half-pixel points are integers and every comparison is exact.
"""

from dataclasses import dataclass

import numpy as np

from napari_sam2.analysis.objects import Floats, Ints, Objects

_FAR = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, eq=False)
class Rows:
    """Extent of each object on each of its rows, sorted by object and row.

    Attributes
    ----------
    owner : int64 array (rows,)
        Index of the object.
    y : int64 array (rows,)
        Row.
    left, right : int64 array (rows,)
        First and last column.
    n : int
        Number of objects.
    """

    owner: Ints
    y: Ints
    left: Ints
    right: Ints
    n: int


@dataclass(frozen=True, eq=False)
class Hulls:
    """Corners of convex polygons in doubled coordinates, sorted by object, in order around each.

    Attributes
    ----------
    owner : int64 array (corners,)
        Index of the object.
    y, x : int64 array (corners,)
        Doubled coordinates.
    n : int
        Number of objects.
    """

    owner: Ints
    y: Ints
    x: Ints
    n: int


def rows_of(objects: Objects) -> Rows:
    """First and last pixel of every object on every row it has."""
    row = objects.owner * (objects.shape[0] + 1) + objects.y
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = row[1:] != row[:-1]
    starts = np.flatnonzero(begins)
    ends = np.append(starts, len(row))[1:] - 1
    return Rows(
        objects.owner[starts], objects.y[starts], objects.left[starts], objects.right[ends], len(objects)
    )


def _left_chain(owner: Ints, y: Ints, x: Ints) -> tuple[Ints, Ints, Ints]:
    """Left boundary of the hulls: a corner for each doubled row at which the boundary turns."""
    # Every level that a pixel's edge middles touch: 2y - 1, 2y, 2y + 1.
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    last = np.append(first[1:], len(owner)) - 1
    n_levels = 2 * (y[last] - y[first]) + 3
    base = np.cumsum(n_levels) - n_levels
    slot = (
        np.repeat(base, np.diff(np.append(first, len(owner))))
        + 2 * (y - np.repeat(y[first], last - first + 1))
        + 1
    )
    edge = np.full(int(n_levels.sum()), _FAR)
    edge[slot] = 2 * x - 1
    for beside in (slot - 1, slot + 1):
        edge[beside] = np.minimum(edge[beside], 2 * x)
    level = np.arange(len(edge)) - np.repeat(base, n_levels) + np.repeat(2 * y[first] - 1, n_levels)
    there = edge < _FAR
    owner, y, x = np.repeat(owner[first], n_levels)[there], level[there], edge[there]
    # A point that does not lie left of the line between its neighbours is no corner. Dropping all of
    # them at once is sound: each lies within the hull of points of the set, and a corner never does.
    while True:
        inner = (owner[1:-1] == owner[:-2]) & (owner[1:-1] == owner[2:])
        before = (x[1:-1] - x[:-2]) * (y[2:] - y[:-2])
        across = (x[2:] - x[:-2]) * (y[1:-1] - y[:-2])
        keep = np.ones(len(x), dtype=bool)
        keep[1:-1] = ~inner | (before < across)
        if keep.all():
            return owner, y, x
        owner, y, x = owner[keep], y[keep], x[keep]


def _at_rows(chain: tuple[Ints, Ints, Ints], owner: Ints, y: Ints) -> Ints:
    """First column at or right of the left chain, on each row `y` (not doubled) of each object."""
    of, level, x = chain
    span = int(level.max() - level.min()) + 2
    shift = level.min()
    here = np.searchsorted(of * span + level - shift, owner * span + 2 * y - shift, side="right") - 1
    rise = level[here + 1] - level[here]
    doubled = x[here] * rise + (x[here + 1] - x[here]) * (2 * y - level[here])
    columns: Ints = -(-doubled // (2 * rise))
    return columns


def convex_rows(rows: Rows) -> Rows:
    """Fill the convex hull of each object: the pixels whose centres lie in it or on its edge.

    Equal to scikit-image's `convex_hull_image` of each object; rows of a hull that is too thin to
    hold a pixel's centre are left out.
    """
    left = _left_chain(rows.owner, rows.y, rows.left)
    right = _left_chain(rows.owner, rows.y, -rows.right)
    first = np.flatnonzero(np.diff(rows.owner, prepend=-1))
    last = np.append(first[1:], len(rows.owner)) - 1
    heights = rows.y[last] - rows.y[first] + 1
    owner = np.repeat(rows.owner[first], heights)
    y = (
        np.arange(len(owner))
        - np.repeat(np.cumsum(heights) - heights, heights)
        + np.repeat(rows.y[first], heights)
    )
    begin, end = _at_rows(left, owner, y), -_at_rows(right, owner, y)
    full = begin <= end
    return Rows(owner[full], y[full], begin[full], end[full], rows.n)


def hulls_of(rows: Rows) -> Hulls:
    """Convex polygon around the edge middles of each object's pixels."""
    left = _left_chain(rows.owner, rows.y, rows.left)
    owner_r, y_r, x_r = _left_chain(rows.owner, rows.y, -rows.right)
    owner = np.concatenate([left[0], owner_r])
    y = np.concatenate([left[1], y_r])
    x = np.concatenate([left[2], -x_r])
    on_right = np.repeat([0, 1], [len(left[0]), len(owner_r)])
    order = np.lexsort((np.where(on_right, -y, y), on_right, owner))
    return Hulls(owner[order], y[order], x[order], rows.n)


def areas(rows: Rows) -> Ints:
    """Pixels between the extents of each object (n,)."""
    return np.bincount(rows.owner, rows.right - rows.left + 1, minlength=rows.n).astype(np.int64)


def feret(hulls: Hulls, pixel_size: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Largest and smallest distance between two parallel lines that touch each hull.

    The largest is the greatest distance between two corners (scikit-image `feret_diameter_max`); the
    smallest is reached along an edge of the hull (Houle & Toussaint 1988, IEEE TPAMI 10(5)).

    Parameters
    ----------
    hulls : Hulls
        Of the convex images, to agree with scikit-image.
    pixel_size : (float, float)
        Height and width of a pixel.

    Returns
    -------
    (float64 array (n,), float64 array (n,))
        Largest and smallest, in the unit of `pixel_size`.
    """
    y, x = hulls.y * (pixel_size[0] / 2), hulls.x * (pixel_size[1] / 2)
    counts = np.bincount(hulls.owner, minlength=hulls.n)
    starts = np.cumsum(counts) - counts
    # every corner k against every corner j of the same object
    n_pairs = counts[hulls.owner]
    pair_starts = np.cumsum(n_pairs) - n_pairs
    k = np.repeat(np.arange(len(y)), n_pairs)
    j = np.arange(len(k)) - np.repeat(pair_starts - starts[hulls.owner], n_pairs)
    dy, dx = y[j] - y[k], x[j] - x[k]
    largest = np.sqrt(np.maximum.reduceat(dy**2 + dx**2, pair_starts[starts]))

    following = np.arange(1, len(y) + 1)
    following[starts + counts - 1] = starts
    edge_y, edge_x = y[following] - y, x[following] - x
    length = np.hypot(edge_y, edge_x)
    away = np.maximum.reduceat(np.abs(dx * edge_y[k] - dy * edge_x[k]), pair_starts)
    width = np.divide(away, length, out=np.full(len(y), np.inf), where=length > 0)
    return largest, np.minimum.reduceat(width, starts)
