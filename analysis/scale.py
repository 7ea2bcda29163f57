"""How big a pixel and a step are, checked once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from napari_sam2.analysis.errors import MeasureError


@dataclass(frozen=True)
class Scale:
    """Sizes that turn pixels and frames into physical numbers.

    Attributes
    ----------
    pixel_size : tuple of float
        Height and width of a pixel, or depth, height and width of a voxel, in `unit`.
    unit : str
        Unit of lengths in the frame.
    step : float
        Time between frames (axis "t") or distance between slices (axis "z"), in `step_unit`.
    step_unit : str
        Unit along the axis.
    axis : str
        "t" or "z".
    """

    pixel_size: tuple[float, ...]
    unit: str
    step: float
    step_unit: str
    axis: str

    @property
    def isotropic(self) -> bool:
        """Whether pixels are square; file formats round sizes, so 0.01 % is forgiven."""
        return math.isclose(*self.pixel_size, rel_tol=1e-4)


def _read_sizes(sizes: Sequence[float], n: int, what: str, parts: str) -> tuple[float, ...]:
    if len(sizes) != n or not all(
        isinstance(size, Real) and math.isfinite(size) and size > 0 for size in sizes
    ):
        raise MeasureError(f"{what} is {sizes}; give {parts} as positive numbers, or None when unknown.")
    return tuple(map(float, sizes))


def _read_step(step: float | None, step_unit: str, axis: str) -> tuple[float, str]:
    if step is None:
        return 1.0, "frame" if axis == "t" else "slice"
    if not (math.isfinite(step) and step > 0):
        raise MeasureError(f"step is {step}; give a positive frame interval or slice spacing, or None.")
    return float(step), step_unit


def read_scale(
    pixel_size: float | Sequence[float] | None, unit: str, step: float | None, step_unit: str, axis: str
) -> Scale:
    """Check sizes given by a person; unknown ones count pixels and frames.

    Parameters
    ----------
    pixel_size : float, (float, float) or None
        Height and width of a pixel; one number for square pixels; None when unknown.
    unit : str
        Unit of `pixel_size`; not used when the size is unknown.
    step : float or None
        Frame interval or slice spacing; None when unknown.
    step_unit : str
        Unit of `step`; not used when the step is unknown.
    axis : str
        "t" or "z".

    Raises
    ------
    MeasureError
        A size that is not a positive number, or another axis.
    """
    if axis not in ("t", "z"):
        raise MeasureError(f"axis is {axis!r}; give 't' for time or 'z' for depth.")
    sizes: tuple[float, ...]
    if pixel_size is None:
        sizes, unit = (1.0, 1.0), "pixel"
    else:
        given = np.atleast_1d(pixel_size).tolist()
        given = given * 2 if len(given) == 1 else given
        sizes = _read_sizes(given, 2, "pixel_size", "the height and the width of a pixel")
    return Scale(sizes, unit, *_read_step(step, step_unit, axis), axis)


def read_voxel_scale(
    voxel_size: Sequence[float] | None, unit: str, step: float | None, step_unit: str
) -> Scale:
    """As `read_scale`, for volumes that follow in time.

    Parameters
    ----------
    voxel_size : (float, float, float) or None
        Depth, height and width of a voxel, in `unit`; None when unknown.
    unit, step, step_unit
        As in `read_scale`.

    Raises
    ------
    MeasureError
        A size that is not a positive number.
    """
    sizes: tuple[float, ...]
    if voxel_size is None:
        sizes, unit = (1.0, 1.0, 1.0), "pixel"
    else:
        sizes = _read_sizes(list(voxel_size), 3, "voxel_size", "the depth, height and width of a voxel")
    return Scale(sizes, unit, *_read_step(step, step_unit, "t"), "t")


_METRES = {
    "pm": 1e-12,
    "Å": 1e-10,
    "nm": 1e-9,
    "µm": 1e-6,
    "mm": 1e-3,
    "cm": 1e-2,
    "m": 1.0,
}


def size_of_voxel(
    pixel_size: float | Sequence[float] | None, unit: str, step: float | None, step_unit: str
) -> tuple[float, float, float] | None:
    """Depth, height and width of a voxel of a stack of slices, in `unit`; None where one is unknown.

    >>> size_of_voxel(0.5, "µm", 200, "nm")
    (0.2, 0.5, 0.5)
    """
    same = unit == step_unit
    if pixel_size is None or step is None or not (same or {unit, step_unit} <= set(_METRES)):
        return None
    depth = step if same else step * (_METRES[step_unit] / _METRES[unit])
    sizes = np.broadcast_to(np.asarray(pixel_size, np.float64), 2).tolist()
    return float(depth), sizes[0], sizes[1]
