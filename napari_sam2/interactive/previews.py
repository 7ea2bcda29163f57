"""Masks of prompts that no propagation has taken in yet, kept by what was said."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from napari_sam2.interactive.masks import Layer, Masks
from napari_sam2.models.results import MaskPatch
from napari_sam2.session.masks import PackedMask
from napari_sam2.session.state import Given, TrackedObject

_GIVEN_LOGIT = 10.0
_KEPT_BYTES = 256 << 20


class Previews:
    """The answers to clicks, and the layers of a frame made from them.

    Undo needs no memory of its own for prompts: the session says what is prompted, and what was found
    for it is here.
    """

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[int, int, str], MaskPatch] = OrderedDict()
        self._last: dict[tuple[int, int], MaskPatch] = {}
        self._bytes = 0

    def keep(self, name: str, patch: MaskPatch, frame: int) -> None:
        """Keep the mask found for a prompt; `name` is that of the prompt."""
        key = patch.object_id, frame, name
        if key in self._found:
            self._bytes -= self._found.pop(key).logits_hw.nbytes
        self._found[key] = self._last[key[:2]] = patch
        self._bytes += patch.logits_hw.nbytes
        while self._bytes > _KEPT_BYTES and len(self._found) > 1:
            self._bytes -= self._found.popitem(last=False)[1].logits_hw.nbytes

    def forget(self) -> None:
        """Another model looks from now on; the masks of this one stay until it has."""
        self._found.clear()
        self._bytes = 0

    def layers(
        self, frame: int, objects: Mapping[int, TrackedObject], masks: Masks
    ) -> tuple[list[Layer], list[int]]:
        """Layers of a frame, and the objects whose prompt there has not been looked at yet.

        While a prompt waits for its answer, the object's last mask on the frame stays.
        """
        layers: list[Layer] = []
        missing: list[int] = []
        for object_id, tracked in objects.items():
            lock, given = tracked.locks.get(frame), tracked.prompts.get(frame)
            entry = masks.entries.get((object_id, frame))
            patch = None
            if lock is not None:
                if PackedMask.of(masks.own(object_id, frame)) != lock:
                    patch = patch_of(object_id, lock)
            elif given is not None and (entry is None or entry.given != name_of(given)):
                key = object_id, frame, look_name(given, corrects=entry is not None)
                if given.mask is not None and key not in self._found:
                    self.keep(key[2], patch_of(object_id, given.mask), frame)
                if key not in self._found:
                    missing.append(object_id)
                else:
                    self._last[key[:2]] = self._found[key]
                patch = self._last.get(key[:2])
            if patch is not None:
                layers.append(Layer(patch, repair=entry is not None))
        return layers, missing


def name_of(given: Given | PackedMask) -> str:
    """A short name that equal prompts share and others do not."""
    mask = given if isinstance(given, PackedMask) else given.mask
    said = "" if isinstance(given, PackedMask) else repr((given.points, given.labels, given.box))
    digest = hashlib.sha1(said.encode(), usedforsecurity=False)
    if mask is not None:
        digest.update(mask.runs)
    return digest.hexdigest()[:16]


def look_name(given: Given, *, corrects: bool) -> str:
    """Name of what was found for a prompt, which is another thing where it corrects a mask."""
    return name_of(given) + "+" * corrects


def patch_of(object_id: int, packed: PackedMask) -> MaskPatch:
    """A mask that was given, as the model would answer it."""
    mask_hw = packed.unpack()
    ys, xs = np.flatnonzero(mask_hw.any(1)), np.flatnonzero(mask_hw.any(0))
    if not len(ys):
        return MaskPatch(object_id, 0, 0, np.zeros((0, 0), np.float32), 1.0, 0.0)
    own_hw = mask_hw[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    logits_hw = np.where(own_hw, np.float32(_GIVEN_LOGIT), np.float32(0))
    return MaskPatch(object_id, int(ys[0]), int(xs[0]), logits_hw, 1.0, 1.0)
