"""Checks of what a person gives, which bring it into the form that a session keeps.

Each takes the place it is for as words, such as "object 1, frame 3", and raises `InputError` with one
sentence that begins with that place and says what is allowed.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from napari_sam2.errors import InputError
from napari_sam2.session.masks import PackedMask
from napari_sam2.session.state import Value

MAX_OBJECT_ID = 2**31 - 1
"""Largest object id: label images are int32."""

DIRECTIONS = ("both", "forward", "backward")


def whole_number(value: Any, what: str) -> int:
    """`value` as an int; numpy's integers are welcome, True and False are not."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise InputError(f"{what} must be a whole number, not {value!r}") from None


def object_id(value: Any) -> int:
    """An object id, from 1 to `MAX_OBJECT_ID`."""
    number = whole_number(value, "object id")
    if not 1 <= number <= MAX_OBJECT_ID:
        raise InputError(f"object id {number} is not allowed; ids go from 1 to {MAX_OBJECT_ID}")
    return number


def object_ids(values: Any) -> tuple[int, ...]:
    """At least one object id, in ascending order."""
    try:
        ids = tuple(sorted({object_id(value) for value in values}))
    except TypeError:
        raise InputError(f"the objects to propagate must be a list of ids, not {values!r}") from None
    if not ids:
        raise InputError("the list of objects to propagate is empty; name some, or leave it out for all")
    return ids


def frame(value: Any, n_frames: int, where: str) -> int:
    """A frame that exists."""
    number = whole_number(value, f"{where}: frame")
    if not 0 <= number < n_frames:
        raise InputError(f"{where}: frame {number} does not exist; the image has frames 0 to {n_frames - 1}")
    return number


def position(value: Any, shape: tuple[int, int], where: str) -> tuple[float, float]:
    """One (y, x) inside the image, whose pixels reach half a pixel beyond their centres."""
    y, x = numbers(value, 2, f"{where}: a point", "(y, x)")
    height, width = shape
    if not (-0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5):
        raise InputError(
            f"{where}: point (y={y:g}, x={x:g}) is outside the image; "
            f"y must be from -0.5 to {height - 0.5} and x from -0.5 to {width - 0.5}"
        )
    return y, x


def positions(values: Iterable[Any], shape: tuple[int, int], where: str) -> tuple[tuple[float, float], ...]:
    """At least one (y, x) inside the image."""
    try:
        points = tuple(position(value, shape, where) for value in values)
    except TypeError:
        raise InputError(f"{where}: points must be a list of (y, x), not {values!r}") from None
    if not points:
        raise InputError(f"{where}: the list of points is empty; give at least one (y, x)")
    return points


def label(value: Any, where: str) -> int:
    """1 for a point inside the object, 0 for one outside."""
    if isinstance(value, bool | int | float | np.number | np.bool_) and value in (0, 1):
        return int(value)
    raise InputError(f"{where}: label {value!r} is not allowed; use 1 for inside the object, 0 for outside")


def labels(values: Iterable[Any], n_points: int, where: str) -> tuple[int, ...]:
    """One label for each point."""
    try:
        given = tuple(label(value, where) for value in values)
    except TypeError:
        raise InputError(f"{where}: labels must be a list of 1 and 0, not {values!r}") from None
    if len(given) != n_points:
        raise InputError(f"{where}: {n_points} points but {len(given)} labels; give one label for each point")
    return given


def box(value: Any, shape: tuple[int, int], where: str) -> tuple[float, float, float, float]:
    """Two opposite corners, ordered and cut to the image."""
    ya, xa, yb, xb = numbers(value, 4, f"{where}: a box", "(y0, x0, y1, x1)")
    y0, y1 = sorted((ya, yb))
    x0, x1 = sorted((xa, xb))
    if y0 == y1 or x0 == x1:
        raise InputError(f"{where}: the box {_corners(y0, x0, y1, x1)} is empty; give two opposite corners")
    bottom, right = shape[0] - 0.5, shape[1] - 0.5
    cut = max(y0, -0.5), max(x0, -0.5), min(y1, bottom), min(x1, right)
    if cut[0] >= cut[2] or cut[1] >= cut[3]:
        raise InputError(
            f"{where}: the box {_corners(y0, x0, y1, x1)} is outside the image, "
            f"whose y goes from -0.5 to {bottom} and x from -0.5 to {right}"
        )
    return cut


def mask(value: Any, shape: tuple[int, int], where: str) -> PackedMask:
    """A bool array of the frame's shape, or one already packed."""
    if not isinstance(value, PackedMask):
        value = np.asarray(value)
        if value.dtype != bool:
            raise InputError(f"{where}: the mask holds {value.dtype} values; give bool, such as labels == 3")
    if value.shape != shape:
        raise InputError(f"{where}: the mask has shape {value.shape}, but the frames have {shape}")
    return value if isinstance(value, PackedMask) else PackedMask.of(value)


def span(start: Any, stop: Any, n_frames: int) -> tuple[int | None, int | None]:
    """Frames to output, as in `range`: from `start` to before `stop`; None leaves an end open."""
    if start is not None:
        start = whole_number(start, "start")
        if not 0 <= start < n_frames:
            raise InputError(f"start {start} does not exist; the image has frames 0 to {n_frames - 1}")
    if stop is not None:
        stop = whole_number(stop, "stop")
        least = (start or 0) + 1
        if not least <= stop <= n_frames:
            raise InputError(
                f"stop {stop} is not allowed; it is the first frame left out, from {least} to {n_frames}"
            )
    return start, stop


def direction(value: Any) -> str:
    """One of `DIRECTIONS`."""
    if value not in DIRECTIONS:
        raise InputError(f"direction {value!r} is not known; choose both, forward or backward")
    return str(value)


def daughters(values: Any, where: str) -> tuple[int, ...]:
    """At most two different object ids."""
    try:
        ids = tuple(object_id(value) for value in values)
    except TypeError:
        raise InputError(f"{where}: daughters must be a list of ids, not {values!r}") from None
    if len(ids) > 2 or len(set(ids)) < len(ids):
        raise InputError(f"{where}: the daughters are {list(ids)}; give at most two different ids")
    return ids


def text(value: Any, what: str) -> str:
    """A name with at least one character that can be seen."""
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what} must be text, not {value!r}")
    return value


def parameter(value: Any, name: str) -> Value:
    """A value that a session file can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str | bool | int | None) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise InputError(
        f"parameter {name!r} cannot be {value!r}; give text, a finite number, True, False or None"
    )


def numbers(value: Any, count: int, what: str, form: str) -> Sequence[float]:
    """`count` finite numbers."""
    try:
        given = [float(number) for number in value]
    except (TypeError, ValueError, OverflowError):
        given = []
    if len(given) != count or not all(map(math.isfinite, given)):
        raise InputError(f"{what} must be {count} finite numbers {form}, not {value!r}")
    return given


def _corners(y0: float, x0: float, y1: float, x1: float) -> str:
    return f"(y {y0:g} to {y1:g}, x {x0:g} to {x1:g})"
