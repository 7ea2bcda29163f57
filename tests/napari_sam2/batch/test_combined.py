"""The table of all items: every row of every item, with its item, and units that are never mixed up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_sam2.analysis import measure_regions, measure_tracks, read_table, write_table
from napari_sam2.analysis.exports.parquet import read_parquet
from napari_sam2.batch.combined import combine


def write_item(folder: Path, side: int, channels: tuple[str, ...] = (), **known: object) -> None:
    labels = np.zeros((3, 20, 20), np.int32)
    labels[:, 2 : 2 + side, 2 : 2 + side] = 1
    labels[1, 15, 15] = 4
    intensities = np.ones((3, 20, 20, len(channels)), np.uint8) if channels else None
    folder.mkdir(parents=True)
    regions = measure_regions(labels, intensities, channel_names=channels or None, **known)
    write_table(regions, folder / "regions.csv")
    write_table(measure_tracks(regions), folder / "tracks.csv")


def test_rows_and_items(tmp_path: Path):
    for name, side in (("b", 3), ("a", 5)):
        write_item(tmp_path / name, side, pixel_size=(0.5, 0.5), unit="µm")
    assert combine(tmp_path, ["b", "a"]) == [tmp_path / "regions.parquet", tmp_path / "tracks.parquet"]
    both = pd.read_parquet(tmp_path / "regions.parquet")
    assert list(both["item"]) == ["b"] * 4 + ["a"] * 4
    for name, rows in both.groupby("item"):
        own = read_table(tmp_path / str(name) / "regions.csv")
        rows = rows[own.columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, own, check_dtype=False)
    about = read_parquet(tmp_path / "regions.parquet").attrs["napari_sam2"]
    assert about["table"] == "regions"


def test_units_that_differ_are_told_row_by_row(tmp_path: Path):
    write_item(tmp_path / "known", 3, pixel_size=(0.5, 0.5), unit="µm")
    write_item(tmp_path / "unknown", 3)
    combine(tmp_path, ["known", "unknown"])
    both = pd.read_parquet(tmp_path / "regions.parquet")
    assert dict(zip(both["item"], both["unit"], strict=True)) == {"known": "µm", "unknown": "pixel"}

    from pyarrow import parquet

    schema = parquet.read_schema(tmp_path / "regions.parquet")
    assert schema.field("area").metadata[b"unit"].startswith(b"differs: see the columns unit")
    assert schema.field("area_px").metadata[b"unit"] != schema.field("area").metadata[b"unit"]


def test_columns_that_only_some_items_have(tmp_path: Path):
    write_item(tmp_path / "bare", 3)
    write_item(tmp_path / "bright", 3, channels=("nuclei",))
    combine(tmp_path, ["bare", "bright"])
    both = pd.read_parquet(tmp_path / "regions.parquet")
    (column,) = (name for name in both.columns if name.startswith("intensity_mean"))
    assert both.loc[both["item"] == "bare", column].isna().all()
    assert (both.loc[both["item"] == "bright", column] == 1).all()


def test_a_table_that_no_item_has(tmp_path: Path):
    assert combine(tmp_path, []) == []
    assert not list(tmp_path.iterdir())


def test_the_same_items_give_the_same_bytes(tmp_path: Path):
    write_item(tmp_path / "a", 3)
    combine(tmp_path, ["a"])
    first = (tmp_path / "tracks.parquet").read_bytes()
    combine(tmp_path, ["a"])
    assert (tmp_path / "tracks.parquet").read_bytes() == first


@pytest.mark.parametrize("damage", ["regions.csv", "regions.csv.json"])
def test_a_damaged_table_keeps_the_earlier_one(tmp_path: Path, damage: str):
    write_item(tmp_path / "a", 3)
    combine(tmp_path, ["a"])
    before = (tmp_path / "regions.parquet").read_bytes()
    (tmp_path / "a" / damage).write_text("1,2\n")
    with pytest.raises(ValueError, match="regions"):
        combine(tmp_path, ["a"])
    assert (tmp_path / "regions.parquet").read_bytes() == before
