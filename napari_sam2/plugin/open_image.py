"""One image that is being worked on: its session, and the layers that show it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.plugin.label_view import LabelView
from napari_sam2.plugin.layer_axes import AxisChoice, data_of, data_shape
from napari_sam2.plugin.masks_layer import Masks
from napari_sam2.plugin.placement import Placement, transform_of
from napari_sam2.plugin.prompt_layers import Boxes, Clicks

if TYPE_CHECKING:
    from napari_sam2.interactive import Live


@dataclass(frozen=True)
class Walk:
    """One way through an image that was worked on, put aside for another one."""

    live: "Live"
    placement: Placement


class OpenImage:
    """An image layer with its session and the layers that belong to it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are added.
    image : Image
        The image layer.
    choice : AxisChoice
        Which way the frames go.
    placement : Placement
        Where they lie in the layer.
    live : Live
        The session.
    current : callable
        Gives the object that is being prompted, and whether a click is inside it.
    edited : callable
        Told the object and the frame of each prompt that the person changes.
    walks : sequence of Walk
        Other walks through the image, whose masks are shown too.
    opacity : float
        Of the masks.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        image: Image,
        choice: AxisChoice,
        placement: Placement,
        live: "Live",
        current: Callable[[], tuple[int, bool]],
        edited: Callable[[int, int], None],
        walks: Sequence[Walk] = (),
        opacity: float = 0.5,
    ) -> None:
        self.viewer, self.image, self.choice, self.placement, self.live = (
            viewer,
            image,
            choice,
            placement,
            live,
        )
        elsewhere = [(walk.live.store, walk.placement) for walk in walks]
        self.masks = Masks(viewer, live, image, placement, edited, elsewhere, opacity)
        self.boxes = Boxes(live, image, placement, current, edited)
        self.clicks = Clicks(live, image, placement, current, edited)
        self.hidden: frozenset[int] = frozenset()
        self.sync()
        self._add_layers()
        self._zoomed()
        viewer.scene.camera.events.zoom.connect(self._zoomed)

    @property
    def layers(self) -> tuple[Labels, Layer, Layer]:
        """The masks, the boxes and the clicks, in the order of the layer list."""
        return self.masks.layer, self.boxes.layer, self.clicks.layer

    @property
    def frame(self) -> int:
        """The frame that the viewer shows, or the nearest one."""
        along = self.placement.along
        if along is None:
            return 0
        at = self.image.world_to_data(self.viewer.dims.point[-self.image.ndim :])
        return int(np.clip(np.round(at[along]), 0, self.placement.n_frames - 1))

    def position(self) -> dict[int, int]:
        """Where the sliders stand, in the data of the image."""
        return slider_position(self.viewer, self.image)

    def go_to(self, frame: int) -> None:
        """Move the sliders to a frame."""
        _, height, width = self.live.frames.shape
        coordinates = self.placement.data_coordinates(frame, [(height / 2, width / 2)])[0]
        world = self.image.data_to_world(coordinates)
        offset = self.viewer.dims.ndim - self.image.ndim
        for dim in self.placement.outer_dims():
            if dim == self.placement.along or dim in self.placement.fixed:
                self.viewer.dims.set_point(dim + offset, world[dim])

    def sync(self) -> None:
        """Show what the session says."""
        self.clicks.hidden = self.boxes.hidden = self.hidden
        self.clicks.sync()
        self.boxes.sync()
        self.masks.set_colours(max(self.live.session.objects, default=0), self.hidden)

    def set_current(self, object_id: int, inside: bool) -> None:
        """Draw the next prompt as one of this object."""
        self.clicks.set_current(object_id, inside)
        self.boxes.set_current(object_id)
        self.masks.layer.selected_label = object_id

    def tool(self) -> str | None:
        """The tool in hand: "click", "box", "paint", "look"; None where another layer is active."""
        masks, boxes, clicks = self.layers
        active = self.viewer.layers.selection.active
        if active in (masks, boxes, clicks) and active.mode == "pan_zoom":
            return "look"
        return {clicks: "click", boxes: "box", masks: "paint"}.get(active)

    def restore_layers(self) -> bool:
        """Add layers of ours that were removed; True when there were any."""
        missing = [layer for layer in self.layers if layer not in self.viewer.layers]
        if not missing:
            return False
        self._add_layers()
        return True

    def labels_on_frames(self, labels: Labels) -> "FramesOfArray | OneFrameOfLabels":
        """A labels layer as label images of the frames; labels of one frame go to the frame in view.

        Raises
        ------
        InputError
            It has another size than the image.
        """
        shape, plane = data_shape(labels), self.live.frames.shape[1:]
        if shape == self.placement.shape:
            return FramesOfArray(data_of(labels), self.placement)
        if shape == plane:
            return OneFrameOfLabels(np.asarray(data_of(labels)), self.frame, self.live.frames.shape)
        raise InputError(
            f"the labels '{labels.name}' have the size {_words(shape)}, and the image has "
            f"{_words(self.placement.shape)}; choose labels of that size, or of one frame, {_words(plane)}"
        )

    def close(self) -> None:
        """Leave the layers to themselves."""
        self.viewer.scene.camera.events.zoom.disconnect(self._zoomed)
        for part in (self.masks, self.boxes, self.clicks):
            part.close()

    def remove_layers(self) -> None:
        """Take the session's layers out of the viewer."""
        for layer in self.layers:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def leave_masks(self) -> None:
        """Leave the masks in the viewer as a layer like any other, once the session is closed."""
        if not self.live.session.objects:
            return
        data = self.live.store.labels
        if self.placement.shape != tuple(data.shape) or self.placement.along != 0:
            data = np.asarray(self.masks.layer.data)
        state = transform_of(self.image) | {"colormap": self.masks.layer.colormap}
        self.viewer.add_layer(Labels(data, name="Masks", opacity=self.masks.layer.opacity, **state))

    def _zoomed(self, event: Any = None) -> None:
        self.clicks.set_zoom(self.viewer.scene.camera.zoom)

    def _add_layers(self) -> None:
        """Add what is missing above the image, and leave the sliders where they are."""
        point = self.viewer.dims.point
        for layer in self.layers:
            if layer not in self.viewer.layers:
                self.viewer.add_layer(layer)
        self.viewer.dims.set_point(range(len(point)), point)


