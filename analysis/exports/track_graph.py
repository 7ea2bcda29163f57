"""Tracks as a graph, as GEFF and TrackMate hold them: a node is an object on a frame, an edge leads on."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.problems import Problems, in_words
from napari_sam2.analysis.exports.tracklets import check_parents
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.tables import complete_scale, make_table

Ints = NDArray[np.int64]


def make_graph(regions: pd.DataFrame, parents: Mapping[int, int]) -> tuple[pd.DataFrame, Ints]:
    """Nodes and edges of a region table with a lineage.

    Parameters
    ----------
    regions : DataFrame
        object_id, frame, and centroid_y and centroid_x in its own unit, centroid_z too for volumes.
    parents : mapping of int to int
        From child to parent.

    Returns
    -------
    nodes : DataFrame
        The rows sorted by frame and object; the index, 0, 1, ..., numbers the nodes.
    edges : int array (edges, 2)
        From node, to node: an object's next appearance, or the first appearance of a child, which
        follows the last of its parent before it.

    Raises
    ------
    MeasureError
        A column is missing, a table of slices, no rows, two rows for an object on a frame, or a lineage
        that does not fit.
    """
    _check_regions(regions)
    nodes = regions.sort_values(["frame", "object_id"], kind="stable", ignore_index=True)
    frame = nodes["frame"].to_numpy()
    nodes_of = {int(nodes["object_id"][rows[0]]): rows for rows in nodes.groupby("object_id").groups.values()}
    check_parents({object_id: frame[rows].tolist() for object_id, rows in nodes_of.items()}, parents)
    in_time = nodes.sort_values(["object_id", "frame"], kind="stable")
    same = in_time["object_id"].to_numpy()
    node = in_time.index.to_numpy(dtype=np.int64)
    goes_on = same[1:] == same[:-1]
    edges = [np.stack([node[:-1][goes_on], node[1:][goes_on]], axis=1)]
    for child, parent in parents.items():
        first, earlier = nodes_of[child][0], nodes_of[parent]
        edges.append(np.array([[earlier[frame[earlier] < frame[first]][-1], first]]))
    together = np.concatenate(edges).astype(np.int64)
    return nodes, together[np.lexsort((together[:, 1], together[:, 0]))]


def _check_regions(regions: pd.DataFrame) -> None:
    problems = Problems("The region table")
    for name in ("object_id", "frame", "centroid_y", "centroid_x"):
        if name not in regions.columns:
            problems.add(f"There is no column {name}")
    problems.raise_if_any()
    if len(regions) == 0:
        raise MeasureError("The region table has no rows; there is no track to write.")
    if complete_scale(regions).axis == "z":
        raise MeasureError(
            "The region table is of slices in depth, and tracks go through time; measure with axis='t'."
        )
    twice = regions[regions.duplicated(["object_id", "frame"])]
    for object_id, rows in twice.groupby("object_id"):
        problems.add(f"Object {object_id} has more than one row on {in_words('frame', rows['frame'])}")
    problems.raise_if_any()


def number_tracks(n_nodes: int, edges: Ints) -> tuple[Ints, Ints]:
    """Tracklet and lineage of each node, from 1.

    A tracklet is a path without branches, as long as it can be; a lineage is everything that hangs
    together. Nodes are in order of time and have at most one predecessor.
    """
    before = np.full(n_nodes, -1)
    before[edges[:, 1]] = edges[:, 0]
    leads_on = np.bincount(edges[:, 0], minlength=n_nodes)
    tracklets, lineages = np.zeros(n_nodes, np.int64), np.zeros(n_nodes, np.int64)
    new_tracklet, new_lineage = count(1), count(1)
    for node, earlier in enumerate(before):
        continues = earlier >= 0 and leads_on[earlier] == 1
        tracklets[node] = tracklets[earlier] if continues else next(new_tracklet)
        lineages[node] = lineages[earlier] if earlier >= 0 else next(new_lineage)
    return tracklets, lineages


def split_graph(
    frames: Sequence[int] | Ints, edges: Ints, what: str, ids: NDArray[Any] | None = None
) -> tuple[Ints, dict[int, int]]:
    """Objects and lineage of a graph from a file.

    Parameters
    ----------
    frames : sequence of int
        Of each node; nodes are numbered from 0.
    edges : int array (edges, 2)
        From node, to node.
    what : str
        What the graph is called in an error.
    ids : int array, optional
        The object of each node as the file tells it, used where it fits the graph.

    Returns
    -------
    object_ids : int array
        Of each node, from 1. Without `ids` an object ends where it has several successors.
    parents : dict of int to int
        From child to parent.

    Raises
    ------
    MeasureError
        With every edge that does not lead forward in time and every node where tracks merge.
    """
    frame = np.asarray(frames, np.int64)
    problems = Problems(what)
    back = edges[frame[edges[:, 0]] >= frame[edges[:, 1]]]
    if len(back):
        problems.add(
            f"{len(back)} edges do not lead forward in time; the first leads from frame "
            f"{frame[back[0, 0]]} to frame {frame[back[0, 1]]}"
        )
    merging = np.flatnonzero(np.bincount(edges[:, 1], minlength=len(frame)) > 1)
    if len(merging):
        problems.add(
            f"{len(merging)} nodes have more than one predecessor, the first on frame {frame[merging[0]]}; "
            "merging tracks have no place in a lineage of one parent each"
        )
    problems.raise_if_any()
    if ids is None or not _fit(ids, frame, edges):
        order = np.argsort(frame, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        ids = number_tracks(len(frame), place[edges])[0][place]
    ids = ids.astype(np.int64)
    parents = {int(ids[to]): int(ids[start]) for start, to in edges if ids[start] != ids[to]}
    return ids, parents


def _fit(ids: NDArray[Any], frame: Ints, edges: Ints) -> bool:
    """Whether each object is once on a frame and its nodes make one path."""
    if ids.dtype.kind not in "iu" or ids.min() < 1:
        return False
    within = edges[ids[edges[:, 0]] == ids[edges[:, 1]]]
    once = len(np.unique(np.stack([ids, frame]), axis=1).T) == len(frame)
    unbranched = len(np.unique(within[:, 0])) == len(within)
    return once and unbranched and len(within) == len(frame) - len(np.unique(ids))


def make_read_table(
    columns: Mapping[str, Any], scale: Scale, source: str, *, name: str = "regions"
) -> pd.DataFrame:
    """A table of objects that was read from a file, sorted, and knowing its units.

    Parameters
    ----------
    columns : mapping
        object_id, frame, centroid_y, centroid_x and whatever else the file has.
    scale : Scale
        Units and sizes.
    source : str
        Where it was read from.
    name : str
        The declared table whose columns these are some of.
    """
    table = pd.DataFrame(columns)
    table = table.sort_values(["frame", "object_id"], kind="stable", ignore_index=True)
    table.attrs = make_table(name, {}, scale, parameters={"source": source}).attrs
    return table
