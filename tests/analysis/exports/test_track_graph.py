"""Objects and lineage as nodes and edges, and back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.analysis import MeasureError, measure_regions
from napari_sam2.analysis.exports.track_graph import make_graph, number_tracks, split_graph


def table(rows):
    found = pd.DataFrame(rows, columns=["object_id", "frame"])
    return found.assign(centroid_y=1.0, centroid_x=2.0)


def test_edges_lead_over_gaps_and_to_children():
    nodes, edges = make_graph(table([(1, 0), (1, 1), (1, 3), (2, 2), (2, 3)]), {2: 1})
    assert nodes[["object_id", "frame"]].to_numpy().tolist() == [[1, 0], [1, 1], [2, 2], [1, 3], [2, 3]]
    assert edges.tolist() == [[0, 1], [1, 2], [1, 3], [2, 4]]


def test_tracklets_end_where_tracks_branch_and_lineages_do_not():
    _, edges = make_graph(table([(1, 0), (1, 1), (1, 2), (2, 2), (7, 2)]), {2: 1})
    tracklets, lineages = number_tracks(5, edges)
    assert tracklets.tolist() == [1, 1, 2, 3, 4]
    assert lineages.tolist() == [1, 1, 1, 1, 2]


def test_a_graph_without_ids_is_cut_into_paths():
    ids, parents = split_graph([0, 1, 2, 2], np.array([[0, 1], [1, 2], [1, 3]]), "it")
    assert ids.tolist() == [1, 1, 2, 3] and parents == {2: 1, 3: 1}


@pytest.mark.parametrize("ids", [[1, 1, 1, 1], [0, 0, 1, 2], [1, 2, 3, 3], [1.0, 1, 2, 3]])
def test_ids_that_contradict_the_graph_are_not_believed(ids):
    found, _ = split_graph([0, 1, 2, 2], np.array([[0, 1], [1, 2], [1, 3]]), "it", np.array(ids))
    assert found.tolist() == [1, 1, 2, 3]


def test_every_problem_of_a_graph_at_once():
    edges = np.array([[0, 1], [2, 3], [1, 3], [3, 0], [4, 4]])
    with pytest.raises(MeasureError, match="2 edges do not lead forward") as told:
        split_graph([0, 1, 1, 2, 5], edges, "tracks.geff")
    assert "nodes have more than one predecessor" in str(told.value) and "tracks.geff: 2" in str(told.value)


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        (pd.DataFrame({"object_id": [1], "centroid_x": [1.0]}), "no column frame.\nThere is no column cent"),
        (table([]), "no rows"),
        (table([(1, 0), (1, 0), (2, 1), (2, 1)]), "Object 1 has more than one row on frame 0.\nObject 2"),
        (measure_regions(np.ones((2, 3, 3), int), axis="z"), "slices in depth"),
    ],
)
def test_tables_that_are_no_tracks(regions, words):
    with pytest.raises(MeasureError) as told:
        make_graph(regions, {})
    assert words in str(told.value)


@given(
    st.dictionaries(st.integers(1, 9), st.sets(st.integers(0, 9), min_size=1), min_size=1, max_size=6),
    st.data(),
)
def test_a_graph_gives_back_objects_and_lineage(present, data):
    parents = {}
    for child, frames in present.items():
        older = [other for other, theirs in present.items() if min(theirs) < min(frames)]
        if older and data.draw(st.booleans()):
            parents[child] = data.draw(st.sampled_from(older))
    nodes, edges = make_graph(table([(each, frame) for each in present for frame in present[each]]), parents)
    ids, found = split_graph(nodes["frame"], edges, "it", nodes["object_id"].to_numpy())
    assert ids.tolist() == nodes["object_id"].tolist() and found == parents
