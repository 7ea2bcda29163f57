"""TrackMate XML, read: the spots and tracks that TrackMate shows."""

from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_
from napari_sam2.analysis.exports.problems import Problems
from napari_sam2.analysis.exports.track_graph import Ints, make_read_table, split_graph
from napari_sam2.analysis.scale import Scale

_UNITS = {"micron": "µm", "microns": "µm", "um": "µm", "sec": "s", "seconds": "s", "pixels": "pixel"}


def read_trackmate(path: Path_) -> tuple[pd.DataFrame, dict[int, int]]:
    """Read the visible spots and tracks of a TrackMate XML.

    Parameters
    ----------
    path : path
        As TrackMate saves it.

    Returns
    -------
    regions : DataFrame
        object_id, frame, centroid_y, centroid_x (and centroid_z) in physical units, ``..._px`` in
        pixels, and every feature of the spots under TrackMate's name for it. `measure_tracks` takes it.
        Objects keep the ids that this package wrote; else paths without branches are numbered.
    parents : dict of int to int
        From child to parent.

    Raises
    ------
    MeasureError
        It is no TrackMate XML, or with everything that is wrong in it.
    """
    root = _parse(path)
    model = root.find("Model")
    assert model is not None
    problems = Problems(str(path))
    spots = pd.DataFrame(list(_read_spots(model, problems)))
    problems.raise_if_any()
    if spots.empty:
        raise MeasureError(f"{path} has no visible spots.")
    spots = spots.set_index("ID")
    if spots.index.has_duplicates:
        problems.add(f"The spot {spots.index[spots.index.duplicated()][0]:g} is there twice")
    edges, hidden = _read_edges(model, spots, problems)
    problems.raise_if_any()
    spots = spots.drop(index=sorted(hidden))
    place = pd.Series(np.arange(len(spots)), index=spots.index)
    edges = place.reindex(edges.ravel()).to_numpy(np.int64).reshape(-1, 2)
    told = spots["OBJECT_ID"].to_numpy() if "OBJECT_ID" in spots else None
    if told is not None:
        told = told.astype(np.int64) if not np.any(np.isnan(told) | (told % 1 != 0)) else None
    ids, parents = split_graph(spots["FRAME"].to_numpy(np.int64), edges, str(path), told)
    scale = _read_scale(root, model, spots)
    columns = {"object_id": ids, "frame": spots["FRAME"].to_numpy(np.int64)}
    letters = "zyx"[-len(scale.pixel_size) :]
    for letter, size in zip(letters, scale.pixel_size, strict=True):
        columns[f"centroid_{letter}_px"] = spots[f"POSITION_{letter.upper()}"].to_numpy() / size
        columns[f"centroid_{letter}"] = spots[f"POSITION_{letter.upper()}"].to_numpy()
    others = [str(name) for name in spots.columns if name not in ("FRAME", "OBJECT_ID")]
    columns |= {name: spots[name].to_numpy() for name in others}
    name = "volumes" if len(letters) == 3 else "regions"
    return make_read_table(columns, scale, str(path), name=name), parents


def _parse(path: Path_) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise MeasureError(f"{path} is not XML ({error}); save it again from TrackMate.") from error
    if root.tag != "TrackMate" or root.find("Model/AllSpots") is None:
        raise MeasureError(f"{path} is not a TrackMate XML; it has no model with spots.")
    return root


def _read_spots(model: ElementTree.Element, problems: Problems) -> Iterator[dict[str, float]]:
    for in_frame in model.iterfind("AllSpots/SpotsInFrame"):
        for spot in in_frame.iterfind("Spot"):
            told = {"FRAME": in_frame.get("frame", ""), **spot.attrib}
            name = f"spot {told.get('ID', '?')}"
            if told.get("VISIBILITY") == "0":
                continue
            missing = [key for key in ("ID", "POSITION_X", "POSITION_Y") if key not in told]
            if missing:
                problems.add(f"The {name} has no {' and no '.join(missing)}")
                continue
            numbers = {
                key: _as_number(text) for key, text in told.items() if key not in ("name", "ROI_N_POINTS")
            }
            needed = ("ID", "FRAME", "POSITION_X", "POSITION_Y")
            wrong = [key for key in needed if not np.isfinite(numbers[key])]
            if wrong:
                problems.add(f"The {name} has the {wrong[0]} {told[wrong[0]]!r}, which is no number")
            else:
                yield {"POSITION_Z": 0.0, **numbers}


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _read_edges(
    model: ElementTree.Element, spots: pd.DataFrame, problems: Problems
) -> tuple[Ints, set[float]]:
    """Edges of the tracks that are shown, in order of time, and the spots of the others."""
    shown = model.find("FilteredTracks")
    ids = None if shown is None else {track.get("TRACK_ID") for track in shown}
    edges: list[tuple[float, float]] = []
    hidden: set[float] = set()
    there = set(spots.index)
    for track in model.iterfind("AllTracks/Track"):
        visible = ids is None or track.get("TRACK_ID") in ids
        for edge in track.iterfind("Edge"):
            ends = [_as_number(edge.get(key, "")) for key in ("SPOT_SOURCE_ID", "SPOT_TARGET_ID")]
            if not visible:
                hidden |= set(ends) & there
            elif not set(ends) <= there:
                problems.add(
                    f"An edge of track {track.get('TRACK_ID')} leads from spot {edge.get('SPOT_SOURCE_ID')} "
                    f"to {edge.get('SPOT_TARGET_ID')}, which are not both visible spots"
                )
            else:
                edges.append((ends[0], ends[1]))
    frame = spots["FRAME"].to_dict() if not problems else {}
    ordered = [tuple(sorted(ends, key=lambda spot: frame.get(spot, 0))) for ends in edges]
    return np.array(ordered, np.int64).reshape(-1, 2), hidden.difference(*edges)


def _read_scale(root: ElementTree.Element, model: ElementTree.Element, spots: pd.DataFrame) -> Scale:
    image = root.find("Settings/ImageData")
    told = {} if image is None else image.attrib

    def size(key: str) -> float:
        number = _as_number(told.get(key, ""))
        return number if np.isfinite(number) and number > 0 else 1.0

    sizes = [size("pixelheight"), size("pixelwidth")]
    if spots["POSITION_Z"].any():
        sizes.insert(0, size("voxeldepth"))
    space, time = model.get("spatialunits", "pixel"), model.get("timeunits", "frame")
    return Scale(tuple(sizes), _UNITS.get(space, space), size("timeinterval"), _UNITS.get(time, time), "t")
