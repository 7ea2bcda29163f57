"""What is known of the objects, in the layers: the region table with the masks, and the tracks."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from napari.layers import Tracks
from napari.viewer import Viewer
from qtpy.QtCore import QObject, QTimer

from napari_sam2.plugin.live_tables import LiveTables
from napari_sam2.plugin.placement import transform_of
from napari_sam2.plugin.settings import read_settings
from napari_sam2.plugin.track_layer import tracks_layer

if TYPE_CHECKING:
    from napari_sam2.interactive import Live
    from napari_sam2.plugin.panel import PromptPanel

_FEATURES_MS = 100
_TRACKS_MS = 600
_MOST_ROWS = 10_000
"""Up to this id the features have a row for every id, as napari's own table takes a row for an id."""


class ResultsLayers(QObject):
    """Keeps the features of the masks layer, and a tracks layer, as the session is.

    The features are the region table of the frame that is shown: napari holds one row for each label.
    The tracks layer is there as soon as an object of a time-lapse is on two frames, and follows when the
    objects were followed.

    Parameters
    ----------
    viewer : Viewer
        Where the layers are.
    panel : PromptPanel
        Whose session it is.

    Attributes
    ----------
    tables : LiveTables
        The region table of all frames.
    tracks : Tracks or None
        The tracks layer.
    """

    def __init__(self, viewer: Viewer, panel: "PromptPanel") -> None:
        super().__init__(panel)
        self._viewer, self._panel = viewer, panel
        self.tables = LiveTables(panel)
        self.tracks: Tracks | None = None
        self._live: Live | None = None
        self._features_timer = self._timer(_FEATURES_MS, self._show_features)
        self._tracks_timer = self._timer(_TRACKS_MS, self._show_tracks)
        self.tables.changed.connect(self._changed)
        panel.live_changed.connect(self._take)
        viewer.dims.events.current_step.connect(self._stepped)
        self._take(panel.live)

    def close(self) -> None:
        """Measure no more, and take the tracks layer away."""
        self.tables.stop()
        self._take(None)
        self._viewer.dims.events.current_step.disconnect(self._stepped)

    def _take(self, live: "Live | None") -> None:
        if self._live is not None:
            self._live.session_changed.disconnect(self._changed)
            self._live.busy_changed.disconnect(self._changed)
        self._live = live
        self._remove_tracks()
        if live is not None:
            live.session_changed.connect(self._changed)
            live.busy_changed.connect(self._changed)

    def _timer(self, interval_ms: int, tick: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        timer.timeout.connect(tick)
        return timer

    def _stepped(self, event: Any = None) -> None:
        if not self._features_timer.isActive():
            self._features_timer.start()

    def _changed(self, _: Any = None) -> None:
        self._stepped()
        if not self._tracks_timer.isActive():
            self._tracks_timer.start()

    def _show_features(self) -> None:
        layer, frame = self._panel.masks_layer, self._panel.current_frame
        if self._live is None or layer is None or frame is None:
            return
        names = {object_id: one.name for object_id, one in self._live.session.objects.items()}
        features = features_of(self.tables.on_frame(frame), names)
        if not features.equals(layer.features):
            layer.features = features

    def _show_tracks(self) -> None:
        live, opened = self._live, self._panel.opened
        if live is None or opened is None or live.progress is not None or live.frames.axis != "t":
            return
        if not self.tables.complete:
            self._tracks_timer.start()
            return
        regions = self.tables.regions()
        # napari takes the first dimension of tracks for time.
        if regions is None or regions["frame"].nunique() < 2 or opened.placement.along != 0:
            self._remove_tracks()
            return
        made = tracks_layer(regions, parents_in(live), live.frames.name)
        data = made.pop("data")
        placed = opened.placement.data_coordinates(data[:, 1], data[:, 2:])
        data = np.column_stack([data[:, 0], placed])
        layer = self.tracks
        if layer is None or layer not in self._viewer.layers:
            self._add_tracks(data, made, opened.image)
        elif not (np.array_equal(layer.data, data) and layer.graph == made["graph"]):
            layer.data = data
            layer.features = made["features"]
            layer.graph = made["graph"]

    def _add_tracks(self, data: Any, made: dict[str, Any], image: Any) -> None:
        active, point = self._viewer.layers.selection.active, self._viewer.dims.point
        tail = read_settings().tail_length
        self.tracks = self._viewer.add_tracks(
            data, name="Tracks", tail_length=tail, **made, **transform_of(image)
        )
        # The person is in the middle of clicking: neither the layer in hand nor the frame may change.
        self._viewer.layers.selection.active = active
        self._viewer.dims.set_point(range(len(point)), point)

    def _remove_tracks(self) -> None:
        tracks, self.tracks = self.tracks, None
        if tracks is not None and tracks in self._viewer.layers:
            self._viewer.layers.remove(tracks)


def features_of(regions: pd.DataFrame | None, names: dict[int, str]) -> pd.DataFrame:
    """The features of a labels layer: one row for each label, the background first, keyed by "index".

    Parameters
    ----------
    regions : DataFrame or None
        Of one frame; objects that are not on it have empty cells.
    names : mapping of int to str
        What the objects are called.
    """
    known = sorted({*names, *(() if regions is None else regions["object_id"].tolist())})
    rows = list(range(known[-1] + 1)) if known and known[-1] < _MOST_ROWS else [0, *known]
    features = pd.DataFrame({"index": rows})
    features["name"] = ["background", *(names.get(row, "") for row in rows[1:])]
    if regions is None:
        return features
    table = regions.rename(columns={"object_id": "index"})
    return features.merge(table, how="left", on="index")


def parents_in(live: "Live") -> dict[int, int]:
    """From daughter to mother, as the person marked divisions."""
    return {
        daughter: division.mother
        for division in live.session.divisions
        for daughter in division.daughters
        if daughter != division.mother
    }
