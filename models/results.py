"""What the tracker yields: the masks of one frame, as logits, cut to where the objects are."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class MaskPatch:
    """One object on one frame: mask logits on a rectangle outside which the object is not.

    Attributes
    ----------
    object_id : int
        From 1.
    top, left : int
        Position of the rectangle's first pixel in the frame.
    logits_hw : float32 array (h, w)
        Mask logits; the mask is where they are above 0. Shape (0, 0) for an object that is absent.
    predicted_iou : float
        The decoder's own estimate of the mask's IoU, 0 to 1.
    object_score : float
        Probability that the object is visible on this frame, 0 to 1.
    """

    object_id: int
    top: int
    left: int
    logits_hw: NDArray[np.float32]
    predicted_iou: float
    object_score: float

    @classmethod
    def absent(cls, object_id: int) -> Self:
        """Of an object that is nowhere on the frame."""
        return cls(object_id, 0, 0, np.zeros((0, 0), dtype=np.float32), 0.0, 0.0)

    @property
    def region(self) -> tuple[slice, slice]:
        """The rectangle as an index into a frame."""
        h, w = self.logits_hw.shape
        return slice(self.top, self.top + h), slice(self.left, self.left + w)


@dataclass(frozen=True, eq=False)
class FrameResult:
    """The objects that one step of propagation found on one frame.

    Attributes
    ----------
    frame : int
        Index along the propagation axis.
    shape : (int, int)
        Frame size (y, x).
    patches : tuple of MaskPatch
        One for each object of this step, absent ones included.
    keep_others : bool
        True when this result repairs some objects and must not touch a pixel of any other.
    """

    frame: int
    shape: tuple[int, int]
    patches: tuple[MaskPatch, ...]
    keep_others: bool = False

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids in the order of `masks` and `scores`."""
        return tuple(patch.object_id for patch in self.patches)

    @cached_property
    def masks(self) -> NDArray[np.bool_]:
        """Bool (objects, y, x); masks of different objects may overlap."""
        masks_nhw = np.zeros((len(self.patches), *self.shape), dtype=bool)
        for mask_hw, patch in zip(masks_nhw, self.patches, strict=True):
            mask_hw[patch.region] = patch.logits_hw > 0
        return masks_nhw

    @property
    def scores(self) -> NDArray[np.float32]:
        """Predicted IoU of each mask, float32 (objects,)."""
        return np.array([patch.predicted_iou for patch in self.patches], dtype=np.float32)

    @property
    def object_scores(self) -> NDArray[np.float32]:
        """Probability that each object is visible, float32 (objects,)."""
        return np.array([patch.object_score for patch in self.patches], dtype=np.float32)

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """Label image int32 (y, x); where masks overlap the larger logit wins."""
        labels_hw = np.zeros(self.shape, dtype=np.int32)
        best_hw = np.zeros(self.shape, dtype=np.float32)
        for patch in self.patches:
            wins_hw = patch.logits_hw > best_hw[patch.region]
            best_hw[patch.region][wins_hw] = patch.logits_hw[wins_hw]
            labels_hw[patch.region][wins_hw] = patch.object_id
        return labels_hw
