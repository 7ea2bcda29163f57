"""Edits of a session with the masks that they lead to, and undo over both."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.interactive.journal import Journal
from napari_sam2.interactive.masks import Masks
from napari_sam2.interactive.previews import Previews
from napari_sam2.label_store import LabelStore
from napari_sam2.session import Session, add_label_prompts
from napari_sam2.session.state import Given, TrackedObject, Value


class Editing:
    """A session, its masks, and the edits of both; `Live` adds the model.

    Parameters
    ----------
    frames, session, store
        As for `Live`.
    """

    frames_changed = Signal(frozenset)
    session_changed = Signal()
    notice = Signal(str)

    def __init__(self, frames: Frames, session: Session | None, store: LabelStore | None) -> None:
        self.frames = frames
        self.session = session or Session(frames)
        self.store = store or LabelStore.in_memory(frames.shape)
        self.checked: set[tuple[int, int, str]] = set()
        self._journal = Journal()
        self._masks = Masks(self.store, self._journal)
        self._previews = Previews()
        self._new_steps = count(1)
        self._steps = [next(self._new_steps) for _ in self.session.history]
        self._undone: list[int] = []
        self._dirty: set[int] = set()

    # -- what Live does with it ------------------------------------------------------------------

    def stop(self) -> None:
        """End the running propagation."""

    def _before_edit(self) -> None:
        """Something is about to be edited."""

    def _after_edit(self) -> None:
        """The session or its masks are others now, for good."""

    def _look(self, object_id: int, frame: int) -> None:
        """Find the mask of a prompt."""

    # -- what there is ---------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self.session.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return self.session.can_redo

    def new_object(self) -> int:
        """The id for the next object."""
        return self.session.new_object()

    def mask(self, object_id: int, frame: int) -> NDArray[np.bool_]:
        """The mask of an object on a frame as it is shown, bool (y, x)."""
        return self.store.object_mask(object_id, frame)

    def was_followed(self, object_id: int, frame: int) -> bool:
        """Whether a propagation has output an object on a frame, so that a prompt there corrects it."""
        return (object_id, frame) in self._masks.entries

    # -- edits -----------------------------------------------------------------------------------

    def add_points(
        self, object_id: int, frame: int, points: Iterable[Iterable[float]], labels: Iterable[int]
    ) -> None:
        """Click on an object; as `Session.add_points`.

        On a frame with an earlier mask of the object it is a correction of that mask, also where that
        mask was given.
        """
        with self._edit():
            given = self._given(object_id, frame)
            if given is not None and given.mask is not None and self.was_followed(object_id, frame):
                self.session.remove_prompt(object_id, frame)
            self.session.add_points(object_id, frame, points, labels)

    def add_box(self, object_id: int, frame: int, box: Iterable[float]) -> None:
        """Draw a box around an object; as `Session.add_box`."""
        with self._edit():
            self.session.add_box(object_id, frame, box)

    def add_mask(self, object_id: int, frame: int, mask: Any) -> None:
        """Give the mask of an object; as `Session.add_mask`."""
        with self._edit():
            self.session.add_mask(object_id, frame, mask)

    def painted(self, object_id: int, frame: int, mask: NDArray[np.bool_]) -> None:
        """The person painted: the object's mask on the frame is now `mask`, bool (y, x).

        It becomes a mask prompt; a mask that was erased altogether says that the object is absent.
        """
        self.add_mask(object_id, frame, mask)

    def add_label_image(self, labels: Any) -> None:
        """Take existing labels, (y, x) for frame 0 or (frames, y, x), as prompts for many objects."""
        with self._edit():
            add_label_prompts(self.session, labels)

    def move_point(self, object_id: int, frame: int, index: int, point: Iterable[float]) -> None:
        """Put one point of a prompt, by its index, elsewhere."""
        given = self._given(object_id, frame)
        if given is None or not 0 <= index < len(given.points):
            raise InputError(f"object {object_id}, frame {frame}: there is no point {index} to move")
        points = [*given.points[:index], tuple(point), *given.points[index + 1 :]]
        with self._edit():
            self.session.remove_prompt(object_id, frame)
            self.session.add_points(object_id, frame, points, given.labels)
            if given.box is not None:
                self.session.add_box(object_id, frame, given.box)

    def remove_point(self, object_id: int, frame: int, index: int) -> None:
        """Take back one point of a prompt, by its index."""
        with self._edit():
            self.session.remove_point(object_id, frame, index)

    def remove_prompt(self, object_id: int, frame: int) -> None:
        """Take back all that was said of an object on a frame."""
        with self._edit():
            self.session.remove_prompt(object_id, frame)

    def remove_box(self, object_id: int, frame: int) -> None:
        """Take back the box of a prompt; its points stay."""
        given = self._given(object_id, frame)
        if given is None or given.box is None:
            raise InputError(f"object {object_id}, frame {frame}: there is no box to remove")
        with self._edit():
            self.session.remove_prompt(object_id, frame)
            if given.points:
                self.session.add_points(object_id, frame, given.points, given.labels)

    def delete_object(self, object_id: int) -> None:
        """Remove an object with its prompts and all its masks; a running propagation is stopped."""
        self._tracked(object_id)
        self.stop()
        with self._edit() as step:
            self.session.delete_object(object_id)
            self._dirty |= set(self._masks.remove(step, object_id))

    def rename_object(self, object_id: int, name: str) -> None:
        """Give an object a name."""
        with self._edit():
            self.session.rename_object(object_id, name)

    def set_parameter(self, name: str, value: Value) -> None:
        """Set a parameter of the session."""
        with self._edit():
            self.session.set_parameter(name, value)

    def lock(self, object_id: int, frame: int) -> None:
        """Accept what is seen of an object on a frame, also that it is absent."""
        with self._edit():
            self.session.lock(object_id, frame, self.mask(object_id, frame))

    def unlock(self, object_id: int, frame: int) -> None:
        """Let the mask of a locked frame change again."""
        with self._edit():
            self.session.unlock(object_id, frame)

    def mark_division(self, mother: int, daughters: Iterable[int], frame: int) -> None:
        """Say that an object divides; as `Session.mark_division`."""
        with self._edit():
            self.session.mark_division(mother, frame, daughters)

    def unmark_division(self, mother: int, frame: int | None = None) -> None:
        """Take back the division of an object; `frame` says which where it divides more than once."""
        frames = sorted(self._tracked(mother).divisions)
        if frame is None and len(frames) != 1:
            raise InputError(
                f"object {mother} has {len(frames)} marked divisions"
                + (f", on frames {', '.join(map(str, frames))}; say which" if frames else "")
            )
        with self._edit():
            self.session.unmark_division(mother, frames[0] if frame is None else frame)

    # -- undo ------------------------------------------------------------------------------------

    def undo(self) -> bool:
        """Take back the last step with its masks; False when there was none."""
        if not self.session.can_undo:
            return False
        before = self.session.objects
        self.session.undo()
        step = self._steps.pop()
        self._undone.append(step)
        self._changed(before, self._masks.undo(step))
        return True

    def redo(self) -> bool:
        """Do the last undone step again, with the masks that it led to; False when there was none."""
        if not self.session.can_redo:
            return False
        before = self.session.objects
        self.session.redo()
        step = self._undone.pop()
        self._steps.append(step)
        self._changed(before, self._masks.redo(step))
        return True

    # --------------------------------------------------------------------------------------------

    @contextmanager
    def _edit(self) -> Iterator[int]:
        """One step of undo, made of the session's edits in the block; gives its number."""
        self._before_edit()
        before = self.session.objects
        step = next(self._new_steps)
        n_before = len(self.session.history)
        with self.session.group():
            yield step
        if len(self.session.history) > n_before:
            self._steps.append(step)
            self._undone.clear()
        self._changed(before, set())

    def _changed(self, before: Mapping[int, TrackedObject], frames: set[int]) -> None:
        after = self.session.objects
        for object_id in before.keys() | after.keys():
            frames |= _differing(before.get(object_id), after.get(object_id))
        self._after_edit()
        self.session_changed.emit()
        self._refresh(frames | self._dirty)

    def _refresh(self, frames: Iterable[int]) -> None:
        """Show these frames anew, and look at prompts that were not looked at yet."""
        objects = self.session.objects
        frames = frozenset(frames)
        for frame in sorted(frames):
            layers, missing = self._previews.layers(frame, objects, self._masks)
            self._masks.show(frame, layers)
            for object_id in missing:
                self._look(object_id, frame)
        self._dirty = set()
        if frames:
            self.frames_changed.emit(frames)

    def _refresh_all(self) -> None:
        self._refresh(_anchored(self.session.objects.values()))

    def _given(self, object_id: int, frame: int) -> Given | None:
        tracked = self.session.objects.get(object_id)
        return None if tracked is None else tracked.prompts.get(frame)

    def _tracked(self, object_id: int) -> TrackedObject:
        if object_id not in self.session.objects:
            raise InputError(f"object {object_id} does not exist in this session; prompt it first")
        return self.session.objects[object_id]


def _differing(old: TrackedObject | None, new: TrackedObject | None) -> set[int]:
    """Frames on which something else is prompted or locked."""
    if old is new:
        return set()
    none = TrackedObject("")
    old, new = old or none, new or none
    return {
        frame
        for was, now in ((old.prompts, new.prompts), (old.locks, new.locks))
        for frame in was.keys() | now.keys()
        if was.get(frame) is not now.get(frame)
    }


def _anchored(objects: Iterable[TrackedObject]) -> set[int]:
    """Frames on which anything is prompted or locked."""
    return {frame for tracked in objects for frame in (*tracked.prompts, *tracked.locks)}
