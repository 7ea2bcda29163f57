"""TrackMate XML, written: Fiji's TrackMate opens it with spots, outlines and lineages.

The elements are those that TrackMate 7's own reader (TmXmlReader) asks for.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.measure import find_contours, regionprops

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.exports.track_graph import Ints, make_graph, number_tracks
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.stack import LazyStack
from napari_sam2.analysis.tables import channels_of, complete_scale

# TrackMate's key, name, dimension and whether it counts; these every spot has.
_SPOT = (
    ("QUALITY", "Quality", "QUALITY", False),
    ("POSITION_X", "X", "POSITION", False),
    ("POSITION_Y", "Y", "POSITION", False),
    ("POSITION_Z", "Z", "POSITION", False),
    ("POSITION_T", "T", "TIME", False),
    ("FRAME", "Frame", "NONE", True),
    ("RADIUS", "Radius", "LENGTH", False),
    ("VISIBILITY", "Visibility", "NONE", True),
    ("OBJECT_ID", "Object id", "NONE", True),
)
_SHAPE = {
    "area": ("AREA", "Area", "AREA", False),
    "perimeter": ("PERIMETER", "Perimeter", "LENGTH", False),
    "circularity": ("CIRCULARITY", "Circularity", "NONE", False),
    "solidity": ("SOLIDITY", "Solidity", "NONE", False),
}
_INTENSITY = {"mean": "Mean", "median": "Median", "min": "Min", "max": "Max", "std": "Std"}
_EDGE = (
    ("SPOT_SOURCE_ID", "Source spot ID", "NONE", True),
    ("SPOT_TARGET_ID", "Target spot ID", "NONE", True),
)
_TRACK = (("TRACK_INDEX", "Track index", "NONE", True), ("TRACK_ID", "Track ID", "NONE", True))
_TIME_UNITS = {"s": "sec"}


def write_trackmate(
    regions: pd.DataFrame,
    path: Path_,
    *,
    parents: Mapping[int, int] | None = None,
    labels: LazyStack | None = None,
    image: Path_ | None = None,
) -> Path:
    """Write objects in time as a TrackMate XML.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` or `measure_volumes`, or any table with object_id, frame, centroid_y and
        centroid_x. Shapes and intensities that TrackMate has a name for are written.
    path : path
        Is replaced when the whole file has been written.
    parents : mapping of int to int, optional
        From child to parent.
    labels : sequence of int arrays (y, x), optional
        The masks, for outlines; of an object in several parts the largest.
    image : path, optional
        The movie that TrackMate shows behind the tracks.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MeasureError
        The table, the lineage or the masks do not fit.
    OSError
        It cannot be written.
    """
    nodes, edges = make_graph(regions, parents or {})
    scale = complete_scale(regions)
    if labels is not None:
        survey(labels, dims=(2,))
        if len(labels) <= nodes["frame"].max():
            raise MeasureError(
                f"There are {len(labels)} label images and the region table goes to frame "
                f"{nodes['frame'].max()}; give the masks that were measured."
            )
    features = _choose_features(nodes, channels_of(regions))
    root = ElementTree.Element("TrackMate", version="7.11.1")
    units = {"spatialunits": scale.unit, "timeunits": _TIME_UNITS.get(scale.step_unit, scale.step_unit)}
    model = ElementTree.SubElement(root, "Model", units)
    declared = ElementTree.SubElement(model, "FeatureDeclarations")
    _declare(declared, "SpotFeatures", [*_SPOT, *features.values()])
    _declare(declared, "EdgeFeatures", _EDGE)
    _declare(declared, "TrackFeatures", _TRACK)
    keys = {name: key for name, (key, *_) in features.items()}
    _add_spots(model, _spot_values(nodes, scale, keys), scale, labels)
    _add_tracks(model, len(nodes), edges)
    _add_settings(root, nodes, scale, labels, image)
    ElementTree.SubElement(root, "GUIState", state="ConfigureViews")
    ElementTree.indent(root)
    with whole_file(path) as partial:
        ElementTree.ElementTree(root).write(partial, encoding="UTF-8", xml_declaration=True)
    return Path(path)


def _choose_features(nodes: pd.DataFrame, channels: tuple[str, ...]) -> dict[str, tuple[str, str, str, bool]]:
    """Columns of the table that TrackMate has a key for."""
    found = dict(_SHAPE)
    for number, channel in enumerate(channels, start=1):
        for kind, word in _INTENSITY.items():
            key, name = f"{kind.upper()}_INTENSITY_CH{number}", f"{word} intensity ch{number}"
            found[f"intensity_{kind}_{channel}"] = (key, name, "INTENSITY", False)
        key, name = f"TOTAL_INTENSITY_CH{number}", f"Sum intensity ch{number}"
        found[f"intensity_integrated_{channel}"] = (key, name, "INTENSITY", False)
    return {name: feature for name, feature in found.items() if name in nodes and nodes[name].notna().any()}


def _declare(parent: ElementTree.Element, kind: str, features: Any) -> None:
    element = ElementTree.SubElement(parent, kind)
    for key, name, dimension, counts in features:
        ElementTree.SubElement(
            element,
            "Feature",
            feature=key,
            name=name,
            shortname=name,
            dimension=dimension,
            isint="true" if counts else "false",
        )


def _add_spots(
    model: ElementTree.Element, values: pd.DataFrame, scale: Scale, labels: LazyStack | None
) -> None:
    spots = ElementTree.SubElement(model, "AllSpots", nspots=str(len(values)))
    in_frame: list[list[dict[Any, Any]]] = [[] for _ in range(int(values["FRAME"].max()) + 1)]
    for node, row in enumerate(values.to_dict("records")):
        in_frame[row["FRAME"]].append({"ID": node, "name": row["OBJECT_ID"], **row})
    for frame, rows in enumerate(in_frame):
        element = ElementTree.SubElement(spots, "SpotsInFrame", frame=str(frame))
        outlines = {} if labels is None else dict(_find_outlines(labels[frame]))
        for row in rows:
            told = {str(key): repr(value) for key, value in row.items() if not pd.isna(value)}
            spot = ElementTree.SubElement(element, "Spot", told)
            if row["OBJECT_ID"] in outlines:
                middle = np.array([row["POSITION_Y"], row["POSITION_X"]])
                corners = outlines[row["OBJECT_ID"]] * np.array(scale.pixel_size) - middle
                spot.set("ROI_N_POINTS", str(len(corners)))
                spot.text = " ".join(f"{x:.6g} {y:.6g}" for y, x in corners)


def _spot_values(nodes: pd.DataFrame, scale: Scale, keys: Mapping[str, str]) -> pd.DataFrame:
    """The features of each spot under TrackMate's keys."""
    one = pd.Series(1.0, nodes.index)
    columns = {
        "QUALITY": nodes.get("predicted_iou", one).fillna(1.0),
        "POSITION_X": nodes["centroid_x"],
        "POSITION_Y": nodes["centroid_y"],
        "POSITION_Z": nodes.get("centroid_z", 0.0 * one),
        "POSITION_T": nodes["frame"] * scale.step,
        "FRAME": nodes["frame"].astype(np.int64),
        "RADIUS": nodes.get("equivalent_diameter", 2 * scale.pixel_size[-1] * one) / 2,
        "VISIBILITY": one.astype(np.int64),
        "OBJECT_ID": nodes["object_id"].astype(np.int64),
    }
    return pd.DataFrame(columns | {key: nodes[name].astype(np.float64) for name, key in keys.items()})


def _find_outlines(labels_yx: Any) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Id and corners (n, 2) of each object's longest outline, in pixels, without the first corner again."""
    for region in regionprops(np.asarray(labels_yx)):  # type: ignore[no-untyped-call]
        mask_yx = np.pad(region.image, 1)
        contours = find_contours(mask_yx, 0.5)  # type: ignore[no-untyped-call]
        corners = max(contours, key=len)[:-1]
        before, after = corners - np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0) - corners
        turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
        yield int(region.label), corners[turns] - 1 + np.array(region.bbox[:2])


def _add_tracks(model: ElementTree.Element, n_nodes: int, edges: Ints) -> None:
    _, lineages = number_tracks(n_nodes, edges)
    tracks = ElementTree.SubElement(model, "AllTracks")
    shown = ElementTree.SubElement(model, "FilteredTracks")
    for index, lineage in enumerate(np.unique(lineages[edges[:, 0]])):
        name = {"name": f"Track_{lineage}", "TRACK_INDEX": str(index), "TRACK_ID": str(lineage)}
        track = ElementTree.SubElement(tracks, "Track", name)
        for start, to in edges[lineages[edges[:, 0]] == lineage]:
            ElementTree.SubElement(track, "Edge", SPOT_SOURCE_ID=str(start), SPOT_TARGET_ID=str(to))
        ElementTree.SubElement(shown, "TrackID", TRACK_ID=str(lineage))


def _add_settings(
    root: ElementTree.Element,
    nodes: pd.DataFrame,
    scale: Scale,
    labels: LazyStack | None,
    image: Path_ | None,
) -> None:
    settings = ElementTree.SubElement(root, "Settings")
    height, width = (0, 0) if labels is None else np.asarray(labels[0]).shape
    file = Path(image).resolve() if image is not None else None
    n_frames = int(nodes["frame"].max()) + 1 if labels is None else len(labels)
    about = {
        "filename": file.name if file else "",
        "folder": str(file.parent) if file else "",
        "width": width,
        "height": height,
        "nslices": 1,
        "nframes": n_frames,
        "pixelwidth": scale.pixel_size[-1],
        "pixelheight": scale.pixel_size[-2],
        "voxeldepth": scale.pixel_size[0] if len(scale.pixel_size) == 3 else 1.0,
        "timeinterval": scale.step,
    }
    ElementTree.SubElement(settings, "ImageData", {key: str(value) for key, value in about.items()})
    # TrackMate asks who found and who linked the spots; of its own methods "by hand" is the true one.
    ElementTree.SubElement(settings, "DetectorSettings", DETECTOR_NAME="MANUAL_DETECTOR", RADIUS="1.0")
    ElementTree.SubElement(settings, "InitialSpotFilter", feature="QUALITY", value="0.0", isabove="true")
    ElementTree.SubElement(settings, "SpotFilterCollection")
    ElementTree.SubElement(settings, "TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
    ElementTree.SubElement(settings, "TrackFilterCollection")
    analyzers = ElementTree.SubElement(settings, "AnalyzerCollection")
    for kind in ("SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"):
        ElementTree.SubElement(analyzers, kind)
