"""The masks of a session while it is worked on: what propagation found, and above it what was clicked since.

The *base* is what propagations have written; it changes step by step, each change in the journal. On top
of it lie the *layers* of a frame: masks of prompts that no propagation has taken in yet. What is shown
is both, by the rules of the label store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_sam2.interactive.changes import Change
from napari_sam2.interactive.journal import Journal, Record
from napari_sam2.label_store import LabelStore, merge
from napari_sam2.models.results import FrameResult, MaskPatch

Arrays = tuple[NDArray[np.int32], NDArray[np.float16]]
"""Labels and logits of one frame, (y, x)."""


class Entry(NamedTuple):
    """What is known of one object on one frame that a propagation has output.

    Attributes
    ----------
    predicted_iou, object_score : float
        The decoder's own.
    direction : int
        Of the walk, 1 forward, -1 backward.
    agreement : float or None
        IoU with the mask that a walk in the other direction had found before.
    given : str or None
        Name of the prompt or lock that the mask comes from, where the object was given on the frame.
    """

    predicted_iou: float
    object_score: float
    direction: int
    agreement: float | None = None
    given: str | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """A mask above the base of a frame; `repair` where propagation had output the object there."""

    patch: MaskPatch
    repair: bool


class Masks:
    """Base, layers and what is shown of them.

    Parameters
    ----------
    store : LabelStore
        What is shown; what is in it is the base to begin with.
    journal : Journal
        Takes every change of the base.

    Attributes
    ----------
    entries : dict of (object_id, frame) to Entry
        What propagations have output.
    """

    def __init__(self, store: LabelStore, journal: Journal) -> None:
        self.store, self._journal = store, journal
        self.entries: dict[tuple[int, int], Entry] = {}
        self._under: dict[int, tuple[bytes, bytes]] = {}

    def base(self, frame: int) -> Arrays:
        """The base of a frame, as copies."""
        if frame not in self._under:
            return self.store.arrays(frame)
        labels, logits = (imagecodecs.zstd_decode(data) for data in self._under[frame])
        shape = self.store.shape[1:]
        return (
            np.frombuffer(labels, np.int32).reshape(shape).copy(),
            np.frombuffer(logits, np.float16).reshape(shape).copy(),
        )

    def own(self, object_id: int, frame: int) -> NDArray[np.bool_]:
        """Pixels of an object in the base of a frame."""
        labels_hw = self.base(frame)[0] if frame in self._under else self.store[frame]
        mask_hw: NDArray[np.bool_] = labels_hw == object_id
        return mask_hw

    def frames_of(self, object_id: int) -> list[int]:
        """Frames on which propagation has output an object, in ascending order."""
        return sorted(frame for one, frame in self.entries if one == object_id)

    def take(
        self, step: int, result: FrameResult, direction: int, given: Mapping[tuple[int, int], str]
    ) -> None:
        """Take one result of a propagation into the base.

        Parameters
        ----------
        step : int
            To which the change belongs.
        result : FrameResult
            What was found.
        direction : int
            Of the walk.
        given : mapping of (object_id, frame) to str
            Names of the prompts and locks that the propagation started from.
        """
        frame = result.frame
        before = self.base(frame)
        after = before[0].copy(), before[1].copy()
        merge(*after, result.patches, result.keep_others)
        entries = {}
        for patch in result.patches:
            key = patch.object_id, frame
            agreement = self._agreement(key, direction, before[0], after[0])
            score = float(patch.predicted_iou), float(patch.object_score)
            entries[patch.object_id] = Entry(*score, direction, agreement, given.get(key))
        self._record(step, frame, before, after, entries)

    def remove(self, step: int, object_id: int) -> list[int]:
        """Remove an object from the base; returns the frames on which it was."""
        frames = self.frames_of(object_id)
        for frame in frames:
            before = self.base(frame)
            after = before[0].copy(), before[1].copy()
            own_hw = after[0] == object_id
            after[0][own_hw] = 0
            after[1][own_hw] = 0
            self._record(step, frame, before, after, {object_id: None})
        return frames

    def undo(self, step: int) -> set[int]:
        """Take a step's changes of the base back; returns the frames."""
        return self._again(reversed(self._journal.records(step)), 0)

    def redo(self, step: int) -> set[int]:
        """Do a step's changes of the base again; returns the frames."""
        return self._again(self._journal.records(step), 1)

    def show(self, frame: int, layers: Sequence[Layer]) -> None:
        """Show a frame with these layers above its base."""
        if not layers and frame not in self._under:
            return
        labels_hw, logits_hw = self.base(frame)
        if layers:
            self._under[frame] = _packed(labels_hw, logits_hw)
        else:
            del self._under[frame]
        for repair in (False, True):
            merge(labels_hw, logits_hw, [one.patch for one in layers if one.repair == repair], repair)
        self.store.put(frame, labels_hw, logits_hw)

    def _agreement(
        self, key: tuple[int, int], direction: int, before_hw: NDArray[np.int32], after_hw: NDArray[np.int32]
    ) -> float | None:
        earlier = self.entries.get(key)
        if earlier is None or earlier.direction == direction:
            return None
        one_hw, other_hw = before_hw == key[0], after_hw == key[0]
        either = int((one_hw | other_hw).sum())
        return int((one_hw & other_hw).sum()) / either if either else None

    def _record(
        self, step: int, frame: int, before: Arrays, after: Arrays, entries: Mapping[int, Entry | None]
    ) -> None:
        change = Change.between(before, after)
        pairs = {one: (self.entries.get((one, frame)), entry) for one, entry in entries.items()}
        head = {"step": step, "frame": frame, "box": change.box, "entries": pairs}
        self._journal.append(head, change.data)
        self._put(frame, after, {one: entry for one, (_, entry) in pairs.items()})

    def _again(self, records: Any, side: int) -> set[int]:
        frames = set()
        for record in records:
            if "entries" in record.head:
                self._apply(record, side)
                frames.add(record.head["frame"])
        return frames

    def _apply(self, record: Record, side: int) -> None:
        arrays = self.base(record.head["frame"])
        Change(tuple(record.head["box"]), record.data).apply(*arrays)
        entries = {
            int(one): None if pair[side] is None else Entry(*pair[side])
            for one, pair in record.head["entries"].items()
        }
        self._put(record.head["frame"], arrays, entries)

    def _put(self, frame: int, arrays: Arrays, entries: Mapping[int, Entry | None]) -> None:
        if frame in self._under:
            self._under[frame] = _packed(*arrays)
        else:
            self.store.put(frame, *arrays)
        for object_id, entry in entries.items():
            self.entries.pop((object_id, frame), None)
            if entry is not None:
                self.entries[object_id, frame] = entry


def _packed(labels_hw: NDArray[np.int32], logits_hw: NDArray[np.float16]) -> tuple[bytes, bytes]:
    labels, logits = (imagecodecs.zstd_encode(one.tobytes(), 1) for one in (labels_hw, logits_hw))
    return bytes(labels), bytes(logits)
