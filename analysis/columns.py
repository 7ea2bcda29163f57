"""Every column of every table, declared once: name, unit, meaning, formula and type.

The tables' order of columns, the description written beside each CSV and `docs/measurements.md` are
all made from here.
"""

from collections.abc import Sequence
from dataclasses import replace

from napari_sam2.analysis.column import Column
from napari_sam2.analysis.region_columns import REGIONS, VOLUMES
from napari_sam2.analysis.track_columns import TRACKS

COLUMNS: dict[str, tuple[Column, ...]] = {"regions": REGIONS, "volumes": VOLUMES, "tracks": TRACKS}
"""The declared columns of each table, in the order in which they are written."""


def columns_of(
    table: str, *, axis: str, unit: str, step_unit: str, channels: Sequence[str] = ()
) -> tuple[Column, ...]:
    """Columns of one measured table: channels spelled out, units filled in.

    Parameters
    ----------
    table : str
        A key of `COLUMNS`.
    axis : str
        "t" or "z".
    unit, step_unit : str
        Units of lengths in the frame and along the axis.
    channels : sequence of str
        Names of the image channels; none when there was no image.

    Returns
    -------
    tuple of Column
        In the order of the table.
    """
    found = []
    for column in COLUMNS[table]:
        if column.axis not in (None, axis):
            continue
        column = replace(column, unit=column.unit.format(length=unit, time=step_unit))
        if "{channel}" in column.name:
            found += [replace(column, name=column.name.format(channel=name)) for name in channels]
        else:
            found.append(column)
    return tuple(found)
