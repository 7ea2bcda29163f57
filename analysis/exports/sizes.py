"""How large a pixel and a step are, as writers take it: unknown stays unknown."""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.scale import read_scale, read_voxel_scale

# What OME-Zarr and GEFF call the units that have a symbol.
LENGTHS = {
    "Å": "angstrom",
    "pm": "picometer",
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "dm": "decimeter",
    "m": "meter",
    "km": "kilometer",
    "in": "inch",
    "ft": "foot",
}
TIMES = {
    "ns": "nanosecond",
    "µs": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
    "h": "hour",
    "d": "day",
}
_NAMES = LENGTHS | TIMES
_SYMBOLS = {name: symbol for symbol, name in _NAMES.items()}


def unit_name(symbol: str) -> str | None:
    """The name of a unit in OME-Zarr and GEFF, or None for one that they do not know.

    >>> unit_name("µm"), unit_name("pixel")
    ('micrometer', None)
    """
    return _NAMES.get(symbol, symbol if symbol in _SYMBOLS else None)


def unit_symbol(name: str) -> str:
    """The symbol of a unit that OME-Zarr or GEFF names; the name itself where it has none here."""
    return _SYMBOLS.get(name, name)


@dataclass(frozen=True)
class Sizes:
    """Sizes of label images.

    Attributes
    ----------
    pixel_size : tuple of float or None
        (y, x), or (z, y, x) where frames are volumes, in `unit`; None when unknown.
    unit : str
        Such as "µm"; "pixel" when unknown.
    step : float or None
        Between frames, in `step_unit`; None when unknown.
    step_unit : str
        Such as "s"; "frame" or "slice" when unknown.
    axis : str
        "t" or "z": what the frames follow.
    """

    pixel_size: tuple[float, ...] | None
    unit: str
    step: float | None
    step_unit: str
    axis: str


def read_sizes(
    pixel_size: float | Sequence[float] | None,
    unit: str,
    step: float | None,
    step_unit: str,
    axis: str,
    n_dims: int,
) -> Sizes:
    """Check sizes given by a person.

    Parameters
    ----------
    pixel_size, unit, step, step_unit, axis
        As the attributes of `Sizes`; one number for square pixels.
    n_dims : int
        2 where frames are (y, x), 3 where they are (z, y, x).

    Raises
    ------
    MeasureError
        A size that is not a positive number, another axis, or volumes that follow in depth.
    """
    if n_dims == 3 and axis == "z":
        raise MeasureError("Frames that are volumes cannot follow each other in depth; give axis='t'.")
    if n_dims == 3:
        given = [pixel_size] * 3 if isinstance(pixel_size, int | float) else pixel_size
        scale = read_voxel_scale(given, unit, step, step_unit)
    else:
        scale = read_scale(pixel_size, unit, step, step_unit, axis)
    return Sizes(
        None if pixel_size is None else scale.pixel_size,
        scale.unit,
        None if step is None else scale.step,
        scale.step_unit,
        axis,
    )
