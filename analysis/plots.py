"""Pictures of the tables, each drawn into a matplotlib Axes."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from napari_sam2.analysis.colours import object_colour
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.events import measure_activity
from napari_sam2.analysis.intervals import cut_intervals
from napari_sam2.analysis.tables import complete_scale, describe
from napari_sam2.analysis.tracks import tracks_of

_MOST_ROWS = 40
"""Objects in a timeline; more cannot be read on a page."""


def _colour(object_id: int) -> tuple[float, float, float]:
    red, green, blue = object_colour(object_id)
    return red / 255, green / 255, blue / 255


def _unit_of(table: pd.DataFrame, column: str) -> str:
    units = {one["name"]: str(one["unit"]) for one in describe(table)["columns"]}
    if column not in units:
        raise MeasureError(f"The table has no column {column!r}; it has {', '.join(units)}.")
    return units[column]


def plot_trajectories(ax: Axes, regions: pd.DataFrame, image_yx: NDArray[Any] | None = None) -> None:
    """Paths of the centroids in the image plane, a dot where each begins.

    Parameters
    ----------
    ax : Axes
        To draw into.
    regions : DataFrame
        From `measure_regions` or `measure_volumes`.
    image_yx : array (y, x) or (y, x, 3), optional
        Shown behind, from its 1st to its 99th percentile.
    """
    scale = complete_scale(regions)
    height, width = scale.pixel_size[-2:]
    if image_yx is not None:
        ny, nx = image_yx.shape[:2]
        extent = (-width / 2, (nx - 0.5) * width, (ny - 0.5) * height, -height / 2)
        if image_yx.ndim == 3:
            ax.imshow(image_yx, extent=extent)
        else:
            low, high = np.nanpercentile(image_yx, (1, 99))
            ax.imshow(image_yx, cmap="gray", vmin=low, vmax=high, extent=extent)
    else:
        ax.invert_yaxis()
        ax.set_aspect("equal")
    for object_id, _, positions, _ in tracks_of(regions):
        y, x = positions.T[-2:]
        ax.plot(x, y, color=_colour(object_id), linewidth=1)
        ax.plot(x[0], y[0], "o", color=_colour(object_id), markersize=3)
    ax.set_xlabel(f"x ({scale.unit})")
    ax.set_ylabel(f"y ({scale.unit})")


def plot_distribution(ax: Axes, table: pd.DataFrame, column: str) -> None:
    """Histogram of a column, its median marked; numbers that are NaN are counted in the title.

    Parameters
    ----------
    ax : Axes
        To draw into.
    table : DataFrame
        One of ours.
    column : str
        Of numbers.
    """
    unit = _unit_of(table, column)
    values = table[column].to_numpy(np.float64)
    known = values[np.isfinite(values)]
    if len(known):
        ax.hist(known, bins="auto" if np.ptp(known) > 0 else 1, color="0.6")
        ax.axvline(float(np.median(known)), color="black", linewidth=1)
    missing = f", {len(values) - len(known)} undefined" if len(known) < len(values) else ""
    ax.set_title(f"{column.replace('_', ' ')} (n = {len(known)}{missing})", fontsize=9)
    # Long numbers would run into each other.
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel(unit if unit != "1" else "")
    ax.set_ylabel("count")


def plot_over_frames(ax: Axes, regions: pd.DataFrame, column: str) -> None:
    """A column over time or depth: a line for each object and, over time, their median in black.

    Parameters
    ----------
    ax : Axes
        To draw into.
    regions : DataFrame
        From `measure_regions` or `measure_volumes`.
    column : str
        Of numbers.
    """
    scale, unit = complete_scale(regions), _unit_of(regions, column)
    for object_id, _, _, rows in tracks_of(regions):
        ax.plot(rows["frame"] * scale.step, rows[column], color=_colour(object_id), linewidth=0.6, alpha=0.6)
    if scale.axis == "t":
        median = regions.groupby("frame")[column].median()
        ax.plot(median.index.to_numpy() * scale.step, median.to_numpy(), color="black", linewidth=1.5)
    ax.set_xlabel(("time" if scale.axis == "t" else "depth") + f" ({scale.step_unit})")
    ax.set_ylabel(f"{column.replace('_', ' ')} ({unit})")


def plot_timeline(ax: Axes, regions: pd.DataFrame) -> None:
    """A bar for each stay of an object on screen; where it is active the bar is full, else pale.

    Parameters
    ----------
    ax : Axes
        To draw into.
    regions : DataFrame
        From `measure_regions`. Of more objects than fit, those longest on screen are drawn.
    """
    scale = complete_scale(regions)
    longest = regions["object_id"].value_counts(sort=True).index[:_MOST_ROWS]
    shown = sorted(int(object_id) for object_id in longest)
    moving = measure_activity(regions) if scale.axis == "t" and "frame_share" in regions.columns else None
    for row, object_id in enumerate(shown):
        mine = regions.loc[regions["object_id"] == object_id, "frame"].sort_values().to_numpy(np.int64)
        bars = [
            (one.first * scale.step, (one.last + 1 - one.first) * scale.step)
            for one in cut_intervals(mine, 0)
        ]
        ax.broken_barh(bars, (row - 0.4, 0.8), color=_colour(object_id), alpha=0.35)
        if moving is not None:
            active = moving[(moving["object_id"] == object_id) & moving["active"].fillna(False)]["frame"]
            frames = active.to_numpy(np.int64)
            if len(frames):
                bars = [
                    (o.first * scale.step, (o.last + 1 - o.first) * scale.step)
                    for o in cut_intervals(frames, 0)
                ]
                ax.broken_barh(bars, (row - 0.4, 0.8), color=_colour(object_id))
    ax.set_yticks(range(len(shown)), [str(object_id) for object_id in shown], fontsize=6)
    ax.invert_yaxis()
    n_objects = regions["object_id"].nunique()
    left_out = f", {len(shown)} of {n_objects} objects" if n_objects > len(shown) else ""
    ax.set_title(
        f"on screen (full: moving){left_out}" if moving is not None else f"present{left_out}", fontsize=9
    )
    ax.set_xlabel(("time" if scale.axis == "t" else "depth") + f" ({scale.step_unit})")
    ax.set_ylabel("object")


def _places(lineage: pd.DataFrame) -> dict[int, float]:
    """A row for each cell of the families that divide: leaves one below the other, parents between."""
    children: dict[int, list[int]] = {}
    for cell, parent in zip(lineage["cell_id"].tolist(), lineage["parent_cell"].tolist(), strict=True):
        if pd.notna(parent):
            children.setdefault(int(parent), []).append(cell)
    places: dict[int, float] = {}
    free = 0

    def place(cell: int) -> float:
        nonlocal free
        below = [place(child) for child in children.get(cell, ())]
        if not below:
            free += 1
        places[cell] = sum(below) / len(below) if below else float(free)
        return places[cell]

    roots: Iterable[int] = lineage.loc[lineage["parent_cell"].isna(), "cell_id"]
    for root in roots:
        if root in children:
            place(root)
    return places


def plot_lineage(ax: Axes, lineage: pd.DataFrame) -> None:
    """Family trees from left to right in time; cells that neither divide nor were born are left out.

    Parameters
    ----------
    ax : Axes
        To draw into.
    lineage : DataFrame
        From `measure_lineage`.
    """
    scale = complete_scale(lineage)
    places = _places(lineage)
    drawn = lineage[lineage["cell_id"].isin(places)]
    for cell in drawn.to_dict("records"):
        row, begin = places[cell["cell_id"]], cell["first_frame"] * scale.step
        end = (cell["last_frame"] + 1) * scale.step
        ax.plot(
            [begin, end], [row, row], color=_colour(cell["object_id"]), linewidth=2, solid_capstyle="butt"
        )
        ax.annotate(str(cell["object_id"]), (begin, row), fontsize=6, va="bottom")
        if pd.notna(cell["parent_cell"]):
            ax.plot([begin, begin], [places[int(cell["parent_cell"])], row], color="0.5", linewidth=0.8)
    ax.invert_yaxis()
    ax.set_yticks([])
    n_divisions = int((lineage["ends"] == "division").sum())
    ax.set_title(f"lineage: divisions {n_divisions}, cells without {len(lineage) - len(drawn)}", fontsize=9)
    ax.set_xlabel(f"time ({scale.step_unit})")
