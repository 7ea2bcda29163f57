"""GEFF, the graph exchange format for tracks that funtracks, Mastodon, TrackMate and others read.

Specification: https://live-image-tracking-tools.github.io/geff.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_folder
from napari_sam2.analysis.exports.sizes import unit_name, unit_symbol
from napari_sam2.analysis.exports.track_graph import make_graph, make_read_table, number_tracks, split_graph
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.tables import complete_scale, describe

if TYPE_CHECKING:
    from geff_spec import Axis

_OURS = "napari_sam2"


def write_geff(regions: pd.DataFrame, path: Path_, *, parents: Mapping[int, int] | None = None) -> Path:
    """Write objects in time, with every number of their table, as a GEFF.

    Positions are in pixels and frames, with the scale that makes them physical. The properties
    ``tracklet_id`` and ``lineage_id`` follow GEFF's definitions; ``object_id`` is the label in the masks.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` or `measure_volumes`, or any table with object_id, frame, centroid_y and
        centroid_x. Columns of numbers are written, each with its unit.
    path : path
        A new folder, by custom named ``.geff``.
    parents : mapping of int to int, optional
        From child to parent.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    MeasureError
        The table or the lineage do not fit, the folder is not empty, or the package geff is missing.
    OSError
        It cannot be written.
    """
    need("geff", "Writing GEFF", "exports")
    from geff.core_io import write_arrays
    from geff_spec import DisplayHint, GeffMetadata
    from zarr.storage import LocalStore

    nodes, edges = make_graph(regions, parents or {})
    scale = complete_scale(regions)
    letters = "zyx" if len(scale.pixel_size) == 3 else "yx"
    tracklets, lineages = number_tracks(len(nodes), edges)
    sizes = dict(zip(letters, scale.pixel_size, strict=True))
    props: dict[str, Any] = {"t": nodes["frame"].to_numpy(np.int64)}
    for letter in letters:
        props[letter] = _in_pixels(nodes, letter, sizes[letter])
    props |= {"tracklet_id": tracklets, "lineage_id": lineages}
    written: dict[str, Any] = {name: _as_prop(values) for name, values in props.items()}
    for name in nodes.columns:
        if name not in written and name != "frame" and nodes[name].dtype.kind in "biuf":
            written[name] = _as_prop(nodes[name])
    axes = [_axis("t", "time", "frame", scale.step, scale.step_unit)]
    axes += [_axis(letter, "space", "pixel", sizes[letter], scale.unit) for letter in letters]
    metadata = GeffMetadata(
        directed=True,
        axes=axes,
        node_props_metadata=_describe_props(nodes, written),
        edge_props_metadata={},
        track_node_props={"tracklet": "tracklet_id", "lineage": "lineage_id"},
        display_hints=DisplayHint(
            display_horizontal="x",
            display_vertical="y",
            display_depth="z" if "z" in letters else None,
            display_time="t",
        ),
        extra={_OURS: regions.attrs.get(_OURS, {})},
    )
    with whole_folder(path) as partial:
        # As a store: geff refuses the path of a folder that is there, empty or not.
        store = LocalStore(partial)
        write_arrays(store, nodes.index.to_numpy(np.uint64), written, edges.astype(np.uint64), {}, metadata)
    return Path(path)


def _in_pixels(nodes: pd.DataFrame, letter: str, size: float) -> NDArray[np.float64]:
    if f"centroid_{letter}_px" in nodes:
        return nodes[f"centroid_{letter}_px"].to_numpy(np.float64)
    return nodes[f"centroid_{letter}"].to_numpy(np.float64) / size


def _axis(name: str, kind: Any, unit: str, scale: float, scaled_unit: str) -> "Axis":
    from geff_spec import Axis

    known = unit_name(scaled_unit)
    if known is None:
        # Counted in pixels or frames, or a unit that GEFF has no name for.
        return Axis(name=name, type=kind, unit=unit, scale=None if scale == 1 else scale)
    return Axis(name=name, type=kind, unit=unit, scale=scale, scaled_unit=known)


def _as_prop(values: Any) -> dict[str, Any]:
    """Values and which of them are missing; pandas' integers may be, numpy's floats are NaN."""
    series = pd.Series(values)
    if not pd.api.types.is_extension_array_dtype(series.dtype):
        return {"values": series.to_numpy(), "missing": None}
    missing = series.isna().to_numpy()
    return {"values": series.fillna(0).to_numpy(np.int64), "missing": missing if missing.any() else None}


def _describe_props(nodes: pd.DataFrame, written: Mapping[str, Any]) -> dict[str, Any]:
    from geff_spec import PropMetadata

    told = {}
    if _OURS in nodes.attrs:
        told = {column["name"]: column for column in describe(nodes)["columns"]}
    return {
        name: PropMetadata(
            identifier=name,
            dtype=str(prop["values"].dtype),
            unit=told.get(name, {}).get("unit") or None,
            description=told.get(name, {}).get("meaning") or None,
        )
        for name, prop in written.items()
    }


def read_geff(path: Path_) -> tuple[pd.DataFrame, dict[int, int]]:
    """Read tracks from a GEFF of any program.

    Parameters
    ----------
    path : path
        The folder.

    Returns
    -------
    regions : DataFrame
        object_id, frame, centroid_y, centroid_x (and centroid_z) in physical units where the file has
        them, ``..._px`` in pixels where it has those, and every other property that is one number a
        node. `measure_tracks` takes it. Objects keep the ids that this package wrote, else those of
        GEFF's tracklets; where there are none, paths without branches are numbered.
    parents : dict of int to int
        From child to parent.

    Raises
    ------
    MeasureError
        It is no valid GEFF, has no positions in time, or its tracks merge; or the package geff is missing.
    """
    need("geff", "Reading GEFF", "exports")
    from geff.core_io import read_to_memory
    from geff.validate.data import ValidationConfig

    try:
        graph = read_to_memory(path, data_validation=ValidationConfig(graph=True))
    except Exception as error:  # zarr, pydantic and geff have their own kinds
        raise MeasureError(f"{path} is not a valid GEFF ({error}).") from error
    props = {name: _as_column(prop) for name, prop in graph["node_props"].items()}
    columns, scale, used = _read_positions(graph["metadata"], props, str(path))
    place = {int(node): index for index, node in enumerate(graph["node_ids"])}
    edges = np.array([[place[int(node)] for node in edge] for edge in graph["edge_ids"]], np.int64)
    told = _told_ids(graph["metadata"], props)
    columns["object_id"], parents = split_graph(columns["frame"], edges.reshape(-1, 2), str(path), told)
    columns |= {
        name: values
        for name, values in props.items()
        if name not in used | columns.keys() and values.ndim == 1 and values.dtype.kind in "biuf"
    }
    first = ["object_id", "frame", *(name for name in columns if name not in ("object_id", "frame"))]
    name = "volumes" if len(scale.pixel_size) == 3 else "regions"
    table = make_read_table({each: columns[each] for each in first}, scale, str(path), name=name)
    about = graph["metadata"].extra.get(_OURS, {})
    if about.keys() >= table.attrs[_OURS].keys():
        table.attrs[_OURS] = about
    return table, parents


def _as_column(prop: Mapping[str, Any]) -> NDArray[Any]:
    values = np.asarray(prop["values"])
    missing = prop.get("missing")
    if missing is not None and missing.any() and values.dtype.kind in "biuf":
        values = np.where(missing, np.nan, values)
    return values


def _read_positions(
    metadata: Any, props: Mapping[str, NDArray[Any]], path: str
) -> tuple[dict[str, NDArray[Any]], Scale, set[str]]:
    """Frame and centroids, their scale, and the properties that they were read from."""
    axes = metadata.axes or []
    times = [axis for axis in axes if axis.type == "time"]
    spaces = [axis for axis in axes if axis.type == "space"]
    # Flat data of some programs have a third axis that is 0 everywhere.
    if len(spaces) == 3:
        spaces = [a for a in spaces if not (a.name[-1:].lower() == "z" and not props[a.name].any())]
    letters = "zyx"[-len(spaces) :]
    if len(times) != 1 or len(spaces) not in (2, 3):
        raise MeasureError(
            f"{path} has {len(times)} axes of time and {len(spaces)} of space; tracks need one of time and "
            "two or three of space."
        )
    if sorted(axis.name[-1:].lower() for axis in spaces) == sorted(letters):
        spaces.sort(key=lambda axis: letters.index(axis.name[-1:].lower()))
    frame, step, step_unit = _read_time(times[0], props[times[0].name], path)
    columns: dict[str, NDArray[Any]] = {"frame": frame}
    sizes: list[float] = []
    units: set[str] = set()
    for letter, axis in zip(letters, spaces, strict=True):
        values = props[axis.name].astype(np.float64)
        size = axis.scale or 1.0
        if axis.unit in (None, "pixel"):
            columns[f"centroid_{letter}_px"] = values
        columns[f"centroid_{letter}"] = values * size + (axis.offset or 0.0)
        sizes.append(size)
        units.add(unit_symbol(axis.scaled_unit or axis.unit or "pixel"))
    if len(units) > 1:
        raise MeasureError(f"{path} has axes of space in the units {', '.join(sorted(units))}; use one.")
    used = {axis.name for axis in [*times, *spaces]}
    return columns, Scale(tuple(sizes), units.pop(), step, step_unit, "t"), used


def _read_time(axis: Any, values: NDArray[Any], path: str) -> tuple[NDArray[np.int64], float, str]:
    """Frame of each node, and how long a step is."""
    unit = unit_symbol(axis.scaled_unit or axis.unit or "frame")
    step = axis.scale or 1.0
    if axis.unit in (None, "frame") and not np.any(values % 1):
        return values.astype(np.int64), step, unit
    # Times: the smallest distance is one frame.
    gap = float(np.diff(np.unique(values)).min(initial=np.inf))
    if not np.isfinite(gap):
        return np.zeros(len(values), np.int64), step, unit
    frame = np.round(values / gap)
    if np.ptp(values - frame * gap) > 0.01 * gap:
        raise MeasureError(f"The times of {path} are not evenly spaced; they cannot be told as frames.")
    return frame.astype(np.int64), step * gap, unit


def _told_ids(metadata: Any, props: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    if _OURS in metadata.extra:
        return props.get("object_id")
    return props.get((metadata.track_node_props or {}).get("tracklet", ""))
