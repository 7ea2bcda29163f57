"""Frames of a walk, read by a thread of their own while the network is busy with the frames before."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.scene import FrameSource, Scene, encode_together
from napari_sam2.models.views import whole

if TYPE_CHECKING:
    from torch import device as Device

    from napari_sam2.models.encoded import EncodedFrames
    from napari_sam2.models.network.sam2 import Sam2

TOGETHER = 8
"""Whole frames that an accelerator encodes at once. A processor gains nothing from it."""


def scenes_of(
    network: "Sam2",
    frames: FrameSource,
    order: Sequence[int],
    device: "Device",
    whole_frames: bool,
    cache: "EncodedFrames | None" = None,
) -> Iterator[Scene]:
    """The scenes of the frames in `order`, each read before it is asked for.

    Parameters
    ----------
    network : Sam2
        In evaluation mode.
    frames : FrameSource
        The stack.
    order : sequence of int
        The frames to come.
    device : torch device
        Of the network.
    whole_frames : bool
        All objects see the whole frame, which can be encoded as soon as it is read.
    cache : EncodedFrames, optional
        Where whole frames are looked for, and kept.
    """
    together = TOGETHER if whole_frames and device.type != "cpu" else 1
    ready: deque[Scene] = deque()
    for index, image_chw in read_ahead(frames, order, together):
        ready.append(Scene(network, frames, index, device, image_chw, cache))
        if len(ready) == together or index == order[-1]:
            if together > 1:
                encode_together(ready, whole((frames.shape[1], frames.shape[2])))
            while ready:
                yield ready.popleft()


def read_ahead(
    frames: FrameSource, order: Sequence[int], ahead: int = 1
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Frames in `order` with their numbers, while up to `ahead` more are being read.

    What goes wrong with a frame is raised when its turn comes, so that the frames before it are done.
    """
    if len(order) < 2:
        yield from ((index, frames.rgb(index)) for index in order)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="frames") as reader:
        waiting: deque[tuple[int, Future[NDArray[np.float32]]]] = deque()
        try:
            for index in order:
                waiting.append((index, reader.submit(frames.rgb, index)))
                if len(waiting) > ahead:
                    number, image = waiting.popleft()
                    yield number, image.result()
            while waiting:
                number, image = waiting.popleft()
                yield number, image.result()
        finally:
            for _, image in waiting:
                image.cancel()
