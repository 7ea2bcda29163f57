"""Tables that carry their own description."""

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from napari_sam2.analysis.column import Column
from napari_sam2.analysis.columns import columns_of
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.scale import Scale, read_scale

ABOUT = "napari_sam2"
"""Where a table's description is in its `attrs`."""


def _version() -> str:
    try:
        return version("napari-sam2")
    except PackageNotFoundError:  # running from a checkout that was never installed
        return "0+unknown"


def make_table(
    name: str,
    data: pd.DataFrame | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    scale: Scale,
    *,
    channels: tuple[str, ...] = (),
    parameters: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Assemble a table in the declared order, with its description in `DataFrame.attrs`.

    Parameters
    ----------
    name : str
        Key of `COLUMNS`.
    data : DataFrame, mapping, or sequence of mappings
        Columns, or one mapping of column name to value for each row; a declared column that is not
        there becomes NaN.
    scale : Scale
        Units and sizes it was measured with.
    channels : tuple of str
        Names of the image channels.
    parameters : mapping, optional
        Whatever else decided the numbers; must fit into JSON.
    """
    columns = columns_of(name, scale, channels)
    given = pd.DataFrame(data, copy=False)
    undefined = pd.Series(np.nan, index=given.index)
    # Column by column and without copies where the type is right: a table may be the largest thing held.
    table = pd.DataFrame({c.name: given.get(c.name, undefined) for c in columns}, copy=False)
    table = table.astype({c.name: c.dtype for c in columns if table[c.name].dtype != c.dtype})
    table.attrs[ABOUT] = {
        "table": name,
        "software": "napari-sam2",
        "version": _version(),
        "axis": scale.axis,
        "pixel_size": list(scale.pixel_size),
        "unit": scale.unit,
        "step": scale.step,
        "step_unit": scale.step_unit,
        "channels": list(channels),
        "parameters": dict(parameters or {}),
    }
    return table


def _scale(about: Mapping[str, Any]) -> Scale:
    return Scale(tuple(about["pixel_size"]), about["unit"], about["step"], about["step_unit"], about["axis"])


def complete_scale(
    table: pd.DataFrame,
    *,
    unit: str | None = None,
    step: float | None = None,
    step_unit: str | None = None,
    axis: str | None = None,
) -> Scale:
    """Sizes and units of a table: what a person says of it, else what it says itself.

    A table from elsewhere says nothing: its lengths are in pixels, its steps are counted.
    """
    about = table.attrs.get(ABOUT)
    known = _scale(about) if about else read_scale(None, "pixel", None, "frame", axis or "t")
    if step is not None and not (math.isfinite(step) and step > 0):
        raise MeasureError(f"step is {step}; give a positive frame interval or slice spacing, or None.")
    return Scale(
        known.pixel_size,
        unit or known.unit,
        known.step if step is None else step,
        step_unit or known.step_unit,
        axis or known.axis,
    )


def frame_range(table: pd.DataFrame) -> tuple[int, int]:
    """First and last frame that were measured; those of the rows for a table from elsewhere."""
    measured = table.attrs.get(ABOUT, {}).get("parameters", {}).get("frames")
    if measured:
        return int(measured[0]), int(measured[1])
    return (int(table["frame"].min()), int(table["frame"].max())) if len(table) else (0, 0)


def channels_of(table: pd.DataFrame) -> tuple[str, ...]:
    """Names of the image channels a table was measured with."""
    return tuple(table.attrs.get(ABOUT, {}).get("channels", ()))


def describe(table: pd.DataFrame) -> dict[str, Any]:
    """Everything a reader needs to understand a table: version, parameters, and each column.

    Returns
    -------
    dict
        Fits into JSON. Columns that someone added are listed as not declared.

    Raises
    ------
    MeasureError
        The table was not made by this package.
    """
    about = table.attrs.get(ABOUT)
    if about is None:
        raise MeasureError(
            "This table does not say what it was measured with; write the table that measure_regions, "
            "measure_tracks or read_table returned, not one rebuilt from its values."
        )
    declared = {
        column.name: column for column in columns_of(about["table"], _scale(about), about["channels"])
    }
    columns = []
    for name in map(str, table.columns):
        column = declared.get(name) or Column(
            name, "", "Not declared by napari-sam2.", "", str(table[name].dtype)
        )
        columns.append(
            {
                "name": name,
                "unit": column.unit,
                "meaning": column.meaning,
                "formula": column.formula,
                "dtype": column.dtype,
            }
        )
    return {**about, "columns": columns}
