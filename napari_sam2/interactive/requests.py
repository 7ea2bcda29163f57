"""What is asked of the model and what it answers: frozen, numbered, and made to cross processes.

A request holds everything that its answer depends on, so an answer can be recognised as stale by its
number alone.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_sam2.frames import Contrast, Frames
from napari_sam2.models.plan import Pass
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import FrameResult, MaskPatch

if TYPE_CHECKING:
    from napari_sam2.models.tracker import Framing

_FAINTEST = np.finfo(np.float16).smallest_subnormal
_STRONGEST = np.finfo(np.float16).max


@dataclass(frozen=True, eq=False)
class Display:
    """How the image is shown to the model.

    Attributes
    ----------
    channels : tuple of int
        As `Frames.shown_channels`.
    contrast : Contrast
        As `Frames.contrast`.
    """

    channels: tuple[int, ...]
    contrast: Contrast

    @classmethod
    def of(cls, frames: Frames) -> "Display":
        """As the frames are shown now."""
        return cls(frames.shown_channels, frames.contrast)

    def apply(self, frames: Frames) -> bool:
        """Show frames this way; True when they were shown in another."""
        same = frames.shown_channels == self.channels and frames.contrast == self.contrast
        frames.shown_channels, frames.contrast = self.channels, self.contrast
        return not same


@dataclass(frozen=True, eq=False)
class UseModel:
    """Load a model, by name or path, in place of the one there is."""

    number: int
    name: str
    device: str


@dataclass(frozen=True, eq=False)
class Look:
    """Find one object on one frame.

    Attributes
    ----------
    hint : bool array (y, x) or None
        The mask that propagation had put there, which the prompt corrects.
    """

    number: int
    object_id: int
    frame: int
    prompt: Prompt
    hint: NDArray[np.bool_] | None
    framing: "Framing | None"
    display: Display


@dataclass(frozen=True, eq=False)
class Follow:
    """Walk a plan.

    Attributes
    ----------
    known : mapping of int to (int32 array (y, x), float16 array (y, x))
        Labels and logits of the frames that the plan starts from, as they are when it is asked for.
    """

    number: int
    plan: tuple[Pass, ...]
    known: dict[int, tuple[NDArray[np.int32], NDArray[np.float16]]]
    framing: "Framing | None"
    display: Display


@dataclass(frozen=True, eq=False)
class Prepare:
    """Encode a frame as a whole, so that the first click on it is answered sooner."""

    number: int
    frame: int
    display: Display


Request = UseModel | Look | Follow | Prepare


@dataclass(frozen=True)
class Loading:
    """A model is on its way: bytes of the download so far, and in all where that is known."""

    number: int
    done: int
    total: int | None


@dataclass(frozen=True)
class Loaded:
    """A model is ready."""

    number: int
    name: str
    sha256: str
    device: str
    image_size: int


@dataclass(frozen=True, eq=False)
class Seen:
    """The mask of one object on one frame."""

    number: int
    object_id: int
    frame: int
    patch: MaskPatch


@dataclass(frozen=True, eq=False)
class Found:
    """One result of a walk; `direction` is 1 forward and -1 backward."""

    number: int
    result: FrameResult
    direction: int


@dataclass(frozen=True)
class Done:
    """A walk has come to its end."""

    number: int


@dataclass(frozen=True)
class Failed:
    """A request could not be answered; `sentence` says why and what to do."""

    number: int
    sentence: str


@dataclass(frozen=True)
class Lost:
    """The worker is gone, with all that it was asked; `sentence` says why and what to do."""

    sentence: str
    number: int = 0


Answer = Loading | Loaded | Seen | Found | Done | Failed | Lost


def halved(patch: MaskPatch) -> MaskPatch:
    """The patch with its logits as float16, rounded as the label store rounds them."""
    positive_hw = np.clip(patch.logits_hw, _FAINTEST, _STRONGEST).astype(np.float16)
    return replace(patch, logits_hw=np.where(patch.logits_hw > 0, positive_hw, np.float16(0)))


def as_record(patch: MaskPatch) -> tuple[list[float], bytes]:
    """A patch as plain numbers and bytes, to be written to a file."""
    height, width = patch.logits_hw.shape
    numbers = [patch.object_id, patch.top, patch.left, height, width, patch.predicted_iou, patch.object_score]
    return numbers, bytes(imagecodecs.zstd_encode(patch.logits_hw.astype("<f2").tobytes(), 1))


def from_record(numbers: list[float], data: bytes) -> MaskPatch:
    """The patch that `as_record` took apart."""
    object_id, top, left, height, width = map(int, numbers[:5])
    logits_hw = np.frombuffer(imagecodecs.zstd_decode(data), "<f2").reshape(height, width)
    return MaskPatch(object_id, top, left, logits_hw, numbers[5], numbers[6])
