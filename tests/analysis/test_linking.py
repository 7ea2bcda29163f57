import sys

import numpy as np
import pytest

from napari_sam2.analysis import MeasureError, measure_regions, measure_tracks
from napari_sam2.analysis.linking import apply_links, link_objects


@pytest.fixture
def shuffled(dividing_cell) -> np.ndarray:
    """The same scene with other ids on every frame."""
    frame = np.arange(12)[:, None, None]
    return np.where(dividing_cell > 0, (dividing_cell * 7 + frame * 3) % 11 + 1, 0)


def test_frames_segmented_one_by_one_are_linked_and_the_division_is_found(shuffled):
    pytest.importorskip("laptrack")
    regions = measure_regions(shuffled)
    links, divisions = link_objects(regions)
    tracks = measure_tracks(apply_links(regions, links))
    assert sorted(zip(tracks.first_frame, tracks.last_frame, strict=True)) == [
        (0, 5),
        (0, 11),
        (6, 11),
        (6, 11),
    ]
    assert len(divisions) == 1
    row = divisions.iloc[0]
    assert row.frame == 6 and row.source == "linked" and row.score > 0.7
    ends = tracks.set_index("object_id")
    assert ends.last_frame[row.parent_id] == 5
    assert ends.first_frame[[row.daughter_1, row.daughter_2]].tolist() == [6, 6]


def test_a_cell_that_is_missed_once_keeps_its_id(dividing_cell):
    pytest.importorskip("laptrack")
    dividing_cell[dividing_cell == 2] = 0
    dividing_cell[4][dividing_cell[4] == 7] = 0
    regions = measure_regions(dividing_cell)
    tracks = measure_tracks(apply_links(regions, link_objects(regions)[0]))
    assert tracks.gaps.tolist() == [0, 1]


def test_far_jumps_are_not_linked(dividing_cell):
    pytest.importorskip("laptrack")
    regions = measure_regions(dividing_cell)
    links, _ = link_objects(regions, max_distance=0.5)
    assert links.track_id.nunique() > 12


def test_without_the_package_a_sentence_says_what_to_install(dividing_cell, monkeypatch):
    monkeypatch.setitem(sys.modules, "laptrack", None)
    with pytest.raises(MeasureError, match=r"needs the package laptrack.*napari-sam2\[linking\]"):
        link_objects(measure_regions(dividing_cell))


def test_one_frame_cannot_be_linked(dividing_cell):
    pytest.importorskip("laptrack")
    with pytest.raises(MeasureError, match="All objects are on one frame"):
        link_objects(measure_regions(dividing_cell[:1]))


def test_a_distance_of_nothing_is_refused(dividing_cell):
    pytest.importorskip("laptrack")
    with pytest.raises(MeasureError, match="max_distance is 0"):
        link_objects(measure_regions(dividing_cell), max_distance=0)


def test_links_of_another_table_are_refused(dividing_cell):
    pytest.importorskip("laptrack")
    links, _ = link_objects(measure_regions(dividing_cell[:4]))
    with pytest.raises(MeasureError, match="no row for object 1 on frame 4"):
        apply_links(measure_regions(dividing_cell), links)
