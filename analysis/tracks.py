"""The track table: one row for each object, summed up over its frames."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.scale import Scale, read_scale
from napari_sam2.analysis.tables import channels_of, make_table, scale_of

_NEEDED = ("object_id", "frame", "centroid_y", "centroid_x")


def _check(regions: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in _NEEDED if name not in regions.columns]
    if missing:
        raise MeasureError(
            f"The region table has no column {missing[0]!r}; tracks need object_id, frame, centroid_y "
            "and centroid_x."
        )
    twice = regions[regions.duplicated(["object_id", "frame"])]
    if len(twice):
        raise MeasureError(
            f"The region table has two rows for object {twice['object_id'].iloc[0]} on frame "
            f"{twice['frame'].iloc[0]}; give one row for each object and frame."
        )
    return regions.sort_values(["object_id", "frame"], kind="stable")


def _measure_track(frame: NDArray[np.int64], centroid: NDArray[np.float64], scale: Scale) -> dict[str, Any]:
    """One row; `frame` (k,) ascending, `centroid` (k, 2) in physical units."""
    steps = np.hypot(*np.diff(centroid, axis=0).T)
    moves = len(frame) > 1
    duration = (frame[-1] - frame[0]) * scale.step
    path = float(steps.sum()) if moves else np.nan
    return {
        "first_frame": frame[0],
        "last_frame": frame[-1],
        "frames_present": len(frame),
        "gaps": int((np.diff(frame) > 1).sum()),
        "frames_missing": frame[-1] - frame[0] + 1 - len(frame),
        "duration": duration,
        "path_length": path,
        "net_displacement": float(np.hypot(*(centroid[-1] - centroid[0]))) if moves else np.nan,
        "mean_speed": path / duration if moves else np.nan,
    }


def measure_tracks(
    regions: pd.DataFrame,
    *,
    unit: str | None = None,
    step: float | None = None,
    step_unit: str | None = None,
    axis: str | None = None,
) -> pd.DataFrame:
    """Sum up each object over the frames on which it is present.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions`, or any table with object_id, frame, centroid_y and centroid_x.
    unit, step, step_unit, axis : optional
        Needed only for a table from elsewhere; `measure_regions` writes them into its table.

    Returns
    -------
    DataFrame
        One row for each object, sorted by id. `COLUMNS["tracks"]` says what each column means.

    Raises
    ------
    MeasureError
        A column is missing, or an object has two rows on one frame.
    """
    scale = scale_of(regions) or read_scale(1.0, "pixel", None, "frame", axis or "t")
    scale = read_scale(
        scale.pixel_size,
        unit or scale.unit,
        scale.step if step is None else step,
        step_unit or scale.step_unit,
        axis or scale.axis,
    )
    rows = []
    for object_id, one in _check(regions).groupby("object_id", sort=True):
        frame = one["frame"].to_numpy(dtype=np.int64)
        centroid = one[["centroid_y", "centroid_x"]].to_numpy(dtype=np.float64)
        rows.append({"object_id": object_id, **_measure_track(frame, centroid, scale)})
    data = {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ("object_id",))}
    return make_table("tracks", data, scale, channels=channels_of(regions))
