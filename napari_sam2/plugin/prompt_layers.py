"""Clicks and boxes: a Points and a Shapes layer that show the prompts of a session and edit it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Points, Shapes
from numpy.typing import NDArray

from napari_sam2.analysis.colours import object_colour
from napari_sam2.errors import InputError
from napari_sam2.plugin.notices import telling
from napari_sam2.plugin.placement import Placement, between_layers, transform_of

if TYPE_CHECKING:
    from napari_sam2.interactive import Live

INSIDE, OUTSIDE = "#2fd35c", "#ff4b4b"
_SYMBOL = {True: "disc", False: "x"}
_PIXELS_ON_SCREEN = 10
"""Diameter of a click."""


@dataclass(frozen=True)
class Row:
    """One click or box, as a layer shows it: `place` is (y, x), or (y0, x0, y1, x1)."""

    object_id: int
    frame: int
    index: int
    place: tuple[float, ...]
    inside: bool = True


class PromptLayer(ABC):
    """What clicks and boxes have in common: what is in the session is shown, what is drawn goes to it.

    Parameters
    ----------
    live : Live
        The session.
    image : Image
        The layer that the frames are of.
    placement : Placement
        Where they lie in it.
    current : callable
        Gives the object that is being prompted, and whether a click is inside it.
    edited : callable
        Told the object and the frame of each change.

    Attributes
    ----------
    layer : Points or Shapes
        In the viewer once it is added there.
    """

    layer: Any

    def __init__(
        self,
        live: "Live",
        image: Image,
        placement: Placement,
        current: Callable[[], tuple[int, bool]],
        edited: Callable[[int, int], None],
    ) -> None:
        self._live, self._image, self._placement, self._current = live, image, placement, current
        self._edited = edited
        self._rows: list[Row] = []
        self.hidden: frozenset[int] = frozenset()
        self.layer = self._make()
        self.layer.events.data.connect(self._drawn)

    def sync(self) -> None:
        """Show what the session says."""
        rows = [row for row in self._said() if row.object_id not in self.hidden]
        if rows == self._rows and len(rows) == len(self.layer.data):
            return
        self._rows = rows
        with self.layer.events.data.blocker():
            self._show(rows)

    def put_back(self) -> None:
        """Show what the session says, whatever became of the layer."""
        self._rows = []
        with self.layer.events.data.blocker():
            self._show([])
        self.sync()

    def close(self) -> None:
        """Leave the layer to itself."""
        self.layer.events.data.disconnect(self._drawn)

    def _drawn(self, event: Any) -> None:
        """Take in what a person drew, moved or deleted; what cannot be used is taken back."""
        action = str(getattr(event, "action", ""))
        if action not in ("added", "changed", "removed"):
            return
        indices = [index for index in event.data_indices if isinstance(index, int | np.integer)]
        ok = False
        with telling():
            if action == "added":
                self._add([index if index >= 0 else index + len(self.layer.data) for index in indices])
            elif action == "changed":
                self._change(sorted(indices))
            else:
                self._remove(sorted(indices, reverse=True))
            ok = True
        if not ok:
            self.put_back()

    def _on_frame(self, coordinates: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
        return self._placement.on_frame(between_layers(self.layer, self._image, coordinates))

    def _in_layer(self, frame: int, points: Any) -> NDArray[np.float64]:
        return between_layers(self._image, self.layer, self._placement.data_coordinates(frame, points))

    @abstractmethod
    def _make(self) -> Any: ...

    @abstractmethod
    def _said(self) -> Iterator[Row]: ...

    @abstractmethod
    def _show(self, rows: list[Row]) -> None: ...

    @abstractmethod
    def _add(self, indices: list[int]) -> None: ...

    @abstractmethod
    def _change(self, indices: list[int]) -> None: ...

    @abstractmethod
    def _remove(self, indices: list[int]) -> None: ...


class Clicks(PromptLayer):
    """Points inside and outside of objects."""

    layer: Points

    def set_zoom(self, zoom: float) -> None:
        """Keep clicks as large on the screen: `zoom` is in screen pixels per unit of the world."""
        # napari's own limits of size also draw the highlight of no click at all.
        pixel = float(np.abs(self._image.scale[[self._placement.y, self._placement.x]]).mean())
        self.layer.selected_data = set()
        self.layer.size = self.layer.current_size = _PIXELS_ON_SCREEN / max(zoom * pixel, 1e-9)

    def set_current(self, object_id: int, inside: bool) -> None:
        """Draw the next click as one of this object."""
        # napari gives selected points each new current colour.
        self.layer.selected_data = set()
        self.layer.current_face_color = INSIDE if inside else OUTSIDE
        self.layer.current_border_color = _colour(object_id)
        self.layer.current_symbol = _SYMBOL[inside]

    def _make(self) -> Points:
        return Points(
            ndim=len(self._placement.shape),
            name="Clicks",
            border_width=0.15,
            projection_mode="none",
            **transform_of(self._image),
        )

    def _said(self) -> Iterator[Row]:
        for object_id, record in self._live.session.objects.items():
            for frame, given in sorted(record.prompts.items()):
                for index, (place, label) in enumerate(zip(given.points, given.labels, strict=True)):
                    yield Row(object_id, frame, index, place, bool(label))

    def _show(self, rows: list[Row]) -> None:
        layer = self.layer
        layer.selected_data = set()
        if not rows:
            layer.data = np.empty((0, layer.ndim))
            return
        layer.data = np.concatenate([self._in_layer(row.frame, [row.place]) for row in rows])
        layer.features = {
            "object_id": [row.object_id for row in rows],
            "frame": [row.frame for row in rows],
            "inside": [row.inside for row in rows],
        }
        layer.size = layer.current_size
        layer.symbol = [_SYMBOL[row.inside] for row in rows]
        layer.face_color = [INSIDE if row.inside else OUTSIDE for row in rows]
        layer.border_color = [_colour(row.object_id) for row in rows]

    def _add(self, indices: list[int]) -> None:
        object_id, inside = self._current()
        by_frame: dict[int, list[tuple[float, float]]] = {}
        for index in indices:
            frame, points = self._on_frame(self.layer.data[index])
            by_frame.setdefault(frame, []).append((float(points[0, 0]), float(points[0, 1])))
        for frame, points_of_frame in by_frame.items():
            self._live.add_points(object_id, frame, points_of_frame, [int(inside)] * len(points_of_frame))
            self._edited(object_id, frame)

    def _change(self, indices: list[int]) -> None:
        for index in indices:
            row = self._rows[index]
            frame, points = self._on_frame(self.layer.data[index])
            if frame != row.frame:
                raise InputError(f"a click stays on its frame; delete it and click on frame {frame} instead")
            self._live.move_point(
                row.object_id, row.frame, row.index, (float(points[0, 0]), float(points[0, 1]))
            )
            self._edited(row.object_id, row.frame)

    def _remove(self, indices: list[int]) -> None:
        for row in [self._rows[index] for index in indices]:
            self._live.remove_point(row.object_id, row.frame, row.index)
            self._edited(row.object_id, row.frame)


class Boxes(PromptLayer):
    """A box around an object; of any other shape that is drawn, its extent."""

    layer: Shapes

    def set_current(self, object_id: int) -> None:
        """Draw the next box as one of this object."""
        self.layer.selected_data = set()
        self.layer.current_edge_color = _colour(object_id)

    def _make(self) -> Shapes:
        y, x = self._placement.y, self._placement.x
        self._width = max(0.5, min(self._placement.shape[y], self._placement.shape[x]) / 400)
        return Shapes(
            ndim=len(self._placement.shape),
            name="Boxes",
            edge_width=self._width,
            face_color="transparent",
            opacity=1.0,
            **transform_of(self._image),
        )

    def _said(self) -> Iterator[Row]:
        for object_id, record in self._live.session.objects.items():
            for frame, given in sorted(record.prompts.items()):
                if given.box is not None:
                    yield Row(object_id, frame, 0, given.box)

    def _show(self, rows: list[Row]) -> None:
        layer = self.layer
        if len(layer.data):
            layer.selected_data = set(range(len(layer.data)))
            layer.remove_selected()
        if rows:
            layer.add_rectangles(
                [self._in_layer(row.frame, _corners(row.place)) for row in rows],
                edge_color=[_colour(row.object_id) for row in rows],
                face_color="transparent",
                edge_width=self._width,
            )
            layer.features = {
                "object_id": [row.object_id for row in rows],
                "frame": [row.frame for row in rows],
            }
        layer.selected_data = set()

    def _add(self, indices: list[int]) -> None:
        object_id, _ = self._current()
        for index in indices:
            self._put(object_id, index)

    def _change(self, indices: list[int]) -> None:
        for index in indices:
            self._put(self._rows[index].object_id, index)

    def _remove(self, indices: list[int]) -> None:
        for row in [self._rows[index] for index in indices]:
            self._live.remove_box(row.object_id, row.frame)
            self._edited(row.object_id, row.frame)

    def _put(self, object_id: int, index: int) -> None:
        frame, points = self._on_frame(self.layer.data[index])
        (y0, x0), (y1, x1) = points.min(axis=0), points.max(axis=0)
        self._live.add_box(object_id, frame, (float(y0), float(x0), float(y1), float(x1)))
        self._edited(object_id, frame)


def _corners(box: tuple[float, ...]) -> list[tuple[float, float]]:
    y0, x0, y1, x1 = box
    return [(y0, x0), (y0, x1), (y1, x1), (y1, x0)]


def _colour(object_id: int) -> NDArray[np.float32]:
    """As napari takes it."""
    return np.array([*object_colour(object_id), 255], np.float32) / 255
