import numpy as np
import pandas as pd
import pytest

from napari_sam2.analysis import MeasureError, measure_regions
from napari_sam2.analysis.quality import Limits, measure_quality, remarks_on


def scene():
    """Six frames of a 6 x 6 object; what is wrong on each frame is in the tests' names."""
    labels = np.zeros((6, 40, 40), int)
    for frame, (top, left) in enumerate([(5, 5), (5, 6), (5, 20), (5, 21), (5, 22), (5, 23)]):
        if frame != 4:
            labels[frame, top : top + 6, left : left + 6] = 1
    labels[3, 30:33, 30:33] = 1
    return labels


def quality(labels, **scores):
    frames = len(labels)
    table = pd.DataFrame({"object_id": 1, "frame": range(frames), "predicted_iou": 0.9, "object_score": 0.9})
    return measure_quality(measure_regions(labels, scores=table.assign(**scores))).set_index("frame")


def test_a_jump_a_split_and_a_gap_are_told():
    table = quality(scene())
    assert table.problems[[0, 1]].tolist() == [0, 0] and np.isnan(table.jump[0])
    np.testing.assert_allclose(table.jump[2], 14 / np.sqrt(4 * 36 / np.pi))
    assert table.reasons[2].startswith("jumps 2.07 diameters")
    assert "in 2 parts" in table.reasons[3] and table.second_part[3] == 0.25
    assert table.gap[5] == 1 and "back after 1 frames" in table.reasons[5]


def test_the_doubts_of_the_model_are_told():
    table = quality(scene()[:2], predicted_iou=[0.9, 0.4], object_score=[0.2, 0.9])
    assert table.reasons.tolist() == ["object score 0.20", "predicted IoU 0.40"]


def test_a_size_that_changes_is_told():
    labels = scene()[:2]
    labels[1, 5:17, 6:12] = 1
    table = quality(labels)
    assert table.size_change[1] == 2 and "size changes 2.00 times" in table.reasons[1]


def test_two_ids_on_one_object_are_told():
    labels = scene()[:1]
    labels[0, 7:9, 7:9] = 2
    table = measure_quality(measure_regions(labels))
    assert table.box_overlap.tolist() == [4 / 36, 1]
    assert table.reasons.tolist() == ["", "box covered to 1.00 by another"]


def test_limits_decide_and_are_written_down():
    regions = measure_regions(scene())
    loose = measure_quality(regions, Limits(jump=9, second_part=1, size_change=9))
    assert loose.problems.sum() == 1
    assert loose.attrs["napari_sam2"]["parameters"]["jump"] == 9


def test_no_object_gives_an_empty_table_of_the_same_columns():
    empty, full = (measure_quality(measure_regions(labels)) for labels in (np.zeros((2, 5, 5), int), scene()))
    assert len(empty) == 0 and list(empty.dtypes.items()) == list(full.dtypes.items())


def test_a_missing_column_is_named():
    with pytest.raises(MeasureError, match="no column 'parts'"):
        measure_quality(measure_regions(scene()).drop(columns="parts"))


def test_remarks_tell_of_parts_and_of_missing_frames():
    assert remarks_on(measure_regions(scene())) == [
        "Measured as one although in several parts: object 1 (frame 3).",
        "Missing between its first and last frame: object 1 (frame 4).",
    ]
    assert remarks_on(measure_regions(scene()[:3])) == []


def test_remarks_tell_of_one_frame_and_of_none():
    assert "one frame only" in remarks_on(measure_regions(scene()[:1]))[0]
    assert remarks_on(measure_regions(np.zeros((2, 4, 4), int))) == ["There is no object on any frame."]


def test_of_many_objects_some_are_named():
    labels = np.zeros((3, 4, 60), int)
    labels[[0, 2], 1, ::2] = np.arange(1, 31)
    (remark,) = remarks_on(measure_regions(labels))
    assert "object 1 (frame 1), 2 (frame 1)" in remark and remark.endswith("10 (frame 1) and 20 more.")
