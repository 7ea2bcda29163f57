"""The Labels layer with the masks of a session: it shows what changes and gives on what is painted."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer

from napari_sam2.errors import InputError
from napari_sam2.plugin.label_view import LabelView
from napari_sam2.plugin.notices import telling
from napari_sam2.plugin.object_colours import label_colormap
from napari_sam2.plugin.placement import Placement, transform_of

if TYPE_CHECKING:
    from napari_sam2.interactive import Live
    from napari_sam2.plugin.label_view import FrameLabels


class Masks:
    """The masks in one Labels layer; painting in it becomes a mask prompt of the painted object.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is shown.
    live : Live
        The session.
    image : Image
        The layer that the frames are of.
    placement : Placement
        Where they lie in it.
    edited : callable
        Told the object and the frame of each change.
    elsewhere : sequence of (FrameLabels, Placement)
        Masks of other walks through the same image.
    opacity : float
        Of the masks.

    Attributes
    ----------
    layer : Labels
        In the viewer once it is added there.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        live: "Live",
        image: Image,
        placement: Placement,
        edited: Callable[[int, int], None],
        elsewhere: "Sequence[tuple[FrameLabels, Placement]]" = (),
        opacity: float = 0.5,
    ) -> None:
        self._edited = edited
        self._viewer, self._live, self._image, self._placement = viewer, live, image, placement
        self._view = LabelView(live.store, placement, elsewhere)
        self._hidden: frozenset[int] = frozenset()
        self._highest = 0
        self._waits = self._closed = False
        self.layer = Labels(
            self._view,
            name="Masks",
            opacity=opacity,
            colormap=label_colormap(0),
            **transform_of(image),
        )
        self.layer.brush_size = max(
            3, round(min(placement.shape[placement.y], placement.shape[placement.x]) / 50)
        )
        live.frames_changed.connect(self._changed)
        self.layer.events.paint.connect(self._painted)

    def close(self) -> None:
        """Leave the layer to itself."""
        self._live.frames_changed.disconnect(self._changed)
        self.layer.events.paint.disconnect(self._painted)
        self._closed = True

    def set_colours(self, highest_id: int, hidden: frozenset[int]) -> None:
        """Have a colour for each object, none for hidden ones."""
        if highest_id <= self._highest and hidden == self._hidden:
            return
        self.layer.colormap = label_colormap(highest_id, hidden)
        self._highest, self._hidden = len(self.layer.colormap.colors) - 1, hidden

    def refresh_if_waiting(self) -> None:
        """Show what changed in a view that shows many frames at once, which is drawn only now and then."""
        if self._waits:
            self._waits = False
            self.refresh()

    def refresh(self) -> None:
        """Read what is shown again."""
        self.layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _changed(self, frames: Collection[int]) -> None:
        along, dims = self._placement.along, self._viewer.dims
        if along is not None and along + dims.ndim - self.layer.ndim in dims.displayed:
            self._waits = True
        elif along is None or self._shown_frame() in frames:
            self.refresh()

    def _shown_frame(self) -> int:
        at = self.layer.world_to_data(self._viewer.dims.point[-self.layer.ndim :])
        return int(np.round(at[self._placement.along]))

    def _painted(self, event: Any) -> None:
        # Of some tools napari tells before it has painted.
        QTimer.singleShot(0, self.take_paint)

    def take_paint(self) -> None:
        """Give what was painted to the session, which then says what the masks are."""
        drafts = self._view.drafts()
        if not drafts or self._closed:
            return
        self._view.forget_drafts()
        with telling():
            for frame, before, after in drafts:
                if frame is None:
                    raise InputError(
                        "objects are not being followed in this part of the image; move the slider back and "
                        "paint there"
                    )
                changed = before != after
                painted = set(np.unique(after[changed]).tolist()) - {0}
                erased = set(np.unique(before[changed & (after == 0)]).tolist()) - {0}
                for object_id in sorted(painted | erased):
                    self._live.painted(object_id, frame, after == object_id)
                    self._edited(object_id, frame)
        self.refresh()
