import json

import pandas as pd
import pytest

from napari_sam2.analysis import (
    COLUMNS,
    MeasureError,
    measure_activity,
    measure_quality,
    measure_regions,
    measure_tracks,
    propose_divisions,
    read_table,
    write_table,
)


def test_a_table_comes_back_as_it_was_written(two_cells, tmp_path):
    for table in (
        regions := measure_regions(two_cells, two_cells, pixel_size=0.3, unit="µm", step=2, step_unit="min"),
        measure_tracks(regions),
        measure_quality(regions),
        measure_activity(regions),
        propose_divisions(regions),
    ):
        path = write_table(table, tmp_path / "table.csv")
        again = read_table(path)
        pd.testing.assert_frame_equal(again, table)
        assert again.attrs == table.attrs


def test_pandas_opens_the_csv_and_undefined_numbers_are_empty(two_cells, tmp_path):
    path = write_table(measure_regions(two_cells), tmp_path / "regions.csv")
    assert pd.read_csv(path).predicted_iou.isna().all()
    assert path.read_text().splitlines()[1].endswith(",,")


def test_the_description_says_version_parameters_and_units(two_cells, tmp_path):
    regions = measure_regions(two_cells, pixel_size=0.3, unit="µm", step=2, step_unit="min")
    write_table(measure_tracks(regions), tmp_path / "tracks.csv")
    about = json.loads((tmp_path / "tracks.csv.json").read_text(encoding="utf-8"))
    assert about["table"] == "tracks" and about["version"] and about["pixel_size"] == [0.3, 0.3]
    units = {column["name"]: column["unit"] for column in about["columns"]}
    assert units["mean_speed"] == "µm/min" and units["object_id"] == "1"
    assert list(units) == list(measure_tracks(regions).columns)


def test_a_column_someone_added_is_written_and_said_to_be_theirs(two_cells, tmp_path):
    table = measure_regions(two_cells)
    table["mine"] = 3
    write_table(table[table.object_id == 1], tmp_path / "regions.csv")
    about = json.loads((tmp_path / "regions.csv.json").read_text(encoding="utf-8"))
    assert "Not declared" in about["columns"][-1]["meaning"]
    assert read_table(tmp_path / "regions.csv").mine.tolist() == [3, 3, 3]


def test_a_table_that_does_not_know_its_units_is_not_written(tmp_path):
    with pytest.raises(MeasureError, match="does not say what it was measured with"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_a_failing_disk_leaves_the_old_table(two_cells, tmp_path, monkeypatch):
    path = write_table(measure_regions(two_cells), tmp_path / "regions.csv")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_table(measure_regions(two_cells[:1]), path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["regions.csv", "regions.csv.json"]


def test_reading_a_table_without_its_description_says_what_is_missing(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(MeasureError, match=r"no file .*a\.csv\.json"):
        read_table(tmp_path / "a.csv")


def test_reading_a_table_with_the_description_of_another_is_refused(two_cells, tmp_path):
    regions = measure_regions(two_cells)
    write_table(regions, tmp_path / "a.csv")
    write_table(measure_tracks(regions), tmp_path / "b.csv")
    (tmp_path / "b.csv.json").replace(tmp_path / "a.csv.json")
    with pytest.raises(MeasureError, match="does not have the columns"):
        read_table(tmp_path / "a.csv")


def test_columns_are_declared_once_and_completely():
    for name, columns in COLUMNS.items():
        names = [column.name for column in columns]
        assert len(names) == len(set(names)), name
        for column in columns:
            assert column.meaning.endswith(".") and column.formula and column.unit
            assert column.dtype in ("int64", "Int64", "float64", "bool", "boolean", "str")
