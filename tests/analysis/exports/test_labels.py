"""What every writer refuses, told about all frames at once."""

import numpy as np
import pytest

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports.labels import ReadLabels, survey


def test_what_is_where(movie):
    found = survey(movie)
    assert found.shape == (24, 32) and found.ids == (1, 2, 5, 9, 300) and found.largest == 300
    assert found.frames_of[1] == [0, 1, 2, 4, 5] and found.frames_of[9] == [2]
    assert found.dtype == np.uint16


def test_labels_without_objects_are_fine():
    found = survey(np.zeros((2, 3, 3), bool))
    assert found.ids == () and found.largest == 0 and found.dtype == np.uint8


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros((0, 4, 4), int), "no frames"),
        (np.zeros((2, 4, 4), np.float32), "On frames 0-1 the labels are float32"),
        (np.zeros((2, 4), int), "(4,)"),
        (np.zeros((2, 0, 4), int), "empty"),
        (np.full((1, 2, 2), -3), "negative (-3)"),
        (np.full((1, 2, 2), 2**31), "2147483648"),
        (np.full((1, 2, 2), 2**63 + 5, np.uint64), "9223372036854775813"),
    ],
)
def test_one_sentence_for_each_kind_of_bad_labels(labels, words):
    with pytest.raises(MeasureError) as told:
        survey(labels)
    assert words in str(told.value) and "1 problem" in str(told.value)


def test_all_problems_of_all_frames():
    frames = [np.zeros((4, 4), int), np.zeros((4, 5), int), np.zeros((4, 4)), np.full((4, 4), 70000)]
    with pytest.raises(MeasureError) as told:
        survey(frames, largest=65535, holder="this format")
    lines = str(told.value).splitlines()
    assert lines[0] == "The labels: 3 problems."
    assert "frame 1" in lines[1] and "frame 2" in lines[2] and "this format holds ids up to 65535" in lines[3]


def test_volumes_are_refused_where_only_images_fit(volumes):
    with pytest.raises(MeasureError, match=r"a frame of labels is \(y, x\) here"):
        survey(volumes, dims=(2,))


def test_read_labels_behave_as_a_sequence(movie):
    labels = ReadLabels(movie.shape, movie.dtype, lambda index: movie[index])
    assert len(labels) == 6 and labels.ndim == 3
    np.testing.assert_array_equal(labels[-1], movie[5])
    assert sum(1 for _ in labels) == 6
    with pytest.raises(IndexError):
        labels[6]
