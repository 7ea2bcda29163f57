"""Tables of objects as napari's tracks layer takes them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_sam2.errors import InputError
from napari_sam2.plugin.object_colours import TrackColours

_KEYS = ("object_id", "frame")


def tracks_layer(regions: pd.DataFrame, parents: Mapping[int, int], where: str) -> dict[str, Any]:
    """Data and arguments of a tracks layer.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` or `measure_volumes`.
    parents : mapping of int to int
        From daughter to mother.
    where : str
        What the objects are in, for the sentence when there are none.

    Returns
    -------
    dict
        data (n, 4 or 5) of id, t, (z), y, x in pixels; graph; features, one row for each; colours.

    Raises
    ------
    InputError
        There is no object: napari has no empty tracks layer.
    """
    if len(regions) == 0:
        raise InputError(f"{where} has no object on any frame; add or choose labels that have some")
    table = regions.sort_values(list(_KEYS), kind="stable", ignore_index=True)
    places = [name for name in ("centroid_z_px", "centroid_y_px", "centroid_x_px") if name in table]
    ids = set(table["object_id"].tolist())
    features = table.drop(columns=["object_id"]).select_dtypes(["number", "bool"]).astype(np.float64)
    return {
        "data": table[[*_KEYS, *places]].to_numpy(np.float64),
        "graph": {child: [parent] for child, parent in parents.items() if {child, parent} <= ids},
        "features": features,
        "colormaps_dict": {"track_id": TrackColours()},
        # added up with the masks below, as napari does by default, the colours would turn white
        "blending": "translucent",
    }


def share_of_kept_ids(regions: pd.DataFrame) -> float:
    """How often the nearest object on the next frame has the same id, 0 to 1; NaN where there is none to ask.

    Near 1 for objects that were followed, near what chance gives for frames that were segmented one by one.
    """
    axes = [name for name in ("centroid_z", "centroid_y", "centroid_x") if name in regions]
    by_frame = {int(frame): rows for frame, rows in regions.groupby("frame", sort=True)}
    kept = asked = 0
    for frame, rows in by_frame.items():
        after = by_frame.get(frame + 1)
        if after is None:
            continue
        goes_on = rows[rows["object_id"].isin(after["object_id"])]
        if len(goes_on) == 0:
            continue
        _, nearest = cKDTree(after[axes].to_numpy()).query(goes_on[axes].to_numpy())
        kept += int((after["object_id"].to_numpy()[nearest] == goes_on["object_id"].to_numpy()).sum())
        asked += len(goes_on)
    return kept / asked if asked else float("nan")


def relabelled(labels: Any, links: pd.DataFrame) -> NDArray[np.int32]:
    """Labels in which each object has the id of its track.

    Parameters
    ----------
    labels : integer array (t, ..., y, x)
        numpy, dask or zarr.
    links : DataFrame
        From `link_objects`.
    """
    linked = np.zeros(labels.shape, np.int32)
    of_frame = {int(frame): rows for frame, rows in links.groupby("frame")}
    for frame in range(labels.shape[0]):
        rows = of_frame.get(frame)
        if rows is None:
            continue
        ids, tracks = rows["object_id"].to_numpy(), rows["track_id"].to_numpy(np.int32)
        order = np.argsort(ids)
        plane = np.asarray(labels[frame])
        inside = plane > 0
        linked[frame][inside] = tracks[order][np.searchsorted(ids[order], plane[inside])]
    return linked
