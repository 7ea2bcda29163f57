"""Seeds as objects of a session, and objects that enter: those that overlap nothing that is followed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sam2.frames import Frames
from napari_sam2.label_store import LabelStore
from napari_sam2.session import Session
from napari_sam2.session.masks import PackedMask
from napari_sam2.tracking import track

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing

Masks = list[PackedMask]
"""Packed, because thousands of masks of whole frames would fill the memory."""
Finding = dict[int, tuple[int, ...]]
"""Frame to the ids of the objects that were found on it."""

KNOWN = 0.1
"""A seed is followed already when followed masks have more than this share of its pixels."""


def masks_of(labels_hw: NDArray[np.int32]) -> Masks:
    """The mask of each label from 1."""
    return [PackedMask.of(labels_hw == number) for number in range(1, int(labels_hw.max()) + 1)]


def add_prompts(session: Session, masks: Mapping[int, Masks], as_clicks: bool) -> Finding:
    """Give each object a new id and put it into the session, as its mask or as one click in its middle."""
    found: Finding = {}
    for frame, masks_of_frame in masks.items():
        ids = []
        for mask in masks_of_frame:
            ids.append(session.new_object())
            if as_clicks:
                session.add_points(ids[-1], frame, [_middle(mask.unpack())], [1])
            else:
                session.add_mask(ids[-1], frame, mask)
        if ids:
            found[frame] = tuple(ids)
    return found


def _middle(mask_hw: NDArray[np.bool_]) -> tuple[float, float]:
    """The pixel (y, x) farthest from the outline."""
    ys, xs = np.nonzero(mask_hw)
    top, left = int(ys.min()), int(xs.min())
    depth_hw = ndimage.distance_transform_edt(np.pad(mask_hw[top : ys.max() + 1, left : xs.max() + 1], 1))
    y, x = np.unravel_index(int(depth_hw.argmax()), depth_hw.shape)
    return float(top + y - 1), float(left + x - 1)


def find_entering(
    image: Frames,
    frames: Sequence[int],
    find: Callable[[int], NDArray[np.int32]],
    as_clicks: bool,
    model: "LoadedModel",
    framing: "Framing | None",
    span: tuple[str, int | None, int | None],
) -> dict[int, Masks]:
    """Find what is new on each of some frames: all objects of the first, and then what nothing follows.

    Parameters
    ----------
    image : Frames
        The stack.
    frames : sequence of int
        In order.
    find : callable
        Frame to its objects as a label image.
    as_clicks : bool
        As for `add_prompts`.
    model, framing
        What follows.
    span : (direction, start, stop)
        How it does, as for `Session.propagate`.

    Returns
    -------
    dict of int to list of PackedMask
        Frame to the masks that are new on it; frames without are left out.
    """
    found: dict[int, Masks] = {}
    session = Session(image)
    with TemporaryDirectory() as folder:
        store = LabelStore.on_disk(Path(folder) / "labels.zarr", image.shape)
        for frame in frames:
            labels_hw = find(frame)
            followed_hw = store[frame] > 0
            new = [mask for mask in masks_of(labels_hw) if followed_hw[mask.unpack()].mean() <= KNOWN]
            if not new:
                continue
            found[frame] = new
            ids = add_prompts(session, {frame: new}, as_clicks)[frame]
            session.propagate(ids, *span)
            if frame != frames[-1]:
                for result in track(session, model=model, framing=framing, onto=store):
                    store.write(result)
    return found
