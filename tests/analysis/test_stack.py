import numpy as np
import pytest

from napari_sam2.analysis import MeasureError, measure_regions
from napari_sam2.analysis.stack import Stack


def refused(match, *arguments, **keywords):
    with pytest.raises(MeasureError, match=match):
        measure_regions(*arguments, **keywords)


def test_labels_and_image_of_different_shape(two_cells):
    refused(
        r"On frames 0-2 the image has the shape \(20, 29\) and the labels \(20, 30\)",
        two_cells,
        two_cells[..., 1:],
    )


def test_labels_and_image_of_different_length(two_cells):
    refused("3 frames of labels and 2 of images", two_cells, two_cells[:2])


def test_float_labels(two_cells):
    refused("the labels are float64; give whole numbers", two_cells.astype(float))


def test_negative_labels(two_cells):
    two_cells[1, 0, 0] = -4
    refused(r"On frame 1 a label is negative \(-4\)", two_cells)


def test_ids_above_the_largest(two_cells):
    labels = two_cells.astype(np.int64)
    labels[2, 0, 0] = 2**31
    refused(r"On frame 2 a label is 2147483648, above the largest id 2147483647", labels)


def test_the_largest_id_is_measured(two_cells):
    two_cells[two_cells == 5] = 2**31 - 1
    assert measure_regions(two_cells).object_id.max() == 2**31 - 1


def test_a_bool_mask_is_object_1(two_cells):
    assert set(measure_regions(two_cells > 0).object_id) == {1}


def test_an_empty_stack():
    refused("The labels have no frames", np.zeros((0, 5, 5), int))


def test_a_single_2d_label_image_is_not_a_stack(two_cells):
    refused(r"the labels have the shape \(30,\)", two_cells[0])


@pytest.mark.parametrize("pixel_size", [0, -1, (1, 0), (1, 2, 3), float("nan")])
def test_pixel_sizes_that_are_none(two_cells, pixel_size):
    refused("pixel_size is", two_cells, pixel_size=pixel_size)


@pytest.mark.parametrize("step", [0, -2.0, float("inf")])
def test_steps_that_are_none(two_cells, step):
    refused("step is", two_cells, step=step)


def test_another_axis(two_cells):
    refused("axis is 'x'", two_cells, axis="x")


def test_a_frame_that_does_not_exist(two_cells):
    refused("no frame 3; the labels have frames 0 to 2", two_cells, frames=[0, 3])


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_channel_names_that_do_not_fit(two_cells, names):
    refused("the image has 2 channels", two_cells, np.stack([two_cells] * 2, -1), channel_names=names)


def test_all_problems_of_all_frames_come_at_once(two_cells):
    labels = [two_cells[0], two_cells[1].astype(float), -two_cells[2], two_cells[0, 0], two_cells[1] / 2]
    with pytest.raises(MeasureError) as caught:
        measure_regions(labels)
    message = str(caught.value)
    assert "On frames 1, 4 the labels are float64" in message
    assert "on frame 2 a label is negative" in message
    assert "on frame 3 the labels have the shape (30,)" in message


def test_no_frame_is_read_far_ahead_of_the_one_that_is_taken(two_cells):
    read = []

    class Lazy:
        def __len__(self):
            return 100

        def __getitem__(self, index):
            read.append(index)
            return two_cells[0]

    taken = Stack(Lazy()).measure(lambda index, *_: index, range(100))
    assert [next(taken) for _ in range(10)] == list(range(10))
    taken.close()
    assert len(read) <= 10 + 2