class FramesOfArray:
    """An array that is laid out as the image is, frame by frame, (y, x)."""

    def __init__(self, array: Any, placement: Placement) -> None:
        self._array, self._placement = array, placement
        self.shape = (placement.n_frames, placement.shape[placement.y], placement.shape[placement.x])
        self.ndim = 3
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, frame: int) -> NDArray[Any]:
        place = self._placement
        key: list[int | slice] = [place.fixed.get(dim, 0) for dim in range(len(place.shape))]
        key[place.y] = key[place.x] = slice(None)
        if place.along is not None:
            key[place.along] = frame
        plane = np.asarray(self._array[tuple(key)])
        return plane if place.y < place.x else plane.T


class OneFrameOfLabels:
    """Labels of one frame, (y, x), and nothing on all others."""

    def __init__(self, labels: NDArray[Any], frame: int, shape: tuple[int, int, int]) -> None:
        self._labels, self._frame = labels, frame
        self.shape, self.ndim, self.dtype = shape, 3, labels.dtype

    def __getitem__(self, frame: int) -> NDArray[Any]:
        return self._labels if frame == self._frame else np.zeros_like(self._labels)


class NumberedOn:
    """Labels whose numbers begin behind those that are taken."""

    def __init__(self, labels: Any, taken: int) -> None:
        self._labels, self._taken = labels, taken
        self.shape, self.ndim, self.dtype = labels.shape, labels.ndim, np.dtype(np.int64)

    def __getitem__(self, frame: int) -> NDArray[np.int64]:
        labels = np.asarray(self._labels[frame]).astype(np.int64)
        return np.where(labels > 0, labels + self._taken, 0)


def labels_of_walks(placement: Placement, walks: Sequence[Walk]) -> FramesOfArray | None:
    """Masks of other walks on these frames; None where there can be none."""
    alike = [
        (walk.live.store, walk.placement)
        for walk in walks
        if (walk.placement.y, walk.placement.x) == (placement.y, placement.x)
    ]
    if not alike:
        return None
    return FramesOfArray(LabelView(*alike[0], alike[1:]), placement)


def slider_position(viewer: ViewerModel, image: Image) -> dict[int, int]:
    """Where the sliders stand, in the data of an image."""
    at = image.world_to_data(viewer.dims.point[-image.ndim :])
    return {dim: int(np.round(value)) for dim, value in enumerate(at)}


def _words(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
