import numpy as np
import pandas as pd
import pytest

from napari_sam2.analysis import (
    MeasureError,
    describe,
    measure_activity,
    measure_contacts,
    measure_intervals,
    measure_lineage,
    measure_msd,
    measure_presence,
    measure_quality,
    measure_regions,
    measure_tracks,
    measure_volumes,
    propose_divisions,
    read_table,
    results,
    table_files,
)
from napari_sam2.analysis.contacts import contact_intervals
from napari_sam2.analysis.results import PAGE, TABLES, write_results, write_volume_results

SIZES = {"pixel_size": 0.5, "unit": "µm", "step": 10, "step_unit": "min"}


@pytest.fixture
def no_page(monkeypatch):
    """Spare the tests of tables the drawing."""
    monkeypatch.setattr(results, "write_summary", lambda result, path: None)


def plain(table):
    return pd.DataFrame(table).reset_index(drop=True)


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_over_time_each_table_is_the_one_its_function_makes(dividing_cell, tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "_ROWS", 5)
    images = np.random.default_rng(0).integers(0, 999, dividing_cell.shape)
    dividing_cell[:, 9:12, 40:50] = 9
    dividing_cell[:, 12:15, 40:50] = 11
    write_results(dividing_cell, images, tmp_path / "tables", **SIZES, parameters={"model": "none"})
    regions = measure_regions(dividing_cell, images, **SIZES)
    contacts = measure_contacts(dividing_cell, **SIZES)
    divisions = propose_divisions(regions)
    expected = {
        "regions": regions,
        "tracks": measure_tracks(regions),
        "msd": measure_msd(regions),
        "divisions": divisions,
        "lineage": measure_lineage(regions, divisions),
        "presence": measure_presence(regions),
        "intervals": measure_intervals(regions),
        "activity": measure_activity(regions),
        "contacts": contacts,
        "contact_intervals": contact_intervals(contacts),
        "quality": measure_quality(regions),
    }
    assert len(divisions) == 1 and len(expected["contact_intervals"]) == 2
    assert set(expected) == set(TABLES["t"])
    for name, table in expected.items():
        found = read_table(tmp_path / "tables" / f"{name}.csv")
        pd.testing.assert_frame_equal(plain(found), plain(table), check_dtype=False, rtol=1e-12)
        about = describe(found)
        assert about["table"] == name and about["unit"] == "µm" and about["step"] == 10
        assert about["parameters"]["model"] == "none"
    assert files(tmp_path / "tables") == {
        PAGE,
        *(f"{name}.csv{end}" for name in expected for end in ("", ".json")),
    }


def test_over_depth_there_are_bodies_and_no_events(dividing_cell, tmp_path):
    sizes = {"pixel_size": 0.5, "unit": "µm", "step": 200, "step_unit": "nm"}
    result = write_results(dividing_cell, dividing_cell, tmp_path, axis="z", **sizes)
    volumes = measure_volumes([dividing_cell], [dividing_cell], voxel_size=(0.2, 0.5, 0.5), unit="µm")
    pd.testing.assert_frame_equal(plain(read_table(tmp_path / "volumes.csv")), plain(volumes))
    assert result.volumes is not None and result.lineage is None
    assert files(tmp_path) == {PAGE, *(f"{name}.csv{end}" for name in TABLES["z"] for end in ("", ".json"))}


def test_volumes_over_time_have_tracks_and_lineage(dividing_cell, tmp_path):
    bodies = np.repeat(dividing_cell[:, None], 3, axis=1)
    sizes = {"voxel_size": (2, 0.5, 0.5), "unit": "µm", "step": 10, "step_unit": "min"}
    result = write_volume_results(bodies, None, tmp_path, **sizes)
    volumes = measure_volumes(bodies, **sizes)
    pd.testing.assert_frame_equal(plain(read_table(tmp_path / "volumes.csv")), plain(volumes))
    pd.testing.assert_frame_equal(plain(read_table(tmp_path / "tracks.csv")), plain(measure_tracks(volumes)))
    assert list(result.lineage["born"]).count("division") == 2
    assert files(tmp_path) == {PAGE, *(f"{name}.csv{end}" for name in TABLES["zt"] for end in ("", ".json"))}


@pytest.mark.parametrize(
    ("sizes", "unit"),
    [
        ({"pixel_size": 0.5, "unit": "µm"}, "pixel"),
        ({"step": 2.0, "step_unit": "µm"}, "pixel"),
        ({"pixel_size": 0.5, "unit": "parsec", "step": 2, "step_unit": "µm"}, "pixel"),
        ({"pixel_size": 0.5, "unit": "parsec", "step": 2, "step_unit": "parsec"}, "parsec"),
    ],
)
def test_bodies_are_in_voxels_where_a_side_is_unknown(two_cells, tmp_path, sizes, unit, no_page):
    write_results(two_cells, None, tmp_path, axis="z", **sizes)
    assert describe(read_table(tmp_path / "volumes.csv"))["unit"] == unit


def test_without_objects_the_tables_have_their_heads(two_cells, tmp_path, no_page):
    for axis in "tz":
        write_results(np.zeros_like(two_cells), two_cells, tmp_path / axis, axis=axis)
        write_results(two_cells, two_cells, tmp_path / f"full_{axis}", axis=axis)
        for name in TABLES[axis]:
            empty = read_table(tmp_path / axis / f"{name}.csv")
            assert len(empty) == 0
            assert list(empty) == list(read_table(tmp_path / f"full_{axis}" / f"{name}.csv"))


def test_the_lineage_is_by_the_persons_word_where_there_is_one(dividing_cell, tmp_path, no_page):
    marks = [(7, 9, ()), (1, 5, (99,))]
    write_results(dividing_cell, None, tmp_path, marks=marks)
    divisions = read_table(tmp_path / "divisions.csv").set_index("parent_id")
    assert dict(divisions["source"]) == {7: "marked", 1: "marked"}
    assert divisions["reason"][7] == "marked"
    assert "not in the lineage" in divisions["reason"][1] and "names object 99" in divisions["reason"][1]
    lineage = read_table(tmp_path / "lineage.csv")
    assert list(lineage.loc[lineage["ends"] == "division", "object_id"]) == [7]


def test_proposals_about_other_objects_stay_in_the_division_table(dividing_cell, tmp_path, no_page):
    write_results(dividing_cell, None, tmp_path, marks=[(7, 9, ())])
    divisions = read_table(tmp_path / "divisions.csv").set_index("parent_id")
    assert dict(divisions["source"]) == {1: "masks", 7: "marked"}
    assert (read_table(tmp_path / "lineage.csv")["ends"] == "division").sum() == 1


def test_only_the_frames_asked_for_and_their_scores(two_cells, tmp_path, no_page):
    scores = pd.DataFrame({"object_id": [1], "frame": [2], "predicted_iou": [0.4], "object_score": [0.9]})
    heard = []
    write_results(
        two_cells, None, tmp_path, frames=[1, 2], scores=scores, progress=lambda *n: heard.append(n)
    )
    regions = read_table(tmp_path / "regions.csv")
    assert list(zip(regions["frame"], regions["object_id"], strict=True)) == [(1, 1), (2, 1), (2, 5)]
    assert read_table(tmp_path / "quality.csv")["reasons"].str.contains("predicted IoU 0.40").sum() == 1
    assert heard == [(1, 2), (2, 2)]


def test_nothing_is_written_of_labels_that_cannot_be_measured(two_cells, tmp_path):
    with pytest.raises(MeasureError, match="negative"):
        write_results(-two_cells, None, tmp_path)
    assert not list(tmp_path.iterdir())
