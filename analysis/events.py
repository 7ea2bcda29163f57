"""When each object is on screen, how it comes and goes, and whether it moves: for footage."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.intervals import Interval, cut_intervals
from napari_sam2.analysis.motion import on_every_frame
from napari_sam2.analysis.objects import Floats, Ints, divide
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.tables import complete_scale, frame_range, make_table
from napari_sam2.analysis.tracks import tracks_of

_NEEDED = ("frame_share", "equivalent_diameter", "touches_border")


def _time_scale(regions: pd.DataFrame) -> Scale:
    scale = complete_scale(regions)
    if scale.axis != "t":
        raise MeasureError("The table is of slices in depth; events need frames in time.")
    return scale


@dataclass(frozen=True)
class Settings:
    """What counts as one stay on screen, and as activity.

    Attributes
    ----------
    max_gap : int
        Frames that an object may be missing within one interval on screen.
    window : int or None
        Frames over which a speed is taken, at least 2. When not given, those of one second where the
        step is in seconds, and at least 5.
    threshold : float
        Extent of its path in a window, in median equivalent diameters of the object, above which it is
        active.
    """

    max_gap: int = 0
    window: int | None = None
    threshold: float = 0.15

    def checked(self, scale: Scale) -> "tuple[int, Settings]":
        """The window in frames, and the settings with it filled in."""
        if (self.window is not None and self.window < 2) or self.max_gap < 0 or not self.threshold > 0:
            raise MeasureError(
                f"window is {self.window}, max_gap {self.max_gap} and threshold {self.threshold}; give a "
                "window of at least 2 frames, a gap of at least 0 and a threshold above 0."
            )
        second = round(1 / scale.step) if scale.step_unit == "s" else 0
        window = self.window or max(5, second)
        return window, replace(self, window=window)


def _in_windows(frames: Ints, positions: Floats, window: int, step: float) -> tuple[Floats, Floats]:
    """Speed from end to end, and extent of the path, in the window around each frame.

    Parameters
    ----------
    frames, positions : int64 array (k,), float64 array (k, d)
        Of one interval on screen.
    window : int
        Frames; at the ends of the interval the window moves inwards.
    step : float
        Time between frames.

    Returns
    -------
    (float64 array (k,), float64 array (k,))
        NaN for an interval of one frame.
    """
    window = min(window, int(frames[-1] - frames[0]) + 1)
    if window < 2:
        return np.full(1, np.nan), np.full(1, np.nan)
    begin = np.clip(frames - window // 2, frames[0], frames[-1] - window + 1)
    a = np.searchsorted(frames, begin)
    b = np.searchsorted(frames, begin + window - 1, side="right") - 1
    moved = np.sqrt(((positions[b] - positions[a]) ** 2).sum(axis=1))
    speeds = divide(moved, (frames[b] - frames[a]) * step)
    views = np.lib.stride_tricks.sliding_window_view(on_every_frame(frames, positions), window, axis=0)
    sides = np.fmax.reduce(views, axis=2) - np.fmin.reduce(views, axis=2)  # a window around a frame has one
    extents: Floats = np.sqrt((sides**2).sum(axis=1))[begin - frames[0]]
    return speeds, extents


def measure_activity(regions: pd.DataFrame, settings: Settings | None = None) -> pd.DataFrame:
    """Whether each object moves, frame by frame.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions`.
    settings : Settings, optional
        What counts as one stay on screen, and as activity.

    Returns
    -------
    DataFrame
        Sorted by object id, then by frame. `COLUMNS["activity"]` says what each column means.

    Raises
    ------
    MeasureError
        A column is missing, or the frames do not follow in time.
    """
    scale = _time_scale(regions)
    window, settings = (settings or Settings()).checked(scale)
    parts = []
    for object_id, frames, positions, rows in tracks_of(regions, *_NEEDED):
        reach = settings.threshold * rows["equivalent_diameter"].median()
        for interval in cut_intervals(frames, settings.max_gap):
            mine = slice(interval.begin, interval.end)
            speeds, extents = _in_windows(frames[mine], positions[mine], window, scale.step)
            active = pd.Series(extents > reach, dtype="boolean")
            parts.append(
                pd.DataFrame(
                    {
                        "object_id": object_id,
                        "frame": frames[mine],
                        "time": frames[mine] * scale.step,
                        "interval": interval.number,
                        "frame_share": rows["frame_share"].to_numpy()[mine],
                        "speed": speeds,
                        "active": active.mask(np.isnan(extents)),
                    }
                )
            )
    data = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return make_table("activity", data, scale, parameters=asdict(settings))


def _path(positions: Floats) -> float:
    return (
        float(np.sqrt((np.diff(positions, axis=0) ** 2).sum(axis=1)).sum()) if len(positions) > 1 else np.nan
    )


def _measure_interval(
    interval: Interval,
    positions: Floats,
    rows: pd.DataFrame,
    active: NDArray[np.bool_],
    ends: tuple[int, int],
    step: float,
) -> dict[str, Any]:
    mine = slice(interval.begin, interval.end)
    border = rows["touches_border"].to_numpy(bool)[mine]
    path = _path(positions[mine])
    apart = (interval.last - interval.first) * step
    return {
        "interval": interval.number,
        **interval.times(step),
        "enters": interval.first > ends[0],
        "leaves": interval.last < ends[1],
        "enters_at_border": border[0],
        "leaves_at_border": border[-1],
        "path_length": path,
        "mean_speed": path / apart if apart else np.nan,
        "mean_frame_share": rows["frame_share"].to_numpy(np.float64)[mine].mean(),
        "active_time": int(active[mine].sum()) * step,
    }


def measure_intervals(regions: pd.DataFrame, settings: Settings | None = None) -> pd.DataFrame:
    """Intervals during which each object is on screen.

    Parameters
    ----------
    regions, settings
        As for `measure_activity`.

    Returns
    -------
    DataFrame
        Sorted by object id, then by time. `COLUMNS["intervals"]` says what each column means.
    """
    scale = _time_scale(regions)
    _, settings = (settings or Settings()).checked(scale)
    activity = measure_activity(regions, settings)
    active_of = {k: one["active"].fillna(False).to_numpy(bool) for k, one in activity.groupby("object_id")}
    ends = frame_range(regions)
    rows = [
        {"object_id": object_id}
        | _measure_interval(interval, positions, its_rows, active_of[object_id], ends, scale.step)
        for object_id, frames, positions, its_rows in tracks_of(regions, *_NEEDED)
        for interval in cut_intervals(frames, settings.max_gap)
    ]
    return make_table("intervals", rows, scale, parameters=asdict(settings))


def measure_presence(regions: pd.DataFrame, settings: Settings | None = None) -> pd.DataFrame:
    """Time on screen, entries and exits, path and activity of each object.

    Parameters
    ----------
    regions, settings
        As for `measure_activity`.

    Returns
    -------
    DataFrame
        One row for each object. `COLUMNS["presence"]` says what each column means.
    """
    scale = _time_scale(regions)
    _, settings = (settings or Settings()).checked(scale)
    activity, intervals = measure_activity(regions, settings), measure_intervals(regions, settings)
    first, last = frame_range(regions)
    rows = []
    for object_id, frames in activity.groupby("object_id"):
        stays = intervals[intervals["object_id"] == object_id]
        path = stays["path_length"].sum(min_count=1)
        apart = (stays["last_frame"] - stays["first_frame"]).sum() * scale.step
        active = frames["active"].dropna()
        rows.append(
            {
                "object_id": object_id,
                "intervals": len(stays),
                "entries": int(stays["enters"].sum()),
                "exits": int(stays["leaves"].sum()),
                "time_on_screen": len(frames) * scale.step,
                "share_of_time": len(frames) / (last - first + 1),
                "path_length": path,
                "mean_speed": path / apart if apart else np.nan,
                "mean_frame_share": frames["frame_share"].mean(),
                "max_frame_share": frames["frame_share"].max(),
                "active_time": int(active.sum()) * scale.step,
                "idle_time": int((~active).sum()) * scale.step,
            }
        )
    return make_table("presence", rows, scale, parameters=asdict(settings))
