"""Measure > Objects: any labels layer with any image layers."""

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_sam2.errors import InputError
from napari_sam2.plugin.layer_choice import Planes, channel_names, read_sizes
from napari_sam2.plugin.measure_widget import MeasureWidget, measure_layers
from napari_sam2.plugin.table_view import TableView

IN_TIME = {"scale": (30, 0.5, 0.5), "units": ("s", "um", "um"), "axis_labels": ("t", "y", "x")}


def _labels(*shape: int) -> np.ndarray:
    """Object 1, a square of 4 x 4 pixels on every plane, and object 2, of 2 x 2, on all but the first."""
    labels = np.zeros(shape, np.int32)
    labels[..., 2:6, 2:6] = 1
    labels[1:, ..., 8:10, 8:10] = 2
    return labels


def _measure(labels: Labels, *images: Image, axis: str | None = None):
    sizes = read_sizes([labels, *images], axis)
    return measure_layers(labels.data, images, sizes, lambda *_: None)


def test_frames_in_time_give_regions_and_tracks_in_physical_units():
    image = Image(np.full((3, 12, 12), 7, np.uint16), name="phase", **IN_TIME)
    tables = _measure(Labels(_labels(3, 12, 12), **IN_TIME), image)
    assert list(tables) == ["Objects on frames", "Objects"]
    regions = tables["Objects on frames"]
    assert regions["area"].tolist() == [4, 4, 1, 4, 1]
    assert regions["time"].tolist() == [0, 30, 30, 60, 60]
    assert set(regions["intensity_mean_phase"]) == {7}


def test_labels_without_sizes_take_those_of_the_image():
    image = Image(np.zeros((3, 12, 12)), **IN_TIME)
    assert read_sizes([Labels(_labels(3, 12, 12)), image]).along("t") == {
        "axis": "t", "pixel_size": (0.5, 0.5), "unit": "µm", "step": 30.0, "step_unit": "s",
    }  # fmt: skip


def test_a_single_image_gives_a_row_for_each_object():
    labels = Labels(_labels(2, 12, 12)[1], scale=(0.5, 0.5), units=("um", "um"))
    image = Image(np.full((12, 12, 3), (10, 20, 30), np.uint8), rgb=True)
    (table,) = _measure(labels, image).values()
    assert table["area"].tolist() == [4, 1]
    assert table["intensity_mean_green"].tolist() == [20, 20]


