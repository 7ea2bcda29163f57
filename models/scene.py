"""One frame as the network sees it: each view is encoded once, whatever is asked of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.views import View, look, whole

if TYPE_CHECKING:
    from torch import Tensor
    from torch import device as Device

    from napari_sam2.models.encoded import EncodedFrames
    from napari_sam2.models.network.sam2 import ImageFeatures, Sam2

KEPT_VIEWS = 64
"""Encoded views that a frame keeps; hundreds of objects would otherwise fill the memory."""
CACHED_PIXELS = 2**18
"""Input pixels that a processor encodes at once: with more, its caches are too small."""


class FrameSource(Protocol):
    """What the tracker needs of a stack; frames are read one at a time, by one thread or another."""

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
    image_chw : float32 array (3, y, x), optional
        The frame, where it is read already.
    cache : EncodedFrames, optional
        Where the features of the whole frame are looked for, and kept.
    """

    def __init__(
        self,
        network: "Sam2",
        frames: FrameSource,
        index: int,
        device: "Device",
        image_chw: NDArray[np.float32] | None = None,
        cache: "EncodedFrames | None" = None,
    ) -> None:
        self._network, self._frames, self._device, self._cache = network, frames, device, cache
        self.index = index
        self.shape = (frames.shape[1], frames.shape[2])
        self._read_chw = image_chw
        self._image_chw: Tensor | None = None
        self._key: str | None = None
        self._features: dict[tuple[View, int], ImageFeatures] = {}

    def features(self, views: Sequence[View], size: int) -> "ImageFeatures":
        """Features of the views, one a batch item; views not seen before are encoded in batches.

        Parameters
        ----------
        views : sequence of View
            What is looked at.
        size : int
            Side of the network's input for each of them, in pixels.
        """
        import torch

        from napari_sam2.models.network.sam2 import ImageFeatures

        self.recall(views, size)
        known = {
            view: self._features[view, size]
            for view in dict.fromkeys(views)
            if (view, size) in self._features
        }
        new = [view for view in dict.fromkeys(views) if view not in known]
        step = max(CACHED_PIXELS // size**2, 1) if self._device.type == "cpu" else len(new)
        for start in range(0, len(new), max(step, 1)):
            part = new[start : start + step]
            encoded = self._network.encode_image(self.look(part, size))
            for i, view in enumerate(part):
                known[view] = encoded.take(slice(i, i + 1))
                self.store(view, size, known[view])
        self.keep({(view, size): features for view, features in known.items()})
        if len(known) == 1:
            return known[views[0]].expand(len(views))
        own = [known[view] for view in views]
        return ImageFeatures(
            torch.cat([f.fine_bchw for f in own]),
            torch.cat([f.mid_bchw for f in own]),
            torch.cat([f.coarse_bchw for f in own]),
        )

    def look(self, views: Sequence[View], size: int) -> "Tensor":
        """The views as the network takes them, at an input of `size` pixels."""
        import torch

        if self._image_chw is None:
            image_chw = np.require(self._read(), requirements=["C", "W"])
            self._image_chw = torch.from_numpy(image_chw).to(self._device)
        return look(self._image_chw, views, size, self._device)

    def recall(self, views: Sequence[View], size: int) -> bool:
        """Whether the whole frame is among the views and its features are here, or were in the cache."""
        frame = whole(self.shape)
        cache = self._cache_of(frame, size)
        if cache is not None and frame in views and (frame, size) not in self._features:
            self._key = cache.key(self._read())
            kept = cache.read(self._key)
            if kept is not None:
                self.keep({(frame, size): kept.to(self._device)})
        return frame in views and (frame, size) in self._features

    def store(self, view: View, size: int, features: "ImageFeatures") -> None:
        """Put the features of the whole frame into the cache, if there is one."""
        cache = self._cache_of(view, size)
        if cache is not None and self._key is not None:
            cache.write(self._key, features)

    def _cache_of(self, view: View, size: int) -> "EncodedFrames | None":
        """Where what is seen so is kept: whole frames at the network's own input size, nothing else."""
        kept = view == whole(self.shape) and size == self._network.config.image_size
        return self._cache if kept else None

    def _read(self) -> NDArray[np.float32]:
        if self._read_chw is None:
            self._read_chw = self._frames.rgb(self.index)
        return self._read_chw

    def keep(self, features: "dict[tuple[View, int], ImageFeatures]") -> None:
        """Remember encoded views and their input sizes, the latest ones."""
        self._features |= features
        for seen in list(self._features)[:-KEPT_VIEWS]:
            del self._features[seen]


def encode_together(scenes: Sequence[Scene], view: View) -> None:
    """Encode one view of several frames in one batch, ahead of their use."""
    import torch

    network = scenes[0]._network
    size = network.config.image_size
    new = [scene for scene in scenes if not scene.recall([view], size)]
    if not new:
        return
    with torch.inference_mode():
        encoded = network.encode_image(torch.cat([scene.look([view], size) for scene in new]))
        for i, scene in enumerate(new):
            features = encoded.take(slice(i, i + 1))
            scene.keep({(view, size): features})
            scene.store(view, size, features)
