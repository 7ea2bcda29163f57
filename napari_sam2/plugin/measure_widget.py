"""Measure > Objects: tables of any labels layer, with the intensities of any image layers."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from napari.layers import Image, Labels
from napari.viewer import Viewer
from qtpy.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sam2.analysis import measure_regions, measure_tracks, measure_volumes
from napari_sam2.plugin.jobs import JobBar, Progress
from napari_sam2.plugin.layer_axes import data_of, data_shape
from napari_sam2.plugin.layer_choice import (
    ImageChoice,
    LayerChoice,
    Planes,
    Sizes,
    channel_names,
    read_sizes,
)
from napari_sam2.plugin.notices import telling
from napari_sam2.plugin.table_view import TableView

_WHAT = {
    "YX": "one image: a row for each object",
    "TYX": "frames in time: a row for each object on each frame, and for each object",
    "ZYX": "slices in depth: a row for each body, and for each object on each slice",
    "TZYX": "volumes in time: a row for each body at each time, and for each object",
}


class MeasureWidget(QWidget):
    """Choose labels and images, press Measure, read the tables.

    Parameters
    ----------
    napari_viewer : Viewer
        Whose layers are measured.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._labels = LayerChoice(napari_viewer, Labels)
        self._images = ImageChoice(napari_viewer)
        self._what = QLabel()
        self._what.setWordWrap(True)
        self._button = QPushButton("Measure")
        self._button.clicked.connect(self.measure)
        self._bar = JobBar()
        self._bar.running_changed.connect(self._button.setDisabled)
        self._labels.currentIndexChanged.connect(self._choose_labels)
        form = QFormLayout()
        form.addRow("Labels", self._labels)
        form.addRow("Intensities of", self._images)
        form.addRow("Tables", self._what)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self._button)
        column.addWidget(self._bar)
        column.addStretch()
        self._choose_labels()

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that there are now; napari calls this when they change."""
        self._labels.refill()
        self._choose_labels()

    def measure(self) -> None:
        """Measure in the background and show the tables below the image when they are ready."""
        labels, images = self._labels.layer, self._images.layers
        if labels is None:
            return
        with telling():
            sizes = read_sizes([labels, *images])
            data, name = data_of(labels), labels.name

            def work(progress: Progress) -> dict[str, pd.DataFrame]:
                return measure_layers(data, images, sizes, progress)

            self._bar.start("measuring", work, lambda tables: self._show(labels, name, tables))

    def _choose_labels(self) -> None:
        labels = self._labels.layer
        self._images.refill(labels)
        self._button.setEnabled(labels is not None and not self._bar.running)
        if labels is None:
            self._what.setText("open or make a labels layer first")
            return
        with telling():
            self._what.setText(_WHAT[read_sizes([labels, *self._images.layers]).letters])

    def _show(self, labels: Labels, name: str, tables: dict[str, pd.DataFrame]) -> None:
        view = TableView(name, tables)
        view.chosen.connect(lambda frame, object_id: self._go_to(labels, view.table, frame, object_id))
        self._viewer.window.add_dock_widget(view, name=f"Measured: {name}", area="bottom")

    def _go_to(self, labels: Labels, table: pd.DataFrame, frame: int, object_id: int) -> None:
        """Show an object: its frame, and of a body the middle slice."""
        if labels not in self._viewer.layers:
            return
        self._viewer.layers.selection.active = labels
        labels.selected_label = object_id
        place = [float(frame)]
        if "centroid_z_px" in table:
            row = table[(table["object_id"] == object_id) & (table["frame"] == frame)].iloc[0]
            place = [*place[: labels.ndim - 3], round(row["centroid_z_px"])]
        elif labels.ndim == 2:
            place = []
        sizes = data_shape(labels)[len(place) :]
        world = labels.data_to_world([*place, *(size / 2 for size in sizes)])
        first = self._viewer.dims.ndim - labels.ndim
        for dim in range(len(place)):
            self._viewer.dims.set_point(first + dim, world[dim])


def measure_layers(
    labels: Any, images: Sequence[Image], sizes: Sizes, progress: Progress
) -> dict[str, pd.DataFrame]:
    """Every table that makes sense for labels of (y, x), (t, y, x), (z, y, x) or (t, z, y, x).

    Parameters
    ----------
    labels : integer array
        numpy, dask, zarr, or what indexes like them.
    images : sequence of image layers
        Of the same pixels.
    sizes : Sizes
        From `read_sizes`.
    progress : callable
        See `Progress`.

    Raises
    ------
    MeasureError
        What cannot be measured.
    """
    names = channel_names(images) or None
    planes: Any = Planes(images) if images else None

    def show(what: str) -> Any:
        return lambda done, whole: progress(what, done, whole)

    if sizes.letters == "YX":
        one: Any = None if planes is None else [planes.whole()]
        flat = sizes.along("t")
        return {"Objects": measure_regions([labels], one, channel_names=names, **flat)}
    if sizes.letters == "TZYX":
        volumes = measure_volumes(
            labels, planes, channel_names=names, progress=show("measuring"), **sizes.of_volumes()
        )
        return {"Objects at each time": volumes, "Objects": measure_tracks(volumes)}
    axis = sizes.letters[0].lower()
    regions = measure_regions(
        labels, planes, channel_names=names, progress=show("measuring"), **sizes.along(axis)
    )
    if axis == "t":
        return {"Objects on frames": regions, "Objects": measure_tracks(regions)}
    whole = None if planes is None else [planes]
    volumes = measure_volumes(
        [labels], whole, channel_names=names, progress=show("measuring bodies"), **sizes.of_volumes()
    )
    return {"Objects": volumes, "Objects on slices": regions}
