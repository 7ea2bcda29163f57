"""Track > Tracks from labels: a tracks layer with lineage from any labels layer in time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Labels
from napari.utils.notifications import show_info
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_sam2.analysis import (
    apply_links,
    link_objects,
    measure_regions,
    measure_volumes,
    parents_of,
    propose_divisions,
)
from napari_sam2.errors import InputError
from napari_sam2.plugin.jobs import JobBar, Progress
from napari_sam2.plugin.layer_axes import data_of
from napari_sam2.plugin.layer_choice import LayerChoice, Sizes, read_sizes
from napari_sam2.plugin.notices import telling
from napari_sam2.plugin.object_colours import TrackColours, label_colormap
from napari_sam2.plugin.placement import transform_of
from napari_sam2.plugin.track_layer import relabelled, share_of_kept_ids, tracks_layer

_DECIDE, _KEEP, _LINK = "decide by the masks", "keep: an id is one object", "link the frames anew"
_KEPT_BY_FOLLOWED = 0.8
"""Share of ids that stay with their object from which on they are believed. Of labels that other tools
followed through time 0.95 and more stay; of frames that were numbered one by one far fewer."""


@dataclass(frozen=True, eq=False)
class Tracked:
    """What became of a labels layer.

    Attributes
    ----------
    layer : dict
        From `tracks_layer`.
    labels : int32 array or None
        With the ids of the tracks, where frames were linked.
    kept : float
        Share of ids that stayed with their object.
    """

    layer: dict[str, Any]
    labels: NDArray[np.int32] | None
    kept: float


class TrackWidget(QWidget):
    """Choose labels, press Make tracks.

    Parameters
    ----------
    napari_viewer : Viewer
        Whose layers are tracked.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._labels = LayerChoice(napari_viewer, Labels, lambda layer: layer.ndim in (3, 4))
        self._ids = QComboBox()
        self._ids.addItems([_DECIDE, _KEEP, _LINK])
        self._ids.setToolTip("Whether the same number on two frames is the same object")
        self._reach = QDoubleSpinBox()
        self._reach.setRange(0, 1e6)
        self._reach.setDecimals(2)
        self._reach.setSpecialValueText("one diameter")
        self._reach.setToolTip("Farthest that an object moves between two frames, when frames are linked")
        self._gap = QSpinBox()
        self._gap.setRange(0, 50)
        self._gap.setValue(1)
        self._gap.setToolTip("For how many frames an object may be missing, when frames are linked")
        self._button = QPushButton("Make tracks")
        self._button.clicked.connect(self.track)
        self._bar = JobBar()
        self._bar.running_changed.connect(self._button.setDisabled)
        self._ids.currentTextChanged.connect(self._enable)
        self._labels.currentIndexChanged.connect(self._enable)
        form = QFormLayout()
        form.addRow("Labels", self._labels)
        form.addRow("Ids", self._ids)
        form.addRow("Farthest move", self._reach)
        form.addRow("Longest gap, frames", self._gap)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self._button)
        column.addWidget(self._bar)
        column.addStretch()
        self._enable()

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that there are now; napari calls this when they change."""
        self._labels.refill()
        self._enable()

    def track(self) -> None:
        """Follow the objects in the background and show their tracks when they are ready."""
        labels = self._labels.layer
        if labels is None:
            return
        with telling():
            sizes = read_sizes([labels])
            if sizes.letters[0] != "T":
                raise InputError(
                    f"the first axis of '{labels.name}' is depth, and tracks follow time; name it t in the "
                    "layer's axis labels if it is time"
                )
            data, name, ids = data_of(labels), labels.name, self._ids.currentText()
            reach, gap = self._reach.value() or None, self._gap.value()

            def work(progress: Progress) -> Tracked:
                return track_labels(data, name, sizes, ids, reach, gap, progress)

            self._bar.start("tracking", work, lambda tracked: self._show(labels, name, tracked))

    def _enable(self) -> None:
        self._button.setEnabled(self._labels.layer is not None and not self._bar.running)
        for one in (self._reach, self._gap):
            one.setEnabled(self._ids.currentText() != _KEEP)
        if self._labels.layer is not None:
            with telling():
                self._reach.setSuffix(f" {read_sizes([self._labels.layer]).unit}")

    def _show(self, labels: Labels, name: str, tracked: Tracked) -> None:
        place = transform_of(labels)
        if tracked.labels is not None:
            colours = label_colormap(int(tracked.labels.max()))
            self._viewer.add_labels(tracked.labels, name=f"{name} linked", colormap=colours, **place)
        else:
            tracked.layer["colormaps_dict"] = {"track_id": TrackColours(labels)}
        layer = self._viewer.add_tracks(name=f"{name} tracks", **tracked.layer, **place)
        count = len(np.unique(layer.data[:, 0]))
        how = "linked anew" if tracked.labels is not None else "kept"
        show_info(
            f"{count} tracks, {len(layer.graph)} of them daughters of a division; the ids were {how}: "
            f"{tracked.kept:.0%} of them stay with their object from frame to frame."
        )


def track_labels(
    labels: Any, name: str, sizes: Sizes, ids: str, reach: float | None, gap: int, progress: Progress
) -> Tracked:
    """Follow the objects of labels (t, y, x) or (t, z, y, x).

    Parameters
    ----------
    labels : integer array
        numpy, dask, zarr, or what indexes like them.
    name : str
        Of the layer.
    sizes : Sizes
        From `read_sizes`.
    ids : str
        What the person chose.
    reach, gap
        As `max_distance` and `max_gap` of `link_objects`.
    progress : callable
        See `Progress`.

    Raises
    ------
    InputError, MeasureError
        What a person can mend.
    """

    def show(done: int, whole: int) -> None:
        progress("measuring", done, whole)

    if len(sizes.letters) == 4:
        regions = measure_volumes(labels, progress=show, **sizes.of_volumes())
    else:
        regions = measure_regions(labels, progress=show, **sizes.along("t"))
    kept = share_of_kept_ids(regions) if len(regions) else float("nan")
    progress("following", 0, 0)
    if len(regions) == 0 or ids == _KEEP or (ids == _DECIDE and not kept < _KEPT_BY_FOLLOWED):
        divisions = propose_divisions(regions)
        return Tracked(tracks_layer(regions, parents_of(divisions), f"the layer '{name}'"), None, kept)
    links, divisions = link_objects(regions, max_distance=reach, max_gap=gap)
    tracked: pd.DataFrame = apply_links(regions, links)
    layer = tracks_layer(tracked, parents_of(divisions), f"the layer '{name}'")
    return Tracked(layer, relabelled(labels, links), kept)
