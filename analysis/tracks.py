"""The track table: one row for each object, summed up over its frames."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.motion import (
    fit_diffusion,
    mean_squared_displacement,
    on_every_frame,
    slope,
    turning_angles,
)
from napari_sam2.analysis.objects import Floats, Ints
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.tables import channels_of, complete_scale, make_table


def check_regions(regions: pd.DataFrame, *more: str) -> pd.DataFrame:
    """The table sorted by object and frame.

    Parameters
    ----------
    regions : DataFrame
        Needs object_id and frame.
    *more : str
        Further columns it needs.

    Raises
    ------
    MeasureError
        A column is missing, or an object has two rows on one frame.
    """
    missing = [name for name in ("object_id", "frame", *more) if name not in regions.columns]
    if missing:
        raise MeasureError(
            f"The table has no column {missing[0]!r}, which measure_regions writes; give its whole table."
        )
    # A long table is held once where it is in order already.
    rows = regions if _in_order(regions) else regions.sort_values(["object_id", "frame"], kind="stable")
    same = (rows[["object_id", "frame"]].diff().iloc[1:] == 0).all(axis=1).to_numpy()
    if same.any():
        object_id, frame = rows[["object_id", "frame"]].iloc[int(np.argmax(same))]
        raise MeasureError(
            f"The table has two rows for object {object_id} on frame {frame}; give one row for each object "
            "and frame."
        )
    return rows


def _in_order(rows: pd.DataFrame) -> bool:
    object_id, frame = (rows[name].to_numpy() for name in ("object_id", "frame"))
    later = object_id[1:] > object_id[:-1]
    return bool((later | ((object_id[1:] == object_id[:-1]) & (frame[1:] >= frame[:-1]))).all())


def tracks_of(regions: pd.DataFrame, *more: str) -> Iterator[tuple[int, Ints, Floats, pd.DataFrame]]:
    """Each object's id, frames (k,), centroids (k, d) in physical units, and rows, in order of frames.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` (d = 2) or `measure_volumes` (d = 3).
    *more : str
        Further columns that must be there.
    """
    axes = ["centroid_z"] * ("centroid_z" in regions.columns) + ["centroid_y", "centroid_x"]
    table = check_regions(regions, *axes, *more)
    ids, frames = table["object_id"].to_numpy(np.int64), table["frame"].to_numpy(np.int64)
    positions = table[axes].to_numpy(np.float64)
    starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1))
    for begin, end in pairwise([*starts.tolist(), len(ids)]):
        mine = slice(begin, end)
        yield int(ids[begin]), frames[mine], positions[mine], table.iloc[mine]


def _measure_path(frames: Ints, positions: Floats, scale: Scale) -> dict[str, Any]:
    moves = len(frames) > 1
    lengths = np.sqrt((np.diff(positions, axis=0) ** 2).sum(axis=1))
    speeds = lengths / (np.diff(frames) * scale.step)
    duration = (frames[-1] - frames[0]) * scale.step
    path = float(lengths.sum()) if moves else np.nan
    net = float(np.sqrt(((positions[-1] - positions[0]) ** 2).sum())) if moves else np.nan
    return {
        "first_frame": frames[0],
        "last_frame": frames[-1],
        "start": frames[0] * scale.step,
        "end": frames[-1] * scale.step,
        "duration": duration,
        "frames_present": len(frames),
        "gaps": int((np.diff(frames) > 1).sum()),
        "frames_missing": frames[-1] - frames[0] + 1 - len(frames),
        "path_length": path,
        "net_displacement": net,
        "straightness": net / path if path > 0 else np.nan,
        "mean_speed": path / duration if moves else np.nan,
        "median_speed": np.median(speeds) if moves else np.nan,
        "max_speed": speeds.max() if moves else np.nan,
    }


def _measure_motion(frames: Ints, positions: Floats, scale: Scale) -> dict[str, Any]:
    filled = on_every_frame(frames, positions)
    angles = turning_angles(filled)
    diffusion = fit_diffusion(filled, scale.step)
    return {
        "directional_persistence": np.cos(angles).mean() if len(angles) else np.nan,
        "mean_turning_angle": angles.mean() if len(angles) else np.nan,
        "diffusion_coefficient": diffusion.coefficient,
        "anomalous_exponent": diffusion.exponent,
        "anomalous_exponent_low": diffusion.low,
        "anomalous_exponent_high": diffusion.high,
        "fit_lags": diffusion.n_lags,
    }


def _measure_content(rows: pd.DataFrame, scale: Scale, channels: tuple[str, ...]) -> dict[str, Any]:
    times = rows["frame"].to_numpy(np.float64) * scale.step
    numbers: dict[str, Any] = {}
    for name in ("area", "volume"):
        if name in rows.columns:
            size = rows[name].to_numpy(np.float64)
            numbers |= {
                "mean_size": size.mean(),
                "growth_rate": slope(times, size),
                "relative_growth_rate": slope(times, np.log(size)),
            }
    for channel in channels:
        intensity = rows[f"intensity_mean_{channel}"].to_numpy(np.float64)
        numbers[f"intensity_mean_{channel}"] = intensity.mean()
        numbers[f"intensity_slope_{channel}"] = slope(times, intensity)
    return numbers


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
        From `measure_regions` or `measure_volumes`, or any table with object_id, frame, centroid_y and
        centroid_x (and centroid_z) in physical units; what it does not hold becomes NaN.
    unit, step, step_unit, axis : optional
        Needed only for a table from elsewhere; ours carry them.

    Returns
    -------
    DataFrame
        One row for each object, sorted by id. `COLUMNS["tracks"]` says what each column means.

    Raises
    ------
    MeasureError
        A column is missing, or an object has two rows on one frame.
    """
    scale = complete_scale(regions, unit=unit, step=step, step_unit=step_unit, axis=axis)
    channels = tuple(name for name in channels_of(regions) if f"intensity_mean_{name}" in regions.columns)
    rows = [
        {
            "object_id": object_id,
            **_measure_path(frames, positions, scale),
            **_measure_motion(frames, positions, scale),
            **_measure_content(its_rows, scale, channels),
        }
        for object_id, frames, positions, its_rows in tracks_of(regions)
    ]
    return make_table("tracks", rows, scale, channels=channels)


