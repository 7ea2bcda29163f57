"""One frame as the network sees it: each view is encoded once, whatever is asked of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.views import View, look

if TYPE_CHECKING:
    from torch import device as Device

    from napari_sam2.models.network.sam2 import ImageFeatures, Sam2


class FrameSource(Protocol):
    """What the tracker needs of a stack; frames are read one at a time."""

    shape: tuple[int, int, int]
    """(frames, y, x)."""

    def rgb(self, index: int) -> NDArray[np.float32]:
        """Frame `index` as float32 (3, y, x), values 0 to 1."""
        ...


class Scene:
    """The encoded views of one frame.

    Parameters
    ----------
    network : Sam2
        In evaluation mode.
    frames : FrameSource
        The stack.
    index : int
        Which frame.
    device : torch device
        Of the network.
    """

    def __init__(self, network: "Sam2", frames: FrameSource, index: int, device: "Device") -> None:
        self._network, self._frames, self._device = network, frames, device
        self.index = index
        self.shape = (frames.shape[1], frames.shape[2])
        self._image_chw: NDArray[np.float32] | None = None
        self._features: dict[View, ImageFeatures] = {}

    def features(self, views: Sequence[View]) -> "ImageFeatures":
        """Features of the views, one a batch item; views not seen before are encoded in one batch."""
        import torch

        from napari_sam2.models.network.sam2 import ImageFeatures

        new = [view for view in dict.fromkeys(views) if view not in self._features]
        if new:
            if self._image_chw is None:
                self._image_chw = self._frames.rgb(self.index)
            image_bchw = look(self._image_chw, new, self._network.config.image_size, self._device)
            encoded = self._network.encode_image(image_bchw)
            for i, view in enumerate(new):
                self._features[view] = encoded.take(slice(i, i + 1))
        if len(set(views)) == 1:
            return self._features[views[0]].expand(len(views))
        own = [self._features[view] for view in views]
        return ImageFeatures(
            torch.cat([f.fine_bchw for f in own]),
            torch.cat([f.mid_bchw for f in own]),
            torch.cat([f.coarse_bchw for f in own]),
        )
