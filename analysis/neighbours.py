"""How far each object of a frame is from the nearest other one."""

import itertools

import numpy as np
from scipy.spatial import KDTree

from napari_sam2.analysis.objects import Floats, Ints


def nearest_distances(points: Floats, starts: Ints) -> tuple[Floats, Ints]:
    """Distance between the closest pixels of each object and of any other, and which one that is.

    Parameters
    ----------
    points : float64 array (pixels, d)
        Outline pixels in physical units, object after object.
    starts : int64 array (n + 1,)
        Points of object k are `starts[k]` to `starts[k + 1]`.

    Returns
    -------
    (float64 array (n,), int64 array (n,))
        Distance, NaN for an object that is alone; index of the nearest object, -1 when alone.
    """
    n = len(starts) - 1
    nearest, which = np.full(n, np.inf), np.full(n, -1)
    low, high = np.minimum.reduceat(points, starts[:-1]), np.maximum.reduceat(points, starts[:-1])
    parts = [points[begin:end] for begin, end in itertools.pairwise(starts)]
    trees = [KDTree(part) for part in parts]
    for k in range(n):
        # Boxes can only be closer than what they hold, so the search ends at the first box too far.
        apart = np.maximum(np.maximum(low - high[k], low[k] - high), 0)
        bound = np.sqrt((apart**2).sum(axis=1))
        bound[k] = np.inf
        for j in np.argsort(bound, kind="stable"):
            if bound[j] >= nearest[k]:
                break
            if which[j] == k:
                continue
            outside = np.maximum(np.maximum(low[k] - parts[j], parts[j] - high[k]), 0)
            close = parts[j][(outside**2).sum(axis=1) < nearest[k] ** 2]
            if len(close) == 0:
                continue
            distance = trees[k].query(close, distance_upper_bound=nearest[k])[0].min()
            if distance < nearest[k]:
                nearest[k], which[k] = distance, j
            if distance < nearest[j]:
                nearest[j], which[j] = distance, k
    nearest[which < 0] = np.nan
    return nearest, which
