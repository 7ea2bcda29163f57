"""`Live`: a session while a person works on it."""

import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any, Self

import pandas as pd

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames, open_frames
from napari_sam2.interactive.asking import Asking
from napari_sam2.interactive.autosave import Autosave, autosave_folder, find_session, masks_beside
from napari_sam2.interactive.objects import ObjectStatus, list_objects, list_scores
from napari_sam2.interactive.requests import from_record
from napari_sam2.interactive.running import Run, names_of
from napari_sam2.label_store import LabelStore
from napari_sam2.outputs import whole_file
from napari_sam2.replay import recall_view, record_view
from napari_sam2.session import Session, checks
from napari_sam2.session.edits import Propagate, flattened
from napari_sam2.session.plan import asked_for
from napari_sam2.session.saved import read_more
from napari_sam2.session.state import State
from napari_sam2.tracking import framing_of, suitable_framing


class Live(Asking):
    """A session while a person works on it: edits in, masks out, undo over all of it.

    Every method that edits is one step of undo, together with the masks that it leads to. What is
    clicked is answered on its frame at once; `propagate` and `repair` follow objects. The model runs
    elsewhere, and its answers are taken in by `poll`, which the caller calls every few milliseconds
    from its event loop. All methods belong to one thread.

    Edits raise `InputError` with one sentence, and then nothing has changed. What goes wrong
    afterwards comes as a `notice`.

    Everything is saved as it happens; `resume` goes on after a crash.

    Parameters
    ----------
    frames : Frames
        The image.
    session : Session, optional
        To go on with; from then on it is edited through this object only. Masks of propagations that
        it holds are found by `replay`.
    store : LabelStore, optional
        Where the shown masks are kept; by default memory.

    Attributes
    ----------
    frames : Frames
        The image.
    session : Session
        To read; edited through this object only.
    store : LabelStore
        What is shown, `store.labels[frame]` int32 (y, x).
    checked : set of (frame, object_id, reason)
        Moments of `review` that the person has checked.
    frames_changed : Signal(frozenset of int)
        The masks of these frames look different now.
    session_changed : Signal()
        Prompts, objects, locks, names, divisions or parameters are others now.
    busy_changed : Signal(bool)
        A propagation has begun or ended.
    model_changed : Signal()
        A model is loaded, is asked for, or its download goes on.
    notice : Signal(str)
        One sentence for the person: what happened and what to do.
    """

    def __init__(
        self, frames: Frames, *, session: Session | None = None, store: LabelStore | None = None
    ) -> None:
        super().__init__(frames, session, store)
        self._autosave: Autosave | None = None
        self._refresh_all()

    # -- what there is ---------------------------------------------------------------------------

    def objects(self) -> list[ObjectStatus]:
        """The objects by ascending id, as a list shows them."""
        return list_objects(self.session.objects, self._masks.entries)

    def scores(self) -> pd.DataFrame:
        """What the decoder said of each mask that a propagation has found.

        Returns
        -------
        DataFrame
            object_id, frame, predicted_iou, object_score; sorted by object and frame.
        """
        return list_scores(self._masks.entries)

    def agreements(self) -> dict[tuple[int, int], float]:
        """IoU of the masks that walks from both sides have found, by (object_id, frame), where both ran."""
        entries = self._masks.entries.items()
        return {key: entry.agreement for key, entry in entries if entry.agreement is not None}

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
            if self._model is not None:
                record_view(self.session, self._framing or suitable_framing(self._model.image_size))
            self.session.propagate(ids, asked.direction, *span)
        edit = list(flattened(self.session.history))[-1]
        assert isinstance(edit, Propagate)
        number = next(self._numbers)
        self._begin(Run(number, step, edit, plan, names_of(self.session.objects)))
        return number

    def repair(self, object_id: int, frame: int) -> int:
        """Follow one object again after a correction, between its nearest locked or prompted frames.

        Raises
        ------
        InputError
            When the object was not followed through this frame before.
        """
        tracked = self._tracked(object_id)
        output = set(self._masks.frames_of(object_id))
        if frame not in output:
            raise InputError(
                f"object {object_id}, frame {frame}: the object was not followed through this frame yet; "
                "propagate it"
            )
        anchors = (tracked.prompts.keys() | tracked.locks.keys()) - {frame}
        first = last = frame
        while first - 1 in output and first not in anchors:
            first -= 1
        while last + 1 in output and last not in anchors:
            last += 1
        return self.propagate([object_id], "both", first, last + 1)

    def replay(self) -> None:
        """Find the masks of all propagations of a session that came without masks.

        Raises
        ------
        InputError
            When masks are there already, or a propagation is running.
        """
        if self._run is not None or self._masks.entries:
            raise InputError("the session has masks already; undo them first to find them anew")
        self._need_model()
        plans = iter(asked_for(self.session.history, len(self.frames)))
        state, runs = State(), []
        for step, whole in zip(self._steps, self.session.history, strict=True):
            for edit in flattened([whole]):
                edit.apply(state)
                if isinstance(edit, Propagate):
                    plan, given = next(plans), names_of(state.objects)
                    runs += [Run(next(self._numbers), step, edit, plan, given)] if plan else []
        if runs:
            self._later = runs[1:]
            self._begin(runs[0])

    # -- files -----------------------------------------------------------------------------------

    @property
    def autosave_path(self) -> Path:
        """The file that the session is saved in as it changes."""
        return (
            autosave_folder(self.frames) / "session.json"
            if self._autosave is None
            else self._autosave.session
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the session as JSON, and beside it its masks with all that can be undone.

        The session alone can be replayed by `napari_sam2.track`. With the masks beside it, under the same
        name with the suffix ".masks", `resume` needs no model.

        Raises
        ------
        InputError
            When they cannot be written.
        """
        with whole_file(masks_beside(Path(path))) as masks:
            self._journal.copy(masks, {0, *self._steps})
        self.session.save(path, more=self._more(source=False))

    @classmethod
    def resume(cls, path: str | os.PathLike[str], frames: Frames | None = None) -> Self:
        """Go on with a saved or autosaved session, with its masks and all that can be undone.

        Where the masks are not beside the session, they are found again (see `replay`).

        Parameters
        ----------
        path : path
            The session's file, or the folder that it is in.
        frames : Frames, optional
            Its image; when not given it is opened again from where it was, which only an autosaved
            session knows.

        Raises
        ------
        InputError
            When the file is no session, or belongs to another image.
        """
        path = find_session(path)
        more = read_more(path)
        if frames is None:
            if not more.get("source"):
                raise InputError(f"{path} does not say where its image is; open the image and continue there")
            frames = open_frames(more["source"], axis=more.get("axis"))
        session = Session.load(path, frames)
        recall_view(session)
        live = cls(frames)
        live._restore(path, session, more)
        return live

    def close(self) -> None:
        """End the worker and let go of files; idempotent."""
        self.stop()
        self._engine.close()
        self._journal.close()
        if self._autosave is not None:
            self._autosave.close()

    # --------------------------------------------------------------------------------------------

    def _restore(self, path: Path, session: Session, more: dict[str, Any]) -> None:
        """Take over a session that was read from a file."""
        self._open_autosave(path)
        self.session = session
        self._steps, self._undone = list(range(1, len(session.history) + 1)), []
        self.checked = {(int(frame), int(one), str(reason)) for frame, one, reason in more.get("checked", ())}
        if session.model is not None:
            self._chosen = tuple(more.get("model", (session.model.name, "auto")))
        self._framing = framing_of(session)
        has_masks = more.get("masks") == self._journal.name and len(more["steps"]) == len(session.history)
        if has_masks:
            self._steps = list(more["steps"])
            self._finish_interrupted(more.get("running", []))
            for record in self._journal.records(0):
                patch = from_record(record.head["patch"], record.data)
                self._previews.keep(record.head["look"], patch, record.head["frame"])
            for step in self._steps:
                self._masks.redo(step)
        self._new_steps = count(max([self._journal.last_step(), *self._steps], default=0) + 1)
        self._after_edit()
        self.session_changed.emit()
        self._refresh(range(len(self.frames)))
        if not has_masks:
            self.replay()

    def _finish_interrupted(self, running: Iterable[int]) -> None:
        """Write down how far the propagations had come in whose midst the program ended."""
        for step in running:
            edit = self.session.history[self._steps.index(step)]
            propagation = next(one for one in flattened([edit]) if isinstance(one, Propagate))
            results = len(self._journal.records(step))
            if results:
                self.session.shorten(propagation, results)
            elif self.session.forget(propagation):
                self._steps.remove(step)

    def _before_edit(self) -> None:
        if not self._journal.is_open:
            self._open_autosave(None)

    def _open_autosave(self, going_on: Path | None) -> None:
        """Begin to save; a person whose disk is full or closed works on all the same."""
        try:
            self._autosave = Autosave(self.frames, going_on)
            self._journal.open(self._autosave.masks)
        except InputError as error:
            self._autosave = None
            self._journal.open(None)
            self.notice.emit(f"the session is not saved as you work: {error}")

    def _after_edit(self) -> None:
        if self._autosave is None:
            return
        try:
            self.session.save(self._autosave.session, more=self._more(source=True))
        except InputError as error:
            self.notice.emit(f"the session is not saved as you work: {error}")

    def _more(self, *, source: bool) -> dict[str, Any]:
        """What is kept besides the edits; where the image lies is for the person's own folder only."""
        running = [] if self._run is None else [run.step for run in (self._run, *self._later)]
        return {
            "masks": self._journal.name,
            "steps": self._steps,
            "running": running,
            "checked": sorted(self.checked),
            "model": self._chosen,
            **({"source": self.frames.source, "axis": self.frames.axis} if source else {}),
        }
