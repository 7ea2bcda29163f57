"""`Live`: a session while a person works on it."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from psygnal import Signal

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.interactive.engine import Engine
from napari_sam2.interactive.journal import Journal
from napari_sam2.interactive.masks import Masks
from napari_sam2.interactive.objects import ObjectStatus, Progress
from napari_sam2.interactive.previews import Previews, name_of
from napari_sam2.interactive.requests import (
    Answer,
    Display,
    Done,
    Failed,
    Follow,
    Found,
    Loaded,
    Loading,
    Look,
    Seen,
    UseModel,
)
from napari_sam2.interactive.running import Run, status_of
from napari_sam2.label_store import LabelStore
from napari_sam2.replay import DEFAULT_MODEL
from napari_sam2.session import ModelStamp, Session, add_label_prompts, checks
from napari_sam2.session.edits import Propagate
from napari_sam2.session.plan import asked_for
from napari_sam2.session.state import TrackedObject, Value
from napari_sam2.tracking import starts


class Live:
    """A session while a person works on it: edits in, masks out, undo over all of it.

    Every method that edits is one step of undo, together with the masks that it leads to. What is
    clicked is answered on its frame at once; `propagate` and `repair` follow objects. The model runs
    elsewhere, and its answers are taken in by `poll`, which the caller calls every few milliseconds
    from its event loop. All methods belong to one thread.

    Edits raise `InputError` with one sentence, and then nothing has changed. What goes wrong
    afterwards comes as a `notice`.

    Parameters
    ----------
    frames : Frames
        The image.
    session : Session, optional
        To go on with; from then on it is edited through this object only.
    store : LabelStore, optional
        Where the shown masks are kept; by default memory.

    Attributes
    ----------
    frames_changed : Signal(frozenset of int)
        The masks of these frames look different now.
    session_changed : Signal()
        Prompts, objects, locks, names, divisions or parameters are others now.
    busy_changed : Signal(bool)
        A propagation has begun or ended.
    notice : Signal(str)
        One sentence for the person: what happened and what to do.
    checked : set of (frame, object_id, reason)
        Moments of `review` that the person has checked.
    model_changed : Signal()
        A model is loaded, or its download goes on.
    """

    frames_changed = Signal(frozenset)
    session_changed = Signal()
    busy_changed = Signal(bool)
    notice = Signal(str)
    model_changed = Signal()

    def __init__(
        self, frames: Frames, *, session: Session | None = None, store: LabelStore | None = None
    ) -> None:
        self.frames = frames
        self.session = session or Session(frames)
        self.store = store or LabelStore.in_memory(frames.shape)
        self._journal = Journal()
        self._masks = Masks(self.store, self._journal)
        self._previews = Previews()
        self._engine = Engine(frames)
        self._numbers = count(1)
        self._new_steps = count(1)
        self._steps = [next(self._new_steps) for _ in self.session.history]
        self._undone: list[int] = []
        self._run: Run | None = None
        self._looks: dict[int, tuple[int, int, str]] = {}
        self._dirty: set[int] = set()
        self._model: Loaded | None = None
        self._asked_model: UseModel | None = None
        self.checked: set[tuple[int, int, str]] = set()
        self._framing: Any = self.session.parameters.get("framing")
        self._refresh(_anchored(self.session.objects))

    # -- what there is ---------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a propagation is running."""
        return self._run is not None

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self.session.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return self.session.can_redo

    @property
    def model_name(self) -> str:
        """The model that is loaded or will be."""
        if self._model is not None:
            return self._model.name
        if self._asked_model is not None:
            return self._asked_model.name
        return self.session.model.name if self.session.model else DEFAULT_MODEL

    @property
    def device_name(self) -> str | None:
        """Where the model runs: "cpu", "cuda:0"; None before it is loaded."""
        return None if self._model is None else self._model.device

    @property
    def progress(self) -> Progress | None:
        """How far the running propagation is; None when there is none."""
        return None if self._run is None else self._run.progress()

    def new_object(self) -> int:
        """The id for the next object."""
        return self.session.new_object()

    def objects(self) -> list[ObjectStatus]:
        """The objects by ascending id, as a list shows them."""
        output: dict[int, dict[int, str | None]] = {}
        for (object_id, frame), entry in self._masks.entries.items():
            output.setdefault(object_id, {})[frame] = entry.given
        rows = []
        for object_id, tracked in self.session.objects.items():
            names = {frame: name_of(given) for frame, given in tracked.prompts.items()}
            mine = output.get(object_id, {})
            rows.append(
                ObjectStatus(
                    object_id,
                    tracked.name,
                    sum(
                        len(given.points) + (given.box is not None) + (given.mask is not None)
                        for given in tracked.prompts.values()
                    ),
                    len(mine.keys() | names.keys()),
                    tuple(sorted(tracked.prompts)),
                    tuple(sorted(tracked.locks)),
                    status_of(tracked, mine, names),
                )
            )
        return rows

    def scores(self) -> pd.DataFrame:
        """What the decoder said of each mask that a propagation has found.

        Returns
        -------
        DataFrame
            object_id, frame, predicted_iou, object_score; sorted by object and frame.
        """
        rows = [
            (object_id, frame, entry.predicted_iou, entry.object_score)
            for (object_id, frame), entry in sorted(self._masks.entries.items())
        ]
        columns = ["object_id", "frame", "predicted_iou", "object_score"]
        table = pd.DataFrame(rows, columns=columns)
        return table.astype({"object_id": np.int64, "frame": np.int64, "predicted_iou": float,
                             "object_score": float})  # fmt: skip

    def agreements(self) -> dict[tuple[int, int], float]:
        """IoU of the masks that walks from both sides have found, by (object_id, frame), where both ran."""
        entries = self._masks.entries.items()
        return {key: entry.agreement for key, entry in entries if entry.agreement is not None}

    def was_followed(self, object_id: int, frame: int) -> bool:
        """Whether a propagation has output an object on a frame, so that a prompt there corrects it."""
        return (object_id, frame) in self._masks.entries

    def mask(self, object_id: int, frame: int) -> NDArray[np.bool_]:
        """The mask of an object on a frame as it is shown, bool (y, x)."""
        return self.store.object_mask(object_id, frame)

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
            if given is not None and given.mask is not None and (object_id, frame) in self._masks.entries:
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

        It becomes a mask prompt; a mask that was erased altogether becomes an accepted absence.
        """
        with self._edit():
            if np.any(mask):
                self.session.add_mask(object_id, frame, mask)
            else:
                self.session.lock(object_id, frame, mask)

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
        if self._run is not None and self._run.step == self._steps[-1]:
            if not self._stop():
                return True
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

    # -- following -------------------------------------------------------------------------------

    def propagate(
        self,
        object_ids: Iterable[int] | None = None,
        direction: str = "both",
        start: int | None = None,
        stop: int | None = None,
    ) -> int:
        """Follow objects from where they are given, as `Session.propagate`; returns the request's number.

        Raises
        ------
        InputError
            When there is nothing to follow, or a propagation is running already.
        """
        if self._run is not None:
            raise InputError("a propagation is running; wait until it ends or stop it")
        ids = None if object_ids is None else checks.object_ids(object_ids)
        span = checks.span(start, stop, len(self.frames))
        asked = Propagate(ids, checks.direction(direction), *span)
        plan = asked_for((*self.session.history, asked), len(self.frames))[-1]
        if not plan:
            raise InputError(
                "there is nothing to follow: no object has a prompt whose frames, in the direction and "
                "range asked for, are not followed already; add a point, a box or a mask"
            )
        self._need_model()
        with self._edit() as step:
            self.session.propagate(ids, asked.direction, *span)
        edit = self.session.history[-1]
        given = {
            (object_id, frame): name_of(said)
            for object_id, tracked in self.session.objects.items()
            for frame, said in tracked.prompts.items()
        }
        assert isinstance(edit, Propagate)
        self._run = Run(next(self._numbers), step, edit, plan, given)
        known = {frame: self._masks.base(frame) for frame in sorted(starts(plan))}
        self._engine.ask(Follow(self._run.number, plan, known, self._framing, Display.of(self.frames)))
        self.busy_changed.emit(True)
        return self._run.number

    def repair(self, object_id: int, frame: int) -> int:
        """Follow one object again after a correction, between its nearest locked or prompted frames.

        Raises
        ------
        InputError
            When the object was not followed through this frame before.
        """
        tracked = self._tracked(object_id)
        output = self._masks.frames_of(object_id)
        if frame not in output:
            raise InputError(
                f"object {object_id}, frame {frame}: the object was not followed through this frame yet; "
                "propagate it"
            )
        anchors = (tracked.prompts.keys() | tracked.locks.keys()) - {frame}
        first = last = frame
        while first - 1 in set(output) and first not in anchors:
            first -= 1
        while last + 1 in set(output) and last not in anchors:
            last += 1
        return self.propagate([object_id], "both", first, last + 1)

    def stop(self) -> None:
        """End the running propagation at once; what it has found is kept."""
        if self._run is not None:
            self._stop()

    def use_model(self, name_or_path: Any, device: str = "auto", framing: Any = None) -> None:
        """Load a model, in place of the one there is; `model_changed` or a `notice` tells how it went."""
        self.stop()
        self._framing = framing
        self._model = None
        self._asked_model = UseModel(next(self._numbers), str(name_or_path), device)
        self._engine.ask(self._asked_model)
        self.model_changed.emit()

    def poll(self, seconds: float = 0.005) -> bool:
        """Take in what the model has answered, for about so long; True when anything changed."""
        changed = False
        for answer in self._engine.answers(seconds):
            self._take(answer)
            changed = True
        if self._dirty:
            self._refresh(self._dirty)
            changed = True
        return changed

    def wait(self, timeout: float = 60.0) -> None:
        """Take in answers until nothing is outstanding; for scripts.

        Raises
        ------
        TimeoutError
            When it takes longer than `timeout` seconds.
        """
        until = time.monotonic() + timeout
        while not self._engine.idle:
            self.poll(0.05)
            if time.monotonic() > until:
                raise TimeoutError(f"the model has not answered within {timeout} s")
        self.poll(0)

    def close(self) -> None:
        """End the worker and let go of files; idempotent."""
        self.stop()
        self._engine.close()
        self._journal.close()

    # --------------------------------------------------------------------------------------------

    @contextmanager
    def _edit(self) -> Iterator[int]:
        """One step of undo, made of the session's edits in the block."""
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
            old, new = before.get(object_id), after.get(object_id)
            if old is not new:
                frames |= _anchored({k: t for k, t in enumerate((old, new)) if t is not None})
        self.session_changed.emit()
        self._refresh(frames | self._dirty)

    def _refresh(self, frames: set[int]) -> None:
        """Show these frames anew, and look at prompts that were not looked at yet."""
        objects = self.session.objects
        for frame in sorted(frames):
            layers, missing = self._previews.layers(frame, objects, self._masks)
            self._masks.show(frame, layers)
            for object_id in missing:
                self._look(object_id, frame)
        self._dirty = set()
        if frames:
            self.frames_changed.emit(frozenset(frames))

    def _look(self, object_id: int, frame: int) -> None:
        given = self.session.objects[object_id].prompts[frame]
        key = object_id, frame, name_of(given)
        if key in self._looks.values():
            return
        self._need_model()
        hint = self._masks.own(object_id, frame) if (object_id, frame) in self._masks.entries else None
        number = next(self._numbers)
        self._looks[number] = key
        self._engine.ask(
            Look(
                number, object_id, frame, given.prompt(), hint if hint is not None and hint.any() else None,
                self._framing, Display.of(self.frames),
            )
        )  # fmt: skip

    def _need_model(self) -> None:
        if self._asked_model is None:
            self.use_model(self.model_name, framing=self._framing)

    def _take(self, answer: Answer) -> None:
        match answer:
            case Loaded():
                self._model = answer
                self.session.model = ModelStamp(answer.name, answer.sha256)
                self.model_changed.emit()
            case Loading():
                self.model_changed.emit()
            case Seen():
                _, frame, name = self._looks.pop(answer.number)
                self._previews.keep(name, answer.patch, frame)
                self._dirty.add(frame)
            case Found():
                run = self._run
                assert run is not None
                self._masks.take(run.step, answer.result, answer.direction, run.given)
                run.done += 1
                self._dirty.add(answer.result.frame)
            case Done():
                self._run = None
                self.busy_changed.emit(False)
            case Failed():
                self._failed(answer)

    def _failed(self, answer: Failed) -> None:
        self._looks.pop(answer.number, None)
        if self._run is not None and answer.number == self._run.number:
            self._stop()
        if self._asked_model is not None and answer.number == self._asked_model.number:
            self._asked_model = None
            self.model_changed.emit()
        self.notice.emit(answer.sentence)

    def _stop(self) -> bool:
        """End the run; False when it has found nothing, so that its edit is gone too."""
        run, self._run = self._run, None
        assert run is not None
        self._engine.cancel(run.number)
        if run.done:
            self.session.shorten(run.edit, run.done)
        else:
            place = self._steps.index(run.step)
            self.session.forget(run.edit)
            del self._steps[place]
        self.busy_changed.emit(False)
        self.session_changed.emit()
        return bool(run.done)

    def _given(self, object_id: int, frame: int) -> Any:
        tracked = self.session.objects.get(object_id)
        return None if tracked is None else tracked.prompts.get(frame)

    def _tracked(self, object_id: int) -> TrackedObject:
        if object_id not in self.session.objects:
            raise InputError(f"object {object_id} does not exist in this session; prompt it first")
        return self.session.objects[object_id]


def _anchored(objects: Mapping[int, TrackedObject]) -> set[int]:
    """Frames on which anything is prompted or locked."""
    return {frame for tracked in objects.values() for frame in (*tracked.prompts, *tracked.locks)}