def test_slices_give_bodies_too():
    place = {"scale": (2, 0.5, 0.5), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
    tables = _measure(Labels(_labels(3, 12, 12), **place))
    assert list(tables) == ["Objects", "Objects on slices"]
    assert tables["Objects"]["volume"].tolist() == [24, 4]
    assert tables["Objects on slices"]["depth"].tolist() == [0, 2, 2, 4, 4]


def test_volumes_in_time_give_bodies_at_each_time_and_their_tracks():
    place = {
        "scale": (60, 2, 0.5, 0.5), "units": ("s", "um", "um", "um"), "axis_labels": ("t", "z", "y", "x"),
    }  # fmt: skip
    image = Image(np.ones((2, 3, 12, 12)), name="gfp", **place)
    tables = _measure(Labels(_labels(2, 3, 12, 12), **place), image)
    assert tables["Objects at each time"]["volume"].tolist() == [24, 24, 6]
    assert tables["Objects at each time"]["intensity_mean_gfp"].tolist() == [1, 1, 1]
    assert tables["Objects"]["frames_present"].tolist() == [2, 1]


def test_dask_layers_are_measured_as_they_are():
    labels = Labels(da.from_array(_labels(3, 12, 12), chunks=(1, 12, 12)), **IN_TIME)
    image = Image(da.ones((3, 12, 12), chunks=(1, 12, 12)), name="lazy", **IN_TIME)
    assert _measure(labels, image)["Objects on frames"]["intensity_mean_lazy"].tolist() == [1] * 5


def test_several_images_are_several_channels():
    red = Image(np.ones((2, 4, 4)), name="red")
    colour = Image(np.full((2, 4, 4, 4), 9, np.uint8), rgb=True, name="camera")
    assert channel_names([red, colour]) == ["red", "camera red", "camera green", "camera blue"]
    planes = Planes([red, colour])
    assert len(planes) == 2
    assert planes[0].shape == (4, 4, 4)


def test_axes_that_are_not_rows_and_columns_are_refused():
    labels = Labels(np.zeros((4, 5, 6), int), name="turned", axis_labels=("y", "x", "t"))
    with pytest.raises(InputError, match=r"'turned' has the axes 'YXT'"):
        read_sizes([labels])


def test_only_images_of_the_same_pixels_are_offered(qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((3, 12, 12)), name="fits")
    viewer.add_image(np.zeros((3, 12, 12, 3), np.uint8), rgb=True, name="in colour")
    viewer.add_image(np.zeros((3, 10, 12)), name="smaller")
    viewer.add_labels(_labels(3, 12, 12), name="cells")
    widget = MeasureWidget(viewer)
    qtbot.addWidget(widget)
    assert [layer.name for layer in widget._images.layers] == ["fits", "in colour"]


def test_a_choice_stays_while_layers_come_and_go(qtbot):
    viewer = ViewerModel()
    viewer.add_labels(_labels(3, 12, 12), name="first")
    viewer.add_labels(_labels(3, 12, 12), name="second")
    widget = MeasureWidget(viewer)
    qtbot.addWidget(widget)
    widget._labels.setCurrentIndex(0)
    viewer.layers.pop("second")
    viewer.add_labels(_labels(3, 12, 12), name="third")
    widget.reset_choices()
    assert widget._labels.layer.name == "first"


def test_without_labels_there_is_nothing_to_press(qtbot):
    widget = MeasureWidget(ViewerModel())
    qtbot.addWidget(widget)
    assert not widget._button.isEnabled()
    assert "open or make a labels layer" in widget._what.text()


def test_labels_that_cannot_be_measured_are_one_sentence(qtbot, notices):
    viewer = ViewerModel()
    viewer.add_labels(-_labels(3, 12, 12), name="negative")
    widget = MeasureWidget(viewer)
    qtbot.addWidget(widget)
    widget.measure()
    qtbot.waitUntil(lambda: not widget._bar.running)
    (sentence,) = notices()
    assert sentence.startswith("On frame 0 a label is negative (-1); ids start at 1")
    assert widget._button.isEnabled()


@pytest.mark.parametrize(
    ("shape", "frame", "expected"), [((12, 12), 0, []), ((5, 12, 12), 0, [2]), ((2, 5, 12, 12), 1, [1, 2])]
)
def test_a_body_is_shown_in_its_middle_slice(qtbot, shape, frame, expected):
    viewer = ViewerModel()
    axes = ("t", "z", "y", "x")[-len(shape) :]
    data = np.zeros(shape, np.int32)
    data[..., 2:6, 2:6] = 1
    labels = viewer.add_labels(data, name="cells", scale=(2.0,) * len(shape), axis_labels=axes)
    widget = MeasureWidget(viewer)
    qtbot.addWidget(widget)
    tables = _measure(labels)
    table = tables.get("Objects at each time", tables["Objects"])
    widget._go_to(labels, table, frame, 1)
    assert np.allclose(labels.world_to_data(viewer.dims.point)[: len(expected)], expected)
    assert labels.selected_label == 1


def test_a_row_of_the_table_leads_to_its_frame_and_object(viewer, qtbot):
    viewer.add_image(np.zeros((3, 12, 12)), **IN_TIME)
    labels = viewer.add_labels(_labels(3, 12, 12), name="cells", translate=(60, 0, 0), **IN_TIME)
    widget = MeasureWidget(viewer)
    viewer.window.add_dock_widget(widget)
    widget.measure()
    qtbot.waitUntil(lambda: "Measured: cells" in viewer.window.dock_widgets)
    view = viewer.window.dock_widgets["Measured: cells"]
    assert isinstance(view, TableView)
    view.chosen.emit(2, 2)
    assert labels.selected_label == 2
    assert labels.world_to_data(viewer.dims.point)[0] == 2
    viewer.layers.remove(labels)
    view.chosen.emit(1, 1)
