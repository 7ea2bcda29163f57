"""Every column of every table, declared once: name, unit, meaning, formula and type.

The tables' order of columns, the description written beside each CSV and `docs/measurements.md` are
all made from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Column:
    """One declared column.

    Attributes
    ----------
    name : str
        `{channel}` in it stands for the name of each image channel.
    unit : str
        `{length}` and `{time}` stand for the units the table was measured in; "1" is a plain number.
    meaning : str
        What the number says, in one sentence.
    formula : str
        How it is computed, or where it comes from.
    dtype : str
        "int64", "float64", "bool" or "str".
    axis : str or None
        "t" or "z" where the column exists only for a time-lapse or only for a stack of slices.
    """

    name: str
    unit: str
    meaning: str
    formula: str
    dtype: str = "float64"
    axis: str | None = None


def in_both(name: str, power: int, meaning: str, formula: str) -> tuple[Column, Column]:
    """One size as two columns: `name_px` in pixels and `name` in physical units.

    Parameters
    ----------
    name, meaning, formula : str
        As in `Column`.
    power : int
        1 for a length, 2 for an area.
    """
    mark = "²" if power == 2 else ""
    return (
        Column(f"{name}_px", "pixel" + mark, f"{meaning}, in pixels.", formula),
        Column(name, "{length}" + mark, f"{meaning}, in physical units.", formula),
    )


_ID = Column("object_id", "1", "The object's label value.", "label image", "int64")

_REGIONS = (
    _ID,
    Column("frame", "1", "Frame (or slice) index along the propagation axis, from 0.", "position", "int64"),
    Column("time", "{time}", "Time of the frame since frame 0.", "frame × step", axis="t"),
    Column("depth", "{time}", "Depth of the slice below slice 0.", "frame × step", axis="z"),
    *in_both("area", 2, "Area of the object", "number of pixels × pixel area"),
    *in_both("centroid_y", 1, "Row of the centroid", "mean row of the pixels' centres × pixel height"),
    *in_both("centroid_x", 1, "Column of the centroid", "mean column of the pixels' centres × pixel width"),
    Column("bbox_y0", "pixel", "First row of the bounding box.", "smallest row", "int64"),
    Column("bbox_x0", "pixel", "First column of the bounding box.", "smallest column", "int64"),
    Column("bbox_y1", "pixel", "Row after the last of the bounding box.", "largest row + 1", "int64"),
    Column("bbox_x1", "pixel", "Column after the last of the bounding box.", "largest column + 1", "int64"),
    Column(
        "eccentricity",
        "1",
        "Elongation of the ellipse with the object's second moments: 0 for a circle, towards 1 for a line.",
        "√(1 − λ₂/λ₁), λ₁ ≥ λ₂ the eigenvalues of the inertia tensor in physical units; 0 for one pixel "
        "(scikit-image `eccentricity`)",
    ),
    Column(
        "solidity",
        "1",
        "Share of its convex hull that the object fills.",
        "area / area of the convex hull (scikit-image `solidity`)",
    ),
    Column("intensity_mean_{channel}", "intensity", "Mean intensity.", "Σ I / number of pixels"),
    Column(
        "intensity_std_{channel}",
        "intensity",
        "Spread of the intensities.",
        "√(Σ (I − mean)² / number of pixels)",
    ),
    Column("intensity_min_{channel}", "intensity", "Smallest intensity.", "min I"),
    Column("intensity_max_{channel}", "intensity", "Largest intensity.", "max I"),
    Column(
        "predicted_iou",
        "1",
        "The model's own estimate of the mask's IoU, 0 to 1; NaN for masks that come without one.",
        "SAM 2 mask decoder (Ravi et al. 2024)",
    ),
    Column(
        "object_score",
        "1",
        "The model's probability that the object is visible, 0 to 1; NaN for masks that come without one.",
        "SAM 2 occlusion head (Ravi et al. 2024)",
    ),
)

_TRACKS = (
    _ID,
    Column("first_frame", "1", "First frame on which the object is present.", "min frame", "int64"),
    Column("last_frame", "1", "Last frame on which the object is present.", "max frame", "int64"),
    Column("frames_present", "1", "Number of frames on which the object is present.", "count", "int64"),
    Column(
        "gaps", "1", "Number of times the object vanishes and comes back.", "runs of missing frames", "int64"
    ),
    Column(
        "frames_missing",
        "1",
        "Number of frames between first and last on which the object is absent.",
        "last − first + 1 − frames present",
        "int64",
    ),
    Column("duration", "{time}", "Time from the first to the last frame.", "(last − first) × step"),
    Column(
        "path_length",
        "{length}",
        "Length of the centroid's path; over a gap the path is straight. NaN for a single frame.",
        "Σ |r(k+1) − r(k)| over the frames present",
    ),
    Column(
        "net_displacement",
        "{length}",
        "Straight distance from the first to the last centroid. NaN for a single frame.",
        "|r(last) − r(first)|",
    ),
    Column(
        "mean_speed",
        "{length}/{time}",
        "Mean speed along the path. NaN for a single frame.",
        "path length / duration",
        axis="t",
    ),
)

COLUMNS: dict[str, tuple[Column, ...]] = {"regions": _REGIONS, "tracks": _TRACKS}
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
