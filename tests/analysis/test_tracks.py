import numpy as np
import pandas as pd
import pytest

from napari_sam2.analysis import MeasureError, measure_regions, measure_tracks


def test_a_straight_walk_has_the_numbers_one_computes_by_hand(two_cells):
    regions = measure_regions(two_cells, pixel_size=0.5, unit="µm", step=10, step_unit="s")
    row = measure_tracks(regions).set_index("object_id").loc[1]
    assert (row.first_frame, row.last_frame, row.frames_present) == (0, 2, 3)
    assert (row.duration, row.path_length, row.net_displacement) == (20, 5.0, 5.0)
    assert row.mean_speed == 0.25


def test_a_gap_is_counted_and_the_path_is_straight_over_it(two_cells):
    row = measure_tracks(measure_regions(two_cells)).set_index("object_id").loc[5]
    assert (row.gaps, row.frames_missing, row.frames_present) == (1, 1, 2)
    assert row.path_length == 0 and row.mean_speed == 0


def test_what_a_single_frame_does_not_define_is_nan(two_cells):
    table = measure_tracks(measure_regions(two_cells[:1]))
    assert table[["path_length", "net_displacement", "mean_speed"]].isna().all(axis=None)
    assert (table.duration == 0).all()


def test_a_stack_of_slices_has_no_speed(two_cells):
    assert "mean_speed" not in measure_tracks(measure_regions(two_cells, axis="z")).columns


def test_a_table_from_elsewhere_is_measured_with_the_given_units():
    table = pd.DataFrame(
        {"object_id": [1, 1], "frame": [0, 4], "centroid_y": [0.0, 3.0], "centroid_x": [0.0, 4.0]}
    )
    tracks = measure_tracks(table, unit="nm", step=0.5, step_unit="s")
    assert tracks.mean_speed.tolist() == [2.5]


def test_no_object_gives_an_empty_table_of_the_same_columns(two_cells):
    empty = measure_tracks(measure_regions(np.zeros_like(two_cells)))
    full = measure_tracks(measure_regions(two_cells))
    assert len(empty) == 0 and list(empty.dtypes.items()) == list(full.dtypes.items())


def test_a_missing_column_is_named():
    with pytest.raises(MeasureError, match="no column 'centroid_y'"):
        measure_tracks(pd.DataFrame({"object_id": [1], "frame": [0]}))


def test_ids_read_back_as_decimal_numbers_are_still_ids(two_cells):
    regions = measure_regions(two_cells)
    pd.testing.assert_frame_equal(
        measure_tracks(regions.astype({"object_id": float})), measure_tracks(regions)
    )


def test_two_rows_for_one_object_on_one_frame_are_refused(two_cells):
    regions = measure_regions(two_cells)
    with pytest.raises(MeasureError, match="two rows for object 1 on frame 0"):
        measure_tracks(pd.concat([regions, regions.head(1)]))
