"""How far each object of a frame is from the nearest other one."""

import itertools

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from napari_sam2.analysis.objects import Floats, Ints

_BRUTE_FORCE = 50_000
"""Pairs of points up to which comparing all is faster than a tree."""

_CHUNK = 1000
"""Points searched for before the bound on the distance is tightened."""


def _outside(points: Floats, low: Floats, high: Floats) -> Floats:
    """Distance of points (..., d) from a box."""
    apart = np.maximum(np.maximum(low - points, points - high), 0)
    distance: Floats = np.sqrt((apart * apart).sum(axis=-1))
    return distance


def _closest(
    mine: Floats, theirs: Floats, box: tuple[Floats, Floats], their_box: tuple[Floats, Floats], least: float
) -> float:
    """Smallest distance between two sets of points (., d)."""
    # Two points that face each other bound the distance; only points this close to the other's box matter.
    facing = theirs[np.argmin(_outside(theirs, *box))]
    bound = float(np.sqrt(((mine - facing) ** 2).sum(axis=1).min()))
    mine = mine[_outside(mine, *their_box) <= np.nextafter(bound, np.inf)]
    theirs = theirs[_outside(theirs, *box) <= np.nextafter(bound, np.inf)]
    if len(mine) * len(theirs) <= _BRUTE_FORCE:
        return float(cdist(mine, theirs).min())
    tree = KDTree(mine)
    for start in range(0, len(theirs), _CHUNK):
        if bound <= least:
            break
        part = theirs[start : start + _CHUNK]
        bound = min(bound, float(tree.query(part, distance_upper_bound=bound)[0].min()))
    return bound


def nearest_distances(points: Floats, starts: Ints, least: float) -> tuple[Floats, Ints]:
    """Distance between the closest pixels of each object and of any other, and which one that is.

    Parameters
    ----------
    points : float64 array (pixels, d)
        Outline pixels in physical units, object after object.
    starts : int64 array (n + 1,)
        Points of object k are `starts[k]` to `starts[k + 1]`.

    least : float
        Distance below which there is nothing: the smallest side of a pixel.

    Returns
    -------
    (float64 array (n,), int64 array (n,))
        Distance, NaN for an object that is alone; index of the nearest object, -1 when alone.
    """
    n = len(starts) - 1
    nearest, which = np.full(n, np.inf), np.full(n, -1)
    low, high = np.minimum.reduceat(points, starts[:-1]), np.maximum.reduceat(points, starts[:-1])
    parts = [points[begin:end] for begin, end in itertools.pairwise(starts)]
    compared: set[tuple[int, int]] = set()
    for k in range(n):
        # Objects are at least as far apart as their boxes, so the search ends at the first box too far.
        bounds = _outside(np.maximum(low, np.minimum(high, low[k])), low[k], high[k])
        bounds[k] = np.inf
        for j in np.argsort(bounds, kind="stable").tolist():
            if bounds[j] >= nearest[k] or nearest[k] <= least:
                break
            if (j, k) in compared:
                continue
            compared.add((k, j))
            distance = _closest(parts[k], parts[j], (low[k], high[k]), (low[j], high[j]), least)
            if distance < nearest[k]:
                nearest[k], which[k] = distance, j
            if distance < nearest[j]:
                nearest[j], which[j] = distance, k
    nearest[which < 0] = np.nan
    return nearest, which
