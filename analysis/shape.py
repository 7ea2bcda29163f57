"""Shape of the objects of one frame: moments and what follows from them."""

import numpy as np

from napari_sam2.analysis import hull
from napari_sam2.analysis.objects import Floats, Objects


def centroids(objects: Objects) -> Floats:
    """Mean row and column of each object's pixels, in pixels (n, 2)."""
    return np.stack([objects.total(objects.y), objects.total(objects.x)], axis=1) / objects.counts[:, None]


def second_moments(objects: Objects) -> Floats:
    """Central second moments yy, xx, yx of each object, divided by its area, in pixels² (n, 3)."""
    top_left = objects.bbox[:, :2]
    y, x = objects.y - top_left[objects.owner, 0], objects.x - top_left[objects.owner, 1]
    mean_y, mean_x = objects.total(y) / objects.counts, objects.total(x) / objects.counts
    raw = np.stack([objects.total(y * y), objects.total(x * x), objects.total(y * x)], axis=1)
    return raw / objects.counts[:, None] - np.stack([mean_y**2, mean_x**2, mean_y * mean_x], axis=1)


def principal_moments(moments: Floats, pixel_size: tuple[float, float]) -> Floats:
    """Eigenvalues of each object's inertia tensor, largest first, in units² (n, 2)."""
    height, width = pixel_size
    yy, xx, yx = (moments * (height**2, width**2, height * width)).T
    tensors = np.stack([np.stack([xx, -yx], axis=-1), np.stack([-yx, yy], axis=-1)], axis=-2)
    ascending: Floats = np.clip(np.linalg.eigvalsh(tensors), 0, None)
    return ascending[:, ::-1]


def eccentricity(principal: Floats) -> Floats:
    """Eccentricity of the ellipse with these principal moments (n,); 0 for a single pixel."""
    largest, smallest = principal.T
    ratio = np.divide(smallest, largest, out=np.ones(len(principal)), where=largest > 0)
    return np.sqrt(1 - ratio)


def convex_area(objects: Objects) -> Floats:
    """Pixels of each object's convex hull (n,)."""
    return hull.areas(hull.convex_rows(hull.rows_of(objects))).astype(np.float64)
