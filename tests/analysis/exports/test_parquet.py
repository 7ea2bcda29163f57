"""Parquet: read by pyarrow and pandas, with units, and by us."""

import json

import pandas as pd
import pytest
from pyarrow import parquet

from napari_sam2.analysis import MeasureError, describe, measure_regions, measure_tracks
from napari_sam2.analysis.exports import read_parquet, write_parquet


@pytest.fixture
def regions(movie) -> pd.DataFrame:
    return measure_regions(movie, movie, pixel_size=(0.5, 0.25), unit="µm", step=2, step_unit="min")


def test_pyarrow_finds_units_meanings_and_parameters(regions, tmp_path):
    schema = parquet.read_schema(write_parquet(regions, tmp_path / "a.parquet"))
    told = schema.field("area").metadata
    assert told[b"unit"].decode() == "µm²" and b"rea" in told[b"meaning"]
    about = json.loads(schema.metadata[b"napari_sam2"])
    assert about == json.loads(json.dumps(describe(regions)))
    assert about["pixel_size"] == [0.5, 0.25] and about["version"]


def test_pandas_reads_the_numbers(regions, tmp_path):
    found = pd.read_parquet(write_parquet(regions, tmp_path / "a.parquet"))
    pd.testing.assert_frame_equal(found, regions, check_dtype=False)


def test_tables_come_back_as_they_were(regions, tmp_path):
    for table in (regions, measure_tracks(regions)):
        again = read_parquet(write_parquet(table, tmp_path / "a.parquet"))
        pd.testing.assert_frame_equal(again, table)
        assert again.attrs == table.attrs


def test_files_and_tables_from_elsewhere(tmp_path):
    with pytest.raises(MeasureError, match="does not say what it was measured with"):
        write_parquet(pd.DataFrame({"a": [1]}), tmp_path / "a.parquet")
    assert not list(tmp_path.iterdir())
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(MeasureError, match=r"open it with pandas\.read_parquet"):
        read_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(MeasureError, match="is not a Parquet file"):
        read_parquet(tmp_path / "c.parquet")
