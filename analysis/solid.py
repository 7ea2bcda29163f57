"""Shape of one object in three dimensions, from its runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from napari_sam2.analysis.objects import Floats, Ints, ranges

_TOLERANCE = 1e-10
"""How far outside the hull, in voxels, a centre may lie; as in scikit-image's `convex_hull_image`."""


@dataclass(frozen=True, eq=False)
class Solid:
    """Runs of one object, sorted by slice, row and column.

    Attributes
    ----------
    z, y, left, right : int64 array (runs,)
        Slice, row, first and last column.
    """

    z: Ints
    y: Ints
    left: Ints
    right: Ints

    @property
    def lengths(self) -> Ints:
        """Voxels of each run (runs,)."""
        return self.right - self.left + 1

    @property
    def box(self) -> tuple[Ints, Ints]:
        """First voxel, and voxel after the last, along z, y, x."""
        first = np.array([self.z.min(), self.y.min(), self.left.min()])
        return first, np.array([self.z.max(), self.y.max(), self.right.max()]) + 1

    def mask(self) -> NDArray[np.bool_]:
        """The object in its box with one empty voxel around (z, y, x)."""
        first, after = self.box
        mask_zyx = np.zeros(after - first + 2, dtype=bool)
        starts = np.ravel_multi_index(
            (self.z - first[0] + 1, self.y - first[1] + 1, self.left - first[2] + 1), mask_zyx.shape
        )
        mask_zyx.ravel()[ranges(starts, self.lengths)] = True
        return mask_zyx


def moments(solid: Solid) -> tuple[Floats, Floats]:
    """Centroid (3,) and central second moments (3, 3) divided by the volume, in voxels; exact sums."""
    first, _ = solid.box
    z, y = solid.z - first[0], solid.y - first[1]
    left, right, lengths = solid.left - first[2], solid.right - first[2], solid.lengths
    x = (left + right) * lengths // 2
    xx = (right * (right + 1) * (2 * right + 1) - (left - 1) * left * (2 * left - 1)) // 6
    n = lengths.sum()
    mean = np.array([(z * lengths).sum(), (y * lengths).sum(), x.sum()]) / n
    zy, zx, yx = (z * y * lengths).sum(), (z * x).sum(), (y * x).sum()
    raw = np.array([[(z * z * lengths).sum(), zy, zx], [zy, (y * y * lengths).sum(), yx], [zx, yx, xx.sum()]])
    return first + mean, raw / n - np.outer(mean, mean)


def ellipsoid_axes(second: Floats, voxel_size: tuple[float, ...]) -> Floats:
    """Major, middle and minor axis of the ellipsoid with the same second moments."""
    scaled = second * np.outer(voxel_size, voxel_size)
    inertia = np.eye(3) * np.trace(scaled) - scaled
    small, middle, large = np.clip(np.linalg.eigvalsh(inertia), 0, None)
    squares = np.array([large + middle - small, large - middle + small, -large + middle + small])
    axes: Floats = np.sqrt(np.maximum(10 * squares, 0))
    return axes


def _face_middles(solid: Solid) -> Floats:
    """Middles of the faces of the voxels at both ends of each run, each once: their hull is the object's."""
    first, after = solid.box
    ends = np.concatenate([np.stack([solid.z, solid.y, x], axis=1) for x in (solid.left, solid.right)])
    faces = np.concatenate([np.eye(3, dtype=np.int64), -np.eye(3, dtype=np.int64)])
    doubled = (2 * (ends - first)[:, None] + 1 + faces).reshape(-1, 3)
    shape = tuple(2 * (after - first) + 1)
    once = np.unique(np.ravel_multi_index(tuple(doubled.T), shape))
    return (np.stack(np.unravel_index(once, shape), axis=1) - 1) / 2 + first


