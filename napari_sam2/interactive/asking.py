"""The session's questions to the model, and what its answers lead to."""

import os
import time
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.interactive.editing import Editing
from napari_sam2.interactive.engine import Engine
from napari_sam2.interactive.objects import Progress
from napari_sam2.interactive.previews import look_name
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
    Lost,
    Prepare,
    Seen,
    UseModel,
    as_record,
)
from napari_sam2.interactive.running import Run, download
from napari_sam2.label_store import LabelStore
from napari_sam2.models.results import MaskPatch
from napari_sam2.replay import DEFAULT_MODEL
from napari_sam2.session import ModelStamp, Session
from napari_sam2.tracking import framing_of, starts

if TYPE_CHECKING:
    from napari_sam2.models.tracker import Framing


class Asking(Editing):
    """Edits, and a model that looks and follows; `Live` is its public face.

    Parameters
    ----------
    frames, session, store
        As for `Live`.
    """

    busy_changed = Signal(bool)
    model_changed = Signal()

    def __init__(self, frames: Frames, session: Session | None, store: LabelStore | None) -> None:
        super().__init__(frames, session, store)
        self._engine = Engine(frames)
        self._numbers = count(1)
        self._run: Run | None = None
        self._later: list[Run] = []
        self._looks: dict[int, tuple[int, int, str]] = {}
        self._model: Loaded | None = None
        self._asked_model: UseModel | None = None
        self._loading: Loading | None = None
        stamp = self.session.model
        self._chosen = (stamp.name if stamp else DEFAULT_MODEL, "auto")
        self._framing = framing_of(self.session)

    @property
    def busy(self) -> bool:
        """Whether a propagation is running."""
        return self._run is not None

    @property
    def progress(self) -> Progress | None:
        """How far the running propagation is; None when there is none."""
        return None if self._run is None else self._run.progress()

    @property
    def loading(self) -> Progress | None:
        """How far the download of a model is, in bytes; None when there is none."""
        return None if self._loading is None else download(self._chosen[0], self._loading)

    @property
    def model_name(self) -> str:
        """The model that is loaded or will be."""
        return self._chosen[0] if self._model is None else self._model.name

    @property
    def device_name(self) -> str | None:
        """Where the model runs: "cpu", "cuda:0"; None before it is loaded."""
        return None if self._model is None else self._model.device

    def stop(self) -> None:
        """End the running propagation at once; what it has found is kept."""
        if self._run is not None:
            self._end()

    def undo(self) -> bool:
        """Take back the last step with its masks; False when there was none."""
        if self._run is not None and self._run.step == self._steps[-1] and not self._end():
            return True
        return super().undo()

    # -- the model -------------------------------------------------------------------------------

    def use_model(
        self,
        name_or_path: "str | os.PathLike[str]",
        device: str = "auto",
        framing: "Framing | None" = None,
    ) -> None:
        """Load a model, in place of the one there is; `model_changed` or a `notice` tells how it went.

        Parameters
        ----------
        name_or_path : str or path
            A name in the registry, which is downloaded if need be, or a weights file.
        device : str
            "auto", "cpu", "cuda" or "mps".
        framing : {"auto", "frame", "window"}, optional
            As in `napari_sam2.track`; when not given what suits the model.
        """
        self.stop()
        self._framing = framing
        self._chosen = (str(name_or_path), device)
        self._ask_model()

    def cancel_model(self) -> None:
        """Give up a model that is on its way."""
        if self._asked_model is not None and self._model is None:
            self._engine.cancel(self._asked_model.number)
            self._asked_model = self._loading = None
            self._give_up_looks()
            self.model_changed.emit()

    def prepare(self, frame: int) -> None:
        """Encode a frame, so that the first click on it is answered sooner; once a model is loaded."""
        if self._model is not None and self._run is None:
            self._engine.ask(Prepare(next(self._numbers), frame, Display.of(self.frames)))

    def rest(self) -> None:
        """End the worker, which takes memory, until it is needed again.

        Following ends as by `stop`. Prompts that were not answered yet are asked anew by the next `poll`.
        """
        self.stop()
        self._dirty |= {frame for _, frame, _ in self._looks.values()}
        self._looks.clear()
        self._engine.close()
        self._model = self._asked_model = self._loading = None
        self.model_changed.emit()

    def poll(self, seconds: float = 0.005) -> bool:
        """Take in what the model has answered, for at most about so long; True when anything changed."""
        return self._take_answers(seconds, wait=False)

    def wait(self, timeout: float = 60.0) -> None:
        """Take in answers until nothing is outstanding; for scripts.

        Raises
        ------
        TimeoutError
            When it takes longer than `timeout` seconds.
        """
        until = time.monotonic() + timeout
        while self._dirty or not self._engine.idle:
            self._take_answers(0.05, wait=True)
            if time.monotonic() > until:
                raise TimeoutError(f"the model has not answered within {timeout} s")

    # --------------------------------------------------------------------------------------------

    def _begin(self, run: Run) -> None:
        known = {frame: self._masks.base(frame) for frame in sorted(starts(run.plan))}
        self._run = run
        self._after_edit()
        self._engine.ask(Follow(run.number, run.plan, known, self._framing, Display.of(self.frames)))
        self.busy_changed.emit(True)

    def _end(self) -> bool:
        """End the run; False when it has found nothing, so that its edit is gone too."""
        run, self._run = self._run, None
        assert run is not None
        self._engine.cancel(run.number)
        unfinished: Sequence[Run] = [run, *self._later]
        self._later = []
        for one in unfinished:
            if one.done:
                self.session.shorten(one.edit, one.done)
            else:
                if self.session.forget(one.edit):
                    self._steps.remove(one.step)
        self._after_edit()
        self.busy_changed.emit(False)
        self.session_changed.emit()
        return bool(run.done)

    def _look(self, object_id: int, frame: int) -> None:
        given = self.session.objects[object_id].prompts[frame]
        corrects = self.was_followed(object_id, frame)
        key = object_id, frame, look_name(given, corrects=corrects)
        if key in self._looks.values():
            return
        self._need_model()
        hint = self._masks.own(object_id, frame) if corrects else None
        if hint is not None and not hint.any():
            hint = None
        number = next(self._numbers)
        self._looks = {n: k for n, k in self._looks.items() if k[:2] != key[:2]} | {number: key}
        display = Display.of(self.frames)
        self._engine.ask(Look(number, object_id, frame, given.prompt(), hint, self._framing, display))

    def _need_model(self) -> None:
        self._before_edit()
        if self._asked_model is None:
            self._ask_model()

    def _ask_model(self) -> None:
        self._model = self._loading = None
        self._asked_model = UseModel(next(self._numbers), *self._chosen)
        self._engine.ask(self._asked_model)
        self.model_changed.emit()

    def _take_answers(self, seconds: float, *, wait: bool) -> bool:
        changed = False
        for answer in self._engine.answers(seconds, wait=wait):
            self._take(answer)
            changed = True
        if self._dirty:
            self._refresh(self._dirty)
        return changed

    def _take(self, answer: Answer) -> None:
        match answer:
            case Loaded():
                self._loaded(answer)
            case Loading():
                self._loading = answer
                self.model_changed.emit()
            case Seen():
                _, frame, name = self._looks.pop(answer.number)
                self._previews.keep(name, answer.patch, frame)
                self._keep_look(name, frame, answer.patch)
                self._dirty.add(frame)
            case Found():
                self._found(answer)
            case Done() if self._run is not None and answer.number == self._run.number:
                self._run = None
                self.busy_changed.emit(False)
                self._after_edit()
                self.session_changed.emit()
                if self._later:
                    self._begin(self._later.pop(0))
            case Failed():
                self._failed(answer)
            case Lost():
                self._lost(answer)

    def _loaded(self, answer: Loaded) -> None:
        self._model, self._loading = answer, None
        stamp = ModelStamp(answer.name, answer.sha256)
        if self.session.model not in (None, stamp):
            self._previews.forget()
        self.session.model = stamp
        self.model_changed.emit()
        self._refresh_all()

    def _keep_look(self, name: str, frame: int, patch: MaskPatch) -> None:
        numbers, data = as_record(patch)
        try:
            self._journal.append({"step": 0, "frame": frame, "look": name, "patch": numbers}, data)
        except InputError as error:
            self.notice.emit(str(error))

    def _found(self, answer: Found) -> None:
        run = self._run
        assert run is not None
        try:
            self._masks.take(run.step, answer.result, answer.direction, run.given)
        except InputError as error:  # a full disk
            self._end()
            self.notice.emit(f"{error}; what was found so far is kept")
            return
        run.done += 1
        self._dirty.add(answer.result.frame)

    def _failed(self, answer: Failed) -> None:
        self._looks.pop(answer.number, None)
        if self._asked_model is not None and answer.number == self._asked_model.number:
            self._asked_model = self._loading = None
            self._give_up_looks()
            self.stop()
            self.model_changed.emit()
        elif self._run is not None and answer.number == self._run.number:
            self._end()
        self.notice.emit(answer.sentence)

    def _lost(self, answer: Lost) -> None:
        """All that was asked is gone; the next request starts another worker."""
        self._looks.clear()
        self._model = self._asked_model = self._loading = None
        self.stop()
        self.model_changed.emit()
        self.notice.emit(answer.sentence)

    def _give_up_looks(self) -> None:
        for number in self._looks:
            self._engine.cancel(number)
        self._looks.clear()
