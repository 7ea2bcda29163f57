"""Shape of the objects of one frame, from their runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis import hull
from napari_sam2.analysis.objects import Floats, Ints, Objects, find_parts


def _squares_up_to(k: Ints) -> Ints:
    """0² + 1² + ... + k²."""
    return k * (k + 1) * (2 * k + 1) // 6


def moments(objects: Objects) -> tuple[Floats, Floats]:
    """Centroids and central second moments of all objects.

    Sums are of whole numbers, from each object's own corner, hence exact.

    Returns
    -------
    (float64 array (n, 2), float64 array (n, 3))
        Mean row and column; second moments yy, xx, yx divided by the area. In pixels.
    """
    corner = objects.bbox[:, :2]
    y = objects.y - corner[objects.owner, 0]
    left, right = (edge - corner[objects.owner, 1] for edge in (objects.left, objects.right))
    lengths = objects.lengths
    sum_x = (left + right) * lengths // 2
    sums = np.stack(
        [y * lengths, sum_x, y * y * lengths, _squares_up_to(right) - _squares_up_to(left - 1), y * sum_x],
        axis=1,
    )
    y1, x1, yy, xx, yx = (objects.over_runs(sums) / objects.counts[:, None]).T
    return corner + np.stack([y1, x1], axis=1), np.stack([yy - y1 * y1, xx - x1 * x1, yx - y1 * x1], axis=1)


def ellipse(second: Floats, pixel_size: tuple[float, ...]) -> dict[str, Floats]:
    """Axes, direction and eccentricity of the ellipse with the same second moments.

    Parameters
    ----------
    second : float64 array (n, 3)
        From `moments`, in pixels².
    pixel_size : (float, float)
        Height and width of a pixel.

    Returns
    -------
    dict
        `major_axis` and `minor_axis` in the unit of `pixel_size`, `orientation` in radians,
        `eccentricity`; each (n,).
    """
    height, width = pixel_size
    yy, xx, yx = (second * (height**2, width**2, height * width)).T
    mean, apart = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    largest, smallest = mean + apart, np.maximum(mean - apart, 0)
    ratio = np.divide(smallest, largest, out=np.ones(len(largest)), where=largest > 0)
    round_ = np.isclose(ratio, 1, rtol=0, atol=1e-12)
    return {
        "major_axis": 4 * np.sqrt(largest),
        "minor_axis": 4 * np.sqrt(smallest),
        "orientation": np.where(round_, np.nan, 0.5 * np.arctan2(2 * yx, yy - xx)),
        "eccentricity": np.sqrt(1 - ratio),
    }


def measure_shape(objects: Objects, pixel_size: tuple[float, ...]) -> dict[str, NDArray[Any]]:
    """Shape and position columns that need no outline.

    Parameters
    ----------
    objects : Objects
        n of them, at least one.
    pixel_size : (float, float)
        Height and width of a pixel, in physical units.

    Returns
    -------
    dict
        Column name -> array (n,).
    """
    box = objects.bbox
    centroid, second = moments(objects)
    parts = find_parts(objects)
    filled = hull.convex_rows(hull.rows_of(objects))
    hulls = hull.hulls_of(filled)
    columns: dict[str, NDArray[Any]] = {
        "bbox_y0": box[:, 0],
        "bbox_x0": box[:, 1],
        "bbox_y1": box[:, 2],
        "bbox_x1": box[:, 3],
        "touches_border": (box[:, :2] == 0).any(axis=1) | (box[:, 2:] == objects.shape).any(axis=1),
        "frame_share": objects.counts / (objects.shape[0] * objects.shape[1]),
        "solidity": objects.counts / hull.areas(filled),
        "euler_number": parts.euler,
        "parts": parts.counts,
        "second_part": parts.second,
    }
    for mark, size in (("_px", (1.0, 1.0)), ("", pixel_size)):
        ellipses = ellipse(second, size)
        largest, smallest = hull.feret(hulls, size)
        area = objects.counts * (size[0] * size[1])
        columns |= {
            f"area{mark}": area,
            f"convex_area{mark}": hull.areas(filled) * (size[0] * size[1]),
            f"equivalent_diameter{mark}": np.sqrt(4 * area / np.pi),
            f"major_axis{mark}": ellipses["major_axis"],
            f"minor_axis{mark}": ellipses["minor_axis"],
            f"feret_max{mark}": largest,
            f"feret_min{mark}": smallest,
            f"centroid_y{mark}": centroid[:, 0] * size[0],
            f"centroid_x{mark}": centroid[:, 1] * size[1],
        }
    return columns | {name: ellipses[name] for name in ("orientation", "eccentricity")}
