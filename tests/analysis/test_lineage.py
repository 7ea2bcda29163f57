import numpy as np
import pandas as pd
import pytest

from napari_sam2.analysis import MeasureError, measure_regions
from napari_sam2.analysis.divisions import mark_divisions
from napari_sam2.analysis.lineage import measure_lineage


def scene(spans):
    """Regions of objects that are present on the given frames."""
    labels = np.zeros((20, 4, 40), int)
    for object_id, (first, last) in spans.items():
        labels[first : last + 1, 1, 2 * object_id] = object_id
    return measure_regions(labels, step=30, step_unit="min")


FAMILY = {1: (0, 4), 2: (5, 19), 3: (5, 10), 4: (11, 19), 5: (11, 15), 6: (3, 19)}


def family(marks):
    regions = scene(FAMILY)
    return measure_lineage(regions, mark_divisions(regions, marks)).set_index("object_id")


def test_generations_parents_and_cycle_times():
    table = family([(1, 5, (2, 3)), (3, 11, (4, 5))])
    assert table.generation.tolist() == [0, 1, 1, 2, 2, 0]
    assert table.parent_cell.tolist() == [pd.NA, 1, 1, 3, 3, pd.NA]
    assert table.root_cell.tolist() == [1, 1, 1, 1, 1, 6]
    assert table.daughters.tolist() == [2, 0, 2, 0, 0, 0]
    assert table.cycle_time[3] == 6 * 30 and table.cycle_time.isna().sum() == 5
    assert table.born.tolist() == ["first frame", *["division"] * 4, "appears"]
    assert table.ends.tolist() == [
        "division",
        "last frame",
        "division",
        "last frame",
        "vanishes",
        "last frame",
    ]


def test_an_object_that_goes_on_after_its_divisions_is_a_cell_for_each_piece():
    regions = scene({1: (0, 19), 2: (5, 19), 3: (13, 19)})
    table = measure_lineage(regions, mark_divisions(regions, [(1, 5, (1, 2)), (1, 13, (1, 3))]))
    assert table[["object_id", "first_frame", "last_frame"]].values.tolist() == [
        [1, 0, 4],
        [1, 5, 12],
        [1, 13, 19],
        [2, 5, 19],
        [3, 13, 19],
    ]
    assert table.generation.tolist() == [0, 1, 2, 1, 2]
    assert table.parent_cell.tolist() == [pd.NA, 1, 2, 1, 2]
    assert table.cycle_time[1] == 8 * 30


def test_a_division_whose_daughters_have_no_ids_cuts_the_object():
    regions = scene({1: (0, 19)})
    table = measure_lineage(regions, mark_divisions(regions, [(1, 9, ())]))
    assert table.generation.tolist() == [0, 1] and table.daughters.tolist() == [1, 0]


def test_without_divisions_every_object_is_a_root():
    table = family([])
    assert (table.generation == 0).all() and (table.root_cell == table.cell_id).all()


def test_all_divisions_that_do_not_fit_are_told_at_once():
    with pytest.raises(MeasureError) as caught:
        family([(1, 5, (2, 77)), (3, 4, (4,)), (6, 12, (4, 2))])
    message = str(caught.value)
    for sentence in (
        "he division of object 1 on frame 5 names object 77, which is not in the region table",
        "division of object 3 on frame 4 comes before the object, which begins on frame 5",
        "has daughter 4, which begins on frame 11",
        "object 2 has two parents, 1 and 6",
    ):
        assert sentence in message
    assert "begins on frame 5;" in message


def test_no_object_gives_an_empty_table():
    regions = scene({})
    assert len(measure_lineage(regions, mark_divisions(regions, []))) == 0