def measure_msd(
    regions: pd.DataFrame,
    *,
    max_lag: int | None = None,
    unit: str | None = None,
    step: float | None = None,
    step_unit: str | None = None,
) -> pd.DataFrame:
    """Mean squared displacement of each object over each lag.

    Parameters
    ----------
    regions : DataFrame
        As for `measure_tracks`; frames must follow in time.
    max_lag : int, optional
        Longest lag, in frames; each track's own length when not given.
    unit, step, step_unit : optional
        As for `measure_tracks`.

    Returns
    -------
    DataFrame
        Sorted by object id, then by lag. `COLUMNS["msd"]` says what each column means.
    """
    if max_lag is not None and max_lag < 1:
        raise MeasureError(f"max_lag is {max_lag}; give at least 1 frame.")
    scale = complete_scale(regions, unit=unit, step=step, step_unit=step_unit)
    if scale.axis != "t":
        raise MeasureError("The table is of slices in depth; mean squared displacements need frames in time.")
    rows = []
    for object_id, frames, positions, _ in tracks_of(regions):
        n_lags = int(frames[-1] - frames[0])
        n_lags = n_lags if max_lag is None else min(n_lags, max_lag)
        msd, windows = mean_squared_displacement(on_every_frame(frames, positions), n_lags)
        rows += [
            {"object_id": object_id, "lag": n, "lag_time": n * scale.step, "msd": value, "windows": count}
            for n, value, count in zip(range(1, n_lags + 1), msd, windows, strict=True)
        ]
    return make_table("msd", rows, scale)
