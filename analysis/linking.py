"""Tracks for frames that were segmented one by one, so that their ids do not agree."""

from typing import Any

import numpy as np
import pandas as pd

from napari_sam2.analysis.divisions import divisions_table, score_division
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.tables import complete_scale, make_table
from napari_sam2.analysis.tracks import check_regions, tracks_of


def link_objects(
    regions: pd.DataFrame, *, max_distance: float | None = None, max_gap: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give objects of independently segmented frames one id through time, and find divisions.

    Linear assignment as in Jaqaman et al. 2008, by the package laptrack.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` or `measure_volumes`; ids need not agree between frames.
    max_distance : float, optional
        Farthest that a centroid moves between two frames, in the table's unit of length; the median
        equivalent diameter when not given.
    max_gap : int
        Frames that an object may be missing in between.

    Returns
    -------
    (DataFrame, DataFrame)
        The tables "links" (sorted by frame and object id) and "divisions".

    Raises
    ------
    MeasureError
        laptrack is not installed, or the table cannot be linked.
    """
    laptrack = need("laptrack", "Linking frames that were segmented one by one", "linking")
    scale = complete_scale(regions)
    size = "volume" if "volume" in regions.columns else "area"
    axes = [name for name in ("centroid_z", "centroid_y", "centroid_x") if name in regions.columns]
    table = check_regions(regions, size, "equivalent_diameter", "centroid_y", "centroid_x")
    table = table.sort_values(["frame", "object_id"], kind="stable").reset_index(drop=True)
    if scale.axis != "t":
        raise MeasureError("The table is of slices in depth; link frames in time.")
    if max_distance is not None and not max_distance > 0:
        raise MeasureError(f"max_distance is {max_distance}; give a positive length.")
    if table["frame"].nunique() < 2:
        raise MeasureError("All objects are on one frame; linking needs at least two.")
    reach = float(table["equivalent_diameter"].median()) if max_distance is None else max_distance
    # laptrack's cutoffs are squared distances, and it counts steps where we count the frames between.
    tracker = laptrack.LapTrack(
        cutoff=reach**2,
        gap_closing_cutoff=reach**2 if max_gap else False,
        gap_closing_max_frame_count=max_gap + 1,
        splitting_cutoff=reach**2,
    )
    points = table[["frame", "object_id", *axes]].astype({"frame": int})
    linked, splits, _ = tracker.predict_dataframe(points, axes, only_coordinate_cols=False)
    keys = ["frame", "object_id"]
    linked = table[keys].merge(linked[[*keys, "track_id"]], how="left", on=keys)
    linked["track_id"] += 1
    parameters = {"max_distance": reach, "max_gap": max_gap}
    links = make_table("links", linked, scale, parameters=parameters)
    tracked = apply_links(table, links)
    return links, divisions_table(_judge(tracked, splits, size), scale)


def _judge(tracked: pd.DataFrame, splits: pd.DataFrame, size: str) -> list[dict[str, Any]]:
    """Divisions from laptrack's splits, scored by the same rule as proposals from masks."""
    tracks = {
        object_id: (frames, places, rows[size].to_numpy(np.float64))
        for object_id, frames, places, rows in tracks_of(tracked, size)
    }
    daughters: dict[int, list[int]] = {}
    for split in splits.to_dict("records"):
        daughters.setdefault(int(split["parent_track_id"]) + 1, []).append(int(split["child_track_id"]) + 1)
    rows = []
    for parent, pair in daughters.items():
        frames, places, sizes = tracks[parent]
        row: dict[str, Any] = {"parent_id": parent, "frame": int(frames[-1]) + 1, "source": "linked"}
        row["frame"] = min(int(tracks[one][0][0]) for one in pair)
        judged = None
        if len(pair) == 2:
            firsts = [tracks[one] for one in pair]
            judged = score_division(
                sizes[-1], places[-1], [one[2][0] for one in firsts], [one[1][0] for one in firsts]
            )
        row["score"], said = judged or (0.0, "sizes or places unlike a division")
        row["reason"] = f"the track ends where {len(pair)} begin: {said}"
        rows.append(row | {f"daughter_{k}": one for k, one in enumerate(sorted(pair)[:2], start=1)})
    return rows


def apply_links(regions: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """The region table with the ids that objects have through all frames.

    Parameters
    ----------
    regions : DataFrame
        The table that was linked.
    links : DataFrame
        From `link_objects`.
    """
    track_of = links.set_index(["frame", "object_id"])["track_id"]
    keys = pd.MultiIndex.from_frame(regions[["frame", "object_id"]])
    found = track_of.reindex(keys)
    if found.isna().any():
        frame, object_id = keys[int(np.argmax(found.isna()))]
        raise MeasureError(
            f"The links have no row for object {object_id} on frame {frame}; link this table anew."
        )
    tracked = regions.assign(object_id=found.to_numpy(np.int64))
    return tracked.sort_values(["frame", "object_id"], kind="stable").reset_index(drop=True)
