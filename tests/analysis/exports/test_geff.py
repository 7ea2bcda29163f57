"""GEFF: judged by geff's own validators, read by geff, by us, and from other programs."""

import geff
import numpy as np
import pandas as pd
import pytest
from geff.core_io import read_to_memory, write_dicts
from geff.validate.data import ValidationConfig
from geff_spec import Axis, GeffMetadata

from napari_sam2.analysis import MeasureError, measure_regions, measure_tracks, measure_volumes
from napari_sam2.analysis.exports import read_geff, write_geff

EVERYTHING = ValidationConfig(graph=True, sphere=True, ellipsoid=True, lineage=True, tracklet=True)


@pytest.fixture
def regions(movie) -> pd.DataFrame:
    return measure_regions(movie, movie, pixel_size=(0.5, 0.25), unit="µm", step=2, step_unit="min")


def test_geff_finds_it_valid_and_reads_the_numbers(regions, parents, tmp_path):
    path = write_geff(regions, tmp_path / "a.geff", parents=parents)
    geff.validate_structure(path)
    found = read_to_memory(path, data_validation=EVERYTHING)
    props = {name: prop["values"] for name, prop in found["node_props"].items()}
    rows = regions.sort_values(["frame", "object_id"])
    np.testing.assert_array_equal(props["t"], rows["frame"])
    np.testing.assert_allclose(props["y"] * 0.5, rows["centroid_y"])
    np.testing.assert_array_equal(props["touches_border"], rows["touches_border"])
    metadata = found["metadata"]
    assert [(a.name, a.unit, a.scale, a.scaled_unit) for a in metadata.axes] == [
        ("t", "frame", 2, "minute"),
        ("y", "pixel", 0.5, "micrometer"),
        ("x", "pixel", 0.25, "micrometer"),
    ]
    assert metadata.node_props_metadata["area"].unit == "µm²"
    graph, _ = geff.read(path)
    (mother,) = [node for node, degree in graph.out_degree() if degree == 2]
    assert sorted(graph.nodes[node]["object_id"] for node in graph.successors(mother)) == [2, 5]


def test_a_table_comes_back_as_it_was(regions, parents, tmp_path):
    table, lineage = read_geff(write_geff(regions, tmp_path / "a.geff", parents=parents))
    assert lineage == parents and table.attrs == regions.attrs
    pd.testing.assert_frame_equal(
        table[list(regions.columns)], regions, check_dtype=False, check_like=True, rtol=1e-12
    )
    pd.testing.assert_frame_equal(measure_tracks(table), measure_tracks(regions))


def test_volumes_have_three_axes(volumes, tmp_path):
    table = measure_volumes(volumes, voxel_size=(2, 1, 1), unit="µm", step=5, step_unit="s")
    path = write_geff(table, tmp_path / "a.geff")
    read_to_memory(path, data_validation=EVERYTHING)
    again, _ = read_geff(path)
    assert again["centroid_z_px"].tolist() == [0.5, 1.5, 2.5]
    assert again["centroid_z"].tolist() == [1, 3, 5] and again.attrs == table.attrs


def test_a_table_from_elsewhere(tmp_path):
    rows = {"object_id": [4, 4], "frame": [0, 1], "centroid_y": [1.0, 2.0], "centroid_x": [5.0, 6.0]}
    rows |= {"name": ["a", "b"], "maybe": pd.array([1, None], dtype="Int64")}
    path = write_geff(pd.DataFrame(rows), tmp_path / "a.geff")
    table, parents = read_geff(path)
    assert table["object_id"].tolist() == [4, 4] and parents == {}
    assert table["centroid_x_px"].tolist() == [5, 6] and "name" not in table
    assert table["maybe"].tolist()[0] == 1 and np.isnan(table["maybe"][1])


def foreign(path, axes, nodes, edges):
    """A GEFF as another program would write it."""
    metadata = GeffMetadata(directed=True, axes=axes, node_props_metadata={}, edge_props_metadata={})
    write_dicts(path, nodes, [(edge, {}) for edge in edges], [axis.name for axis in axes], [], metadata)


def test_a_geff_with_times_in_seconds_and_places_in_micrometres(tmp_path):
    axes = [
        Axis(name="time", type="time", unit="second"),
        Axis(name="x", type="space", unit="micrometer"),
        Axis(name="y", type="space", unit="micrometer"),
    ]
    nodes = [(n, {"time": 90.0 * t, "x": 1.0 * n, "y": 5.0}) for n, t in [(10, 0), (11, 1), (12, 3), (13, 3)]]
    foreign(tmp_path / "a.geff", axes, nodes, [(10, 11), (11, 12), (11, 13)])
    table, parents = read_geff(tmp_path / "a.geff")
    assert table["frame"].tolist() == [0, 1, 3, 3] and parents == {2: 1, 3: 1}
    assert table["centroid_x"].tolist() == [10, 11, 12, 13] and table["centroid_y"].tolist() == [5.0] * 4
    tracks = measure_tracks(table)
    assert tracks.attrs["napari_sam2"]["step"] == 90 and tracks.attrs["napari_sam2"]["unit"] == "µm"


@pytest.mark.parametrize(
    ("times", "edges", "words"),
    [
        ([0.0, 1.0, 1.5], [], "not evenly spaced"),
        ([0.0, 0.0, 1.0], [(0, 2), (1, 2)], "more than one predecessor"),
    ],
)
def test_graphs_that_cannot_be_tables(tmp_path, times, edges, words):
    axes = [Axis(name="t", type="time", unit="second")]
    axes += [Axis(name=name, type="space", unit="pixel") for name in "yx"]
    times = [*times, 2.1] if not edges else times
    nodes = [(n, {"t": t, "y": 0.0, "x": 0.0}) for n, t in enumerate(times)]
    foreign(tmp_path / "a.geff", axes, nodes, edges)
    with pytest.raises(MeasureError, match=words):
        read_geff(tmp_path / "a.geff")


def test_what_is_no_geff(tmp_path):
    (tmp_path / "a.geff").mkdir()
    for name in ("a.geff", "missing.geff"):
        with pytest.raises(MeasureError, match="is not a valid GEFF"):
            read_geff(tmp_path / name)


def test_a_missing_package_is_told_in_one_sentence(regions, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "geff", None)
    with pytest.raises(MeasureError, match=r"pip install 'napari-sam2\[exports\]'"):
        write_geff(regions, tmp_path / "a.geff")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_not_replaced(regions, tmp_path):
    path = write_geff(regions, tmp_path / "a.geff")
    with pytest.raises(MeasureError, match="exists already"):
        write_geff(regions, path)
