"""What can be done in a session: each edit a small frozen object that knows how to take itself back.

`apply` changes a state and returns the edit that takes the change back exactly. Edits check only what
depends on the state, such as whether an object exists; values are checked, and brought into the form
that is kept, by the session that makes the edits.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from napari_sam2.errors import InputError
from napari_sam2.session.masks import PackedMask
from napari_sam2.session.state import Given, State, TrackedObject, Value

_Thing = TypeVar("_Thing")


class Edit(ABC):
    """One step of a session."""

    @abstractmethod
    def apply(self, state: State) -> "Edit":
        """Change `state` and return the edit that takes it back.

        Raises
        ------
        InputError
            When the state does not allow it; the state is then as before.
        """


@dataclass(frozen=True)
class ObjectEdit(Edit):
    """An edit of one object."""

    object_id: int

    def apply(self, state: State) -> Edit:
        """Change the object and return the edit that puts it back as it was."""
        return _PutObject(self.object_id, self.changed(state.objects.get(self.object_id))).apply(state)

    @abstractmethod
    def changed(self, before: TrackedObject | None) -> TrackedObject | None:
        """The object after this edit; None for one that does not exist."""

    def existing(self, before: TrackedObject | None) -> TrackedObject:
        """`before`, when there is such an object."""
        if before is None:
            raise InputError(f"object {self.object_id} does not exist in this session; prompt it first")
        return before


@dataclass(frozen=True)
class FrameEdit(ObjectEdit):
    """An edit of one object on one frame."""

    frame: int

    @property
    def where(self) -> str:
        """The object and the frame, as every message begins."""
        return f"object {self.object_id}, frame {self.frame}"

    def unlocked(self, before: TrackedObject) -> TrackedObject:
        """`before`, when it may be prompted on this frame."""
        if self.frame in before.locks:
            raise InputError(f"{self.where}: the frame is locked for this object; unlock it first")
        return before

    def opened(self, before: TrackedObject | None) -> tuple[TrackedObject, Given]:
        """The object, which the first prompt makes, and what was said on this frame so far."""
        record = self.unlocked(before or TrackedObject(f"object {self.object_id}"))
        return record, record.prompts.get(self.frame, Given())

    def clickable(self, before: TrackedObject | None) -> tuple[TrackedObject, Given]:
        """As `opened`, when points and a box may be added there."""
        record, given = self.opened(before)
        if given.mask is not None:
            raise InputError(
                f"{self.where}: points and boxes cannot be added to a mask prompt; remove the prompt first"
            )
        return record, given

    def prompted(self, before: TrackedObject | None) -> tuple[TrackedObject, Given]:
        """As `opened`, when there is a prompt."""
        record = self.unlocked(self.existing(before))
        if self.frame not in record.prompts:
            raise InputError(f"{self.where}: there is no prompt to remove{_known(record.prompts)}")
        return record, record.prompts[self.frame]

    def told(self, record: TrackedObject, given: Given | None) -> TrackedObject:
        """The object with `given` as its prompt on this frame, or with none there."""
        return replace(record, prompts=_with(record.prompts, self.frame, given))


@dataclass(frozen=True)
class AddPoints(FrameEdit):
    """Click: points are added to what was said on the frame."""

    points: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record, given = self.clickable(before)
        return self.told(
            record, replace(given, points=given.points + self.points, labels=given.labels + self.labels)
        )


@dataclass(frozen=True)
class AddBox(FrameEdit):
    """Draw a box; it takes the place of an earlier box on the frame and stands beside its points."""

    box: tuple[float, float, float, float]

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record, given = self.clickable(before)
        return self.told(record, replace(given, box=self.box))


@dataclass(frozen=True)
class AddMask(FrameEdit):
    """Give the whole mask; it takes the place of everything said on the frame before."""

    mask: PackedMask

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        if before is None and not self.mask.any():
            raise InputError(f"{self.where}: the mask is empty; give at least one pixel of the object")
        record, _ = self.opened(before)
        return self.told(record, Given(mask=self.mask))


@dataclass(frozen=True)
class RemovePrompt(FrameEdit):
    """Take back all that was said on the frame."""

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record, _ = self.prompted(before)
        return self.told(record, None)


@dataclass(frozen=True)
class RemovePoint(FrameEdit):
    """Take back one point, by its index in the prompt of the frame."""

    index: int

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record, given = self.prompted(before)
        if not 0 <= self.index < len(given.points):
            raise InputError(
                f"{self.where}: there is no point {self.index}; the prompt has {len(given.points)} points, "
                "counted from 0"
            )
        left = replace(
            given,
            points=given.points[: self.index] + given.points[self.index + 1 :],
            labels=given.labels[: self.index] + given.labels[self.index + 1 :],
        )
        return self.told(record, None if left == Given() else left)


@dataclass(frozen=True)
class Lock(FrameEdit):
    """Accept a mask as it is; locking a locked frame again replaces the accepted mask."""

    mask: PackedMask

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record = self.existing(before)
        return replace(record, locks=_with(record.locks, self.frame, self.mask))


@dataclass(frozen=True)
class Unlock(FrameEdit):
    """Let the mask of a locked frame change again."""

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record = self.existing(before)
        if self.frame not in record.locks:
            raise InputError(f"{self.where}: the frame is not locked{_known(record.locks)}")
        return replace(record, locks=_with(record.locks, self.frame, None))


@dataclass(frozen=True)
class MarkDivision(FrameEdit):
    """Say that an object divides; marking a frame again replaces what was said.

    Attributes
    ----------
    frame : int
        The first on which the parts are apart.
    daughters : tuple of int
        Up to two ids; the object's own where it goes on as a daughter.
    """

    daughters: tuple[int, ...]

    def apply(self, state: State) -> Edit:
        for daughter in set(self.daughters) - {self.object_id}:
            if daughter not in state.objects:
                raise InputError(f"{self.where}: daughter {daughter} does not exist; prompt it first")
            for mother, frame in _mothers(state, daughter):
                if (mother, frame) != (self.object_id, self.frame):
                    raise InputError(
                        f"{self.where}: object {daughter} is already a daughter of object {mother} "
                        f"(frame {frame}); unmark that division first"
                    )
        return super().apply(state)

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record = self.existing(before)
        return replace(record, divisions=_with(record.divisions, self.frame, self.daughters))


@dataclass(frozen=True)
class UnmarkDivision(FrameEdit):
    """Take back a marked division."""

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        record = self.existing(before)
        if self.frame not in record.divisions:
            raise InputError(f"{self.where}: no division is marked{_known(record.divisions)}")
        return replace(record, divisions=_with(record.divisions, self.frame, None))


@dataclass(frozen=True)
class DeleteObject(ObjectEdit):
    """Remove an object with all that was said about it."""

    def changed(self, before: TrackedObject | None) -> None:
        self.existing(before)


@dataclass(frozen=True)
class RenameObject(ObjectEdit):
    """Give an object a name."""

    name: str

    def changed(self, before: TrackedObject | None) -> TrackedObject:
        return replace(self.existing(before), name=self.name)


@dataclass(frozen=True)
class SetParameter(Edit):
    """Set a parameter of the analysis."""

    name: str
    value: Value

    def apply(self, state: State) -> Edit:
        before = _PutParameter.now(state, self.name)
        state.parameters[self.name] = self.value
        return before


@dataclass(frozen=True)
class Propagate(Edit):
    """Follow objects through the frames; what that means is written in `napari_sam2.session.plan`.

    Attributes
    ----------
    object_ids : tuple of int, or None
        None for all objects.
    direction : "both", "forward" or "backward"
        Which way to go from where the objects are given.
    start, stop : int or None
        Frames to output, like Python's `range`: `start` is included, `stop` is not. None means from
        the first frame, up to the last.
    results : int or None
        How many results it gave before it was stopped; None for all. What it left out is still to be
        followed.
    """

    object_ids: tuple[int, ...] | None = None
    direction: str = "both"
    start: int | None = None
    stop: int | None = None
    results: int | None = None

    def apply(self, state: State) -> Edit:
        if not state.objects:
            raise InputError("there is no object to propagate; add a prompt first")
        for object_id in self.object_ids or ():
            if object_id not in state.objects:
                raise InputError(
                    f"object {object_id} cannot be propagated because it does not exist; prompt it first"
                )
        return self


@dataclass(frozen=True)
class Group(Edit):
    """Several edits as one step, done in order and taken back in reverse order."""

    edits: tuple[Edit, ...]

    def apply(self, state: State) -> Edit:
        inverses: list[Edit] = []
        try:
            for edit in self.edits:
                inverses.append(edit.apply(state))
        except InputError:
            Group(tuple(reversed(inverses))).apply(state)
            raise
        return Group(tuple(reversed(inverses)))


def flattened(edits: Iterable[Edit]) -> Iterator[Edit]:
    """All edits in order, groups opened."""
    for edit in edits:
        if isinstance(edit, Group):
            yield from flattened(edit.edits)
        else:
            yield edit


def exchanged(edit: Edit, old: Edit, new: Edit) -> Edit:
    """`edit` with `new` in place of `old`, which it is or which is somewhere in its group."""
    if isinstance(edit, Group):
        return Group(tuple(exchanged(one, old, new) for one in edit.edits))
    return new if edit is old else edit


def without(group: Edit, edit: Edit) -> Edit:
    """A group without one of its edits."""
    assert isinstance(group, Group)
    return Group(
        tuple(without(one, edit) if isinstance(one, Group) else one for one in group.edits if one is not edit)
    )


@dataclass(frozen=True)
class _PutObject(Edit):
    """Inverse of every object edit: the object as a whole, or none."""

    object_id: int
    record: TrackedObject | None

    def apply(self, state: State) -> Edit:
        before = state.objects.pop(self.object_id, None)
        if self.record is not None:
            state.objects[self.object_id] = self.record
        return _PutObject(self.object_id, before)


@dataclass(frozen=True)
class _PutParameter(Edit):
    """Inverse of setting a parameter, which may have been unset."""

    name: str
    was_set: bool
    value: Value

    @classmethod
    def now(cls, state: State, name: str) -> "_PutParameter":
        return cls(name, name in state.parameters, state.parameters.get(name))

    def apply(self, state: State) -> Edit:
        before = self.now(state, self.name)
        state.parameters.pop(self.name, None)
        if self.was_set:
            state.parameters[self.name] = self.value
        return before


def _mothers(state: State, daughter: int) -> Iterator[tuple[int, int]]:
    """Divisions from which an object comes: (mother, frame)."""
    for mother, record in state.objects.items():
        for frame, daughters in record.divisions.items():
            if daughter in daughters and daughter != mother:
                yield mother, frame


def _with(frames: Mapping[int, _Thing], frame: int, thing: _Thing | None) -> dict[int, _Thing]:
    """A copy of `frames` with `thing` at `frame`, or with nothing there."""
    others = {f: t for f, t in frames.items() if f != frame}
    return others if thing is None else {**others, frame: thing}


def _known(frames: Mapping[int, object]) -> str:
    """The frames to choose from instead, as the end of a sentence."""
    some = [str(frame) for frame in sorted(frames)[:6]]
    if len(frames) > len(some):
        some.append("...")
    return f"; there is one on frame {', '.join(some)}" if some else ""
