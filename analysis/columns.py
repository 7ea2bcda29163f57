"""Every column of every table, declared once: name, unit, meaning, formula and type.

The tables' order of columns, the description written beside each CSV and `docs/measurements.md` are
all made from here.
"""

from collections.abc import Sequence
from dataclasses import replace

from napari_sam2.analysis.column import Column
from napari_sam2.analysis.event_columns import (
    ACTIVITY,
    CONTACT_INTERVALS,
    CONTACTS,
    INTERVALS,
    PRESENCE,
    QUALITY,
)
from napari_sam2.analysis.lineage_columns import DIVISIONS, LINEAGE, LINKS
from napari_sam2.analysis.region_columns import REGIONS, VOLUMES
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.score_columns import SCORES
from napari_sam2.analysis.track_columns import MSD, TRACKS

COLUMNS: dict[str, tuple[Column, ...]] = {
    "regions": REGIONS,
    "volumes": VOLUMES,
    "tracks": TRACKS,
    "msd": MSD,
    "divisions": DIVISIONS,
    "links": LINKS,
    "lineage": LINEAGE,
    "activity": ACTIVITY,
    "intervals": INTERVALS,
    "presence": PRESENCE,
    "contacts": CONTACTS,
    "contact_intervals": CONTACT_INTERVALS,
    "quality": QUALITY,
    "scores": SCORES,
}
"""The declared columns of each table, in the order in which they are written."""


def columns_of(table: str, scale: Scale, channels: Sequence[str] = ()) -> tuple[Column, ...]:
    """Columns of one measured table: channels spelled out, units filled in.

    Parameters
    ----------
    table : str
        A key of `COLUMNS`.
    scale : Scale
        Units and axis it was measured with.
    channels : sequence of str
        Names of the image channels; none when there was no image.

    Returns
    -------
    tuple of Column
        In the order of the table.
    """
    size = scale.unit + ("³" if len(scale.pixel_size) == 3 else "²")
    found = []
    for column in COLUMNS[table]:
        if column.axis not in (None, scale.axis):
            continue
        unit = column.unit.format(length=scale.unit, time=scale.step_unit, size=size)
        names = [column.name.format(channel=name) for name in channels]
        for name in names if "{channel}" in column.name else [column.name]:
            found.append(replace(column, name=name, unit=unit))
    return tuple(found)