def convex_solid(solid: Solid) -> Solid:
    """Fill the convex hull: the voxels whose centre lies in the hull of the voxels' face middles.

    Equal to scikit-image's `convex_hull_image`, which is not defined for flat objects; this one is.
    """
    equations = np.unique(ConvexHull(_face_middles(solid)).equations, axis=0)
    first, after = solid.box
    z, y = (axis.ravel() for axis in np.mgrid[first[0] : after[0], first[1] : after[1]])
    low, high = np.full(len(z), -np.inf), np.full(len(z), np.inf)
    for normal_z, normal_y, normal_x, offset in equations:
        room = _TOLERANCE - offset - normal_z * z - normal_y * y
        if normal_x > 0:
            np.minimum(high, room / normal_x, out=high)
        elif normal_x < 0:
            np.maximum(low, room / normal_x, out=low)
        else:
            high[room < 0] = -np.inf
    left, right = np.maximum(np.ceil(low), first[2]), np.minimum(np.floor(high), after[2] - 1)
    full = left <= right
    return Solid(z[full], y[full], left[full].astype(np.int64), right[full].astype(np.int64))


def _extent(corners: Floats, voxel_size: tuple[float, ...]) -> float:
    return float(pdist(corners * voxel_size).max())


def measure_solid(
    solid: Solid, stack_shape: tuple[int, int, int], voxel_size: tuple[float, ...]
) -> dict[str, Any]:
    """Shape and position of one object.

    Parameters
    ----------
    solid : Solid
        At least one run.
    stack_shape : (int, int, int)
        Size of the stack (z, y, x), to see whether the object touches its faces.
    voxel_size : (float, float, float)
        Depth, height and width of a voxel, in physical units.

    Returns
    -------
    dict
        Column name -> number.
    """
    from skimage.measure import euler_number, marching_cubes, mesh_surface_area

    first, after = solid.box
    centroid, second = moments(solid)
    n = int(solid.lengths.sum())
    convex = convex_solid(solid)
    n_convex = int(convex.lengths.sum())
    middles = _face_middles(convex)
    corners = middles[ConvexHull(middles).vertices]
    mask_zyx = solid.mask()
    parts = np.sort(np.bincount(ndimage.label(mask_zyx, np.ones((3, 3, 3)))[0].ravel())[1:])
    vertices, faces, *_ = marching_cubes(mask_zyx, 0.5)  # type: ignore[no-untyped-call]
    numbers: dict[str, Any] = {
        "solidity": n / n_convex,
        "euler_number": euler_number(mask_zyx, 3),  # type: ignore[no-untyped-call]
        "parts": len(parts),
        "second_part": parts[-2] / parts[-1] if len(parts) > 1 else np.nan,
        "touches_border": bool((first == 0).any() or (after == stack_shape).any()),
    }
    for mark, size in (("_px", (1.0, 1.0, 1.0)), ("", voxel_size)):
        voxel = float(np.prod(size))
        surface = float(mesh_surface_area(vertices * size, faces))  # type: ignore[no-untyped-call]
        major, middle, minor = ellipsoid_axes(second, size)
        numbers |= {
            f"volume{mark}": n * voxel,
            f"convex_volume{mark}": n_convex * voxel,
            f"surface{mark}": surface,
            f"equivalent_diameter{mark}": (6 * n * voxel / np.pi) ** (1 / 3),
            f"major_axis{mark}": major,
            f"middle_axis{mark}": middle,
            f"minor_axis{mark}": minor,
            f"feret_max{mark}": _extent(corners, size),
        }
        numbers |= {f"centroid_{a}{mark}": c * s for a, c, s in zip("zyx", centroid, size, strict=True)}
    numbers["sphericity"] = np.pi ** (1 / 3) * (6 * numbers["volume"]) ** (2 / 3) / numbers["surface"]
    for axis, begin, end in zip("zyx", first, after, strict=True):
        numbers |= {f"bbox_{axis}0": begin, f"bbox_{axis}1": end}
    return numbers
