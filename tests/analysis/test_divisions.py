import numpy as np
import pytest

from napari_sam2.analysis import MeasureError, measure_regions, measure_volumes
from napari_sam2.analysis.divisions import mark_divisions, parents_of, propose_divisions


def proposed(labels):
    table = propose_divisions(measure_regions(labels))
    return table[["parent_id", "frame", "daughter_1", "daughter_2"]].values.tolist()


def test_a_new_cell_beside_one_that_halves_is_a_division(dividing_cell):
    table = propose_divisions(measure_regions(dividing_cell))
    assert proposed(dividing_cell) == [[1, 6, 1, 2]]
    row = table.iloc[0]
    assert 0.7 < row.score <= 1 and row.source == "masks"
    assert "object 1 shrinks to 0.41 where a new one appears" in row.reason
    assert parents_of(table) == {2: 1}


def test_two_new_cells_where_one_ends_are_a_division(dividing_cell):
    dividing_cell[6:][dividing_cell[6:] == 1] = 3
    assert proposed(dividing_cell) == [[1, 6, 2, 3]]


def test_a_mask_in_two_parts_for_several_frames_is_a_division_without_daughters(dividing_cell):
    dividing_cell[dividing_cell == 2] = 1
    table = propose_divisions(measure_regions(dividing_cell))
    assert table[["parent_id", "frame"]].values.tolist() == [[1, 8]]  # the halves overlap until then
    assert table[["daughter_1", "daughter_2"]].isna().all(axis=None)
    assert "in two parts" in table.reason[0] and "for 4 frames" in table.reason[0]


def test_a_mask_in_two_parts_for_one_frame_is_none(dividing_cell):
    dividing_cell[6:][dividing_cell[6:] == 1] = 0
    dividing_cell[6][dividing_cell[6] == 2] = 1
    dividing_cell[dividing_cell == 2] = 0
    assert proposed(dividing_cell) == []


def test_a_cell_that_enters_beside_one_that_stays_as_it_is_is_none(dividing_cell):
    dividing_cell[6:][dividing_cell[6:] == 1] = 0
    dividing_cell[6:] = np.where(dividing_cell[5] == 1, 1, dividing_cell[6:])
    assert proposed(dividing_cell) == []


def test_a_new_cell_far_away_from_one_that_halves_is_none(dividing_cell):
    dividing_cell[dividing_cell == 2] = 0
    dividing_cell[6:, 50:59, 2:12] = 2
    assert proposed(dividing_cell) == []


def test_each_daughter_is_given_once():
    labels = np.zeros((5, 30, 60), int)
    labels[0, 5:15, 5:25], labels[0, 5:15, 28:48] = 1, 2
    labels[1:, 5:15, 5:14], labels[1:, 5:15, 39:48], labels[1:, 5:15, 17:26] = 1, 2, 3
    rows = proposed(labels)
    assert len(rows) == 1 and rows[0][0] == 1


def test_divisions_are_found_in_volumes(dividing_cell):
    volumes = np.repeat(dividing_cell[:, None], 3, axis=1)
    volumes = np.pad(volumes, ((0, 0), (1, 1), (0, 0), (0, 0)))
    table = propose_divisions(measure_volumes(volumes))
    assert table[["parent_id", "frame", "daughter_1", "daughter_2"]].values.tolist() == [[1, 6, 1, 2]]


def test_no_division_gives_an_empty_table_of_the_same_columns(two_cells, dividing_cell):
    none, one = (propose_divisions(measure_regions(labels)) for labels in (two_cells, dividing_cell))
    assert len(none) == 0 and list(none.dtypes.items()) == list(one.dtypes.items())


def test_slices_in_depth_do_not_divide(dividing_cell):
    with pytest.raises(MeasureError, match="slices in depth"):
        propose_divisions(measure_regions(dividing_cell, axis="z"))


def test_marked_divisions_are_sure(dividing_cell):
    regions = measure_regions(dividing_cell)
    table = mark_divisions(regions, [(1, 6, (1, 2)), (7, 3, ())])
    assert (
        table.parent_id.tolist() == [7, 1] and (table.score == 1).all() and (table.source == "marked").all()
    )
    assert parents_of(table) == {2: 1}


def test_three_daughters_are_refused(dividing_cell):
    with pytest.raises(MeasureError, match="marked with 3 daughters"):
        mark_divisions(measure_regions(dividing_cell), [(1, 6, (1, 2, 7))])
