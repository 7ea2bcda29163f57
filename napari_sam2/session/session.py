"""A session: the ordered list of edits on one image, with undo and redo."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from napari_sam2.errors import InputError
from napari_sam2.session import checks, saved
from napari_sam2.session.edits import (
    AddBox,
    AddMask,
    AddPoints,
    DeleteObject,
    Edit,
    Group,
    Lock,
    MarkDivision,
    Propagate,
    RemovePoint,
    RemovePrompt,
    RenameObject,
    SetParameter,
    Unlock,
    UnmarkDivision,
    exchanged,
    flattened,
    without,
)
from napari_sam2.session.saved import ModelStamp
from napari_sam2.session.state import Division, State, TrackedObject, Value

if TYPE_CHECKING:
    from napari_sam2.frames import Frames


class Session:
    """Everything a person did on one image, in order: prompts, objects, locks, parameters.

    The masks are a function of the session, the image and the model, and of nothing else.

    Coordinates are pixels, (y, x), with (0, 0) at the centre of the first pixel. Every method that
    edits raises `InputError`, with one sentence that names the object and the frame and says what is
    allowed, and then leaves the session as it was.

    Parameters
    ----------
    frames : Frames
        The image.

    Attributes
    ----------
    model : ModelStamp or None
        The model, written into saved sessions.
    """

    def __init__(self, frames: "Frames") -> None:
        self.frames = frames
        self.model: ModelStamp | None = None
        self._state = State()
        # Each step beside the edit that takes it back.
        self._done: list[tuple[Edit, Edit]] = []
        self._undone: list[Edit] = []
        self._group: list[tuple[Edit, Edit]] | None = None

    # -- what there is ---------------------------------------------------------------------------

    @property
    def objects(self) -> Mapping[int, TrackedObject]:
        """The objects by ascending id, each with its name, prompts and locks."""
        return MappingProxyType(dict(sorted(self._state.objects.items())))

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The parameters by name."""
        return MappingProxyType(dict(sorted(self._state.parameters.items())))

    @property
    def history(self) -> tuple[Edit, ...]:
        """The edits in order; those of a group are one `Group`."""
        return tuple(edit for edit, _ in self._done)

    @property
    def divisions(self) -> tuple[Division, ...]:
        """The marked divisions by mother and frame; daughters that were deleted are left out."""
        objects = self.objects
        return tuple(
            Division(mother, frame, tuple(one for one in daughters if one in objects))
            for mother, tracked in objects.items()
            for frame, daughters in sorted(tracked.divisions.items())
        )

    def new_object(self) -> int:
        """The id for the next object: one more than the largest there is."""
        return max(self._state.objects, default=0) + 1

    # -- prompts ---------------------------------------------------------------------------------

    def add_points(
        self, object_id: int, frame: int, points: Iterable[Iterable[float]], labels: Iterable[int]
    ) -> None:
        """Click on an object; the first prompt of an id makes the object.

        Parameters
        ----------
        object_id : int
            From 1.
        frame : int
            Index along the propagation axis.
        points : list of (y, x)
            Inside the image; added to what was said of the object on this frame.
        labels : list of int
            One for each point: 1 means inside the object, 0 means outside.
        """
        where, object_id, frame = self._place(object_id, frame)
        checked = checks.positions(points, self._size, where)
        self._do(AddPoints(object_id, frame, checked, checks.labels(labels, len(checked), where)))

    def add_box(self, object_id: int, frame: int, box: Iterable[float]) -> None:
        """Draw a box around an object, beside its points on this frame and in place of its earlier box.

        Parameters
        ----------
        object_id : int
            From 1.
        frame : int
            Index along the propagation axis.
        box : (y0, x0, y1, x1)
            Two opposite corners in any order; what lies outside the image is cut off.
        """
        where, object_id, frame = self._place(object_id, frame)
        self._do(AddBox(object_id, frame, checks.box(box, self._size, where)))

    def add_mask(self, object_id: int, frame: int, mask: Any) -> None:
        """Give the mask of an object, in place of everything else said of it on this frame.

        Parameters
        ----------
        object_id : int
            From 1.
        frame : int
            Index along the propagation axis.
        mask : bool array (y, x), or PackedMask
            The object on the whole frame. An empty one says that it is absent there, of an object that
            exists.
        """
        where, object_id, frame = self._place(object_id, frame)
        self._do(AddMask(object_id, frame, checks.mask(mask, self._size, where)))

    def remove_prompt(self, object_id: int, frame: int) -> None:
        """Take back all that was said of an object on a frame."""
        _, object_id, frame = self._place(object_id, frame)
        self._do(RemovePrompt(object_id, frame))

    def remove_point(self, object_id: int, frame: int, index: int) -> None:
        """Take back one point, by its index in `objects[object_id].prompts[frame].points`."""
        where, object_id, frame = self._place(object_id, frame)
        self._do(RemovePoint(object_id, frame, checks.whole_number(index, f"{where}: point index")))

    # -- objects ---------------------------------------------------------------------------------

    def delete_object(self, object_id: int) -> None:
        """Remove an object with all that was said of it."""
        self._do(DeleteObject(checks.object_id(object_id)))

    def rename_object(self, object_id: int, name: str) -> None:
        """Give an object a name."""
        object_id = checks.object_id(object_id)
        self._do(RenameObject(object_id, checks.text(name, f"object {object_id}: the name")))

    def lock(self, object_id: int, frame: int, mask: Any) -> None:
        """Accept the mask of an object on a frame: propagation leaves it as it is and leans on it.

        Parameters
        ----------
        object_id : int
            An object that exists.
        frame : int
            Index along the propagation axis.
        mask : bool array (y, x), or PackedMask
            The mask as it is seen; an empty one accepts that the object is absent.
        """
        where, object_id, frame = self._place(object_id, frame)
        self._do(Lock(object_id, frame, checks.mask(mask, self._size, where)))

    def unlock(self, object_id: int, frame: int) -> None:
        """Let the mask of a locked frame change again."""
        _, object_id, frame = self._place(object_id, frame)
        self._do(Unlock(object_id, frame))

    def mark_division(self, object_id: int, frame: int, daughters: Iterable[int]) -> None:
        """Say that an object divides.

        Parameters
        ----------
        object_id : int
            The mother.
        frame : int
            The first frame on which the daughters are apart.
        daughters : list of int
            Objects that exist, at most two; the mother's own id where it goes on as one of them.
        """
        where, object_id, frame = self._place(object_id, frame)
        if frame == 0:
            raise InputError(f"{where}: nothing is before the first frame; mark a later one")
        self._do(MarkDivision(object_id, frame, checks.daughters(daughters, where)))

    def unmark_division(self, object_id: int, frame: int) -> None:
        """Take back a division that was marked on this frame."""
        _, object_id, frame = self._place(object_id, frame)
        self._do(UnmarkDivision(object_id, frame))

    # -- the analysis ----------------------------------------------------------------------------

    def set_parameter(self, name: str, value: Value) -> None:
        """Set a parameter: text, a finite number, True, False or None."""
        name = checks.text(name, "the name of a parameter")
        self._do(SetParameter(name, checks.parameter(value, name)))

    def propagate(
        self,
        object_ids: Iterable[int] | None = None,
        direction: str = "both",
        start: int | None = None,
        stop: int | None = None,
        results: int | None = None,
    ) -> None:
        """Follow objects from where they are given; `napari_sam2.session.plan` says what that means.

        Parameters
        ----------
        object_ids : list of int, optional
            Which objects; all, if left out.
        direction : "both", "forward" or "backward"
            Which way to go.
        start, stop : int, optional
            Frames to output, as in `range`: `start` is included, `stop` is not.
        results : int, optional
            How many results it gave before it was stopped; all, if left out.
        """
        ids = None if object_ids is None else checks.object_ids(object_ids)
        if results is not None and checks.whole_number(results, "results") < 1:
            raise InputError(f"results {results} is not allowed; leave out a propagation that gave none")
        span = checks.span(start, stop, len(self.frames))
        self._do(Propagate(ids, checks.direction(direction), *span, results))

    def shorten(self, propagation: Propagate, results: int) -> None:
        """Write down that a propagation of the history was stopped after so many results, at least one."""
        for place, (edit, inverse) in enumerate(self._done):
            if any(one is propagation for one in flattened([edit])):
                shorter = replace(propagation, results=results)
                self._done[place] = (exchanged(edit, propagation, shorter), inverse)
                return
        raise ValueError("this propagation is not in the history")

    def forget(self, propagation: Propagate) -> bool:
        """Strike a propagation that found nothing out of the history.

        Returns
        -------
        bool
            True when its whole step is gone; False when others of the step's edits stay.
        """
        for place, (edit, inverse) in enumerate(self._done):
            if edit is propagation:
                del self._done[place]
                return True
            if any(one is propagation for one in flattened([edit])):
                if place == len(self._done) - 1:
                    inverse.apply(self._state)
                    del self._done[place]
                    return True
                self._done[place] = (without(edit, propagation), inverse)
                return False
        raise ValueError("this propagation is not in the history")

    # -- undo ------------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step; a new edit forgets them."""
        return bool(self._undone)

    def undo(self) -> bool:
        """Take back the last step; False when there was none."""
        if self._group is not None:
            raise RuntimeError("a group of edits cannot be undone before it is closed")
        if not self._done:
            return False
        edit, inverse = self._done.pop()
        inverse.apply(self._state)
        self._undone.append(edit)
        return True

    def redo(self) -> bool:
        """Do the last undone step again; False when there was none."""
        if self._group is not None:
            raise RuntimeError("nothing can be redone within a group of edits")
        if not self._undone:
            return False
        edit = self._undone.pop()
        self._done.append((edit, edit.apply(self._state)))
        return True

    @contextmanager
    def group(self) -> Iterator[None]:
        """Make the edits of a `with` block one step of undo; an error in the block takes them back.

        A group within a group becomes part of it.
        """
        around = self._group
        self._group = []
        try:
            yield
        except BaseException:
            for _, inverse in reversed(self._group):
                inverse.apply(self._state)
            self._group = around
            raise
        steps, self._group = self._group, around
        if around is not None:
            around.extend(steps)
        elif len(steps) == 1:
            self._done += steps
            self._undone.clear()
        elif steps:
            inverses = tuple(inverse for _, inverse in reversed(steps))
            self._done.append((Group(tuple(edit for edit, _ in steps)), Group(inverses)))
            self._undone.clear()

    # -- files -----------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], *, more: Mapping[str, Any] | None = None) -> None:
        """Write the session as JSON, with every edit, undone ones left out.

        The file is written beside and renamed: an earlier one is replaced as a whole or kept.

        Parameters
        ----------
        path : path
            The file.
        more : mapping, optional
            JSON values to keep with the session; `saved.read_more` gives them back.

        Raises
        ------
        InputError
            When it cannot be written.
        """
        saved.write(self, path, more)

    @classmethod
    def load(cls, path: str | os.PathLike[str], frames: "Frames", *, check_image: bool = True) -> Self:
        """Read a saved session by doing all its edits again.

        Parameters
        ----------
        path : path
            What `save` wrote.
        frames : Frames
            The image it was made on.
        check_image : bool
            Refuse another image than that. When False, only the edits must fit.

        Raises
        ------
        InputError
            When the file is no session, is newer than this program, belongs to another image, or
            holds edits that do not apply.
        """
        session = cls(frames)
        saved.read_into(session, path, check_image=check_image)
        return session

    # --------------------------------------------------------------------------------------------

    @property
    def _size(self) -> tuple[int, int]:
        _, height, width = self.frames.shape
        return height, width

    def _place(self, object_id: Any, frame: Any) -> tuple[str, int, int]:
        object_id = checks.object_id(object_id)
        frame = checks.frame(frame, len(self.frames), f"object {object_id}")
        return f"object {object_id}, frame {frame}", object_id, frame

    def _do(self, edit: Edit) -> None:
        step = edit, edit.apply(self._state)
        if self._group is not None:
            self._group.append(step)
            return
        self._done.append(step)
        self._undone.clear()
