"""Where the model runs: takes requests and yields answers, a step at a time; knows no process, no queue."""

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.interactive.requests import (
    Answer,
    Done,
    Failed,
    Follow,
    Found,
    Loaded,
    Loading,
    Look,
    Prepare,
    Request,
    Seen,
    UseModel,
    halved,
)
from napari_sam2.label_store import LabelStore
from napari_sam2.models.errors import ModelError
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import FrameResult
from napari_sam2.tracking import ends_for_good, suitable_framing

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.scene import Scene
    from napari_sam2.models.tracker import Framing
    from napari_sam2.models.windows import Window

_SCENES = 4
"""How many encoded frames are kept for further clicks."""

_EXTENTS = 5
"""How many of the last objects say what size the next will have."""

_MARGIN = 0.15
"""A window is used again for clicks that are not nearer to its border than this share of its side."""

_TELL_EVERY = 0.1
"""Seconds between two words on a download."""

_log = logging.getLogger(__name__)


class Worker:
    """A model, the stack it looks at, and the frames it has encoded last.

    Parameters
    ----------
    frames : Frames
        The stack.
    tell : callable
        Takes answers that come while another is being made: how far a download is.

    Attributes
    ----------
    cancelled : callable
        Says of the number of a request whether it was cancelled; asked during downloads.
    """

    def __init__(self, frames: Frames, tell: Callable[[Answer], None] = lambda answer: None) -> None:
        self._frames, self._tell = frames, tell
        self.cancelled: Callable[[int], bool] = lambda number: False
        self._model: LoadedModel | None = None
        self._scenes: OrderedDict[int, Scene] = OrderedDict()
        self._windows: dict[tuple[int, int], tuple[Framing, Window]] = {}
        self._extents: deque[int] = deque(maxlen=_EXTENTS)

    def answer(self, request: Request) -> Iterator[Answer]:
        """Answer a request; whatever goes wrong is an answer too, and the next request finds all well."""
        try:
            if isinstance(request, UseModel):
                yield from self._load(request)
            else:
                if request.display.apply(self._frames):
                    self._scenes.clear()
                match request:
                    case Look():
                        yield from self._look(request)
                    case Follow():
                        yield from self._follow(request)
                    case Prepare():
                        yield from self._prepare(request)
        except Exception as error:
            self._scenes.clear()
            self._free_memory()
            yield Failed(request.number, _sentence(error))

    def _load(self, request: UseModel) -> Iterator[Answer]:
        from napari_sam2.models.load import load_model

        self._scenes.clear()
        self._windows.clear()
        self._model = None
        self._free_memory()
        told = 0.0

        def progress(done: int, total: int | None) -> None:
            nonlocal told
            if self.cancelled(request.number):
                raise ModelError(f"the download of {request.name} was cancelled")
            if time.monotonic() - told > _TELL_EVERY or done == total:
                told = time.monotonic()
                self._tell(Loading(request.number, done, total))

        model = load_model(request.name, request.device, progress=progress)
        self._model = model
        yield Loaded(request.number, model.name, model.sha256, str(model.device), model.config.image_size)

    def _look(self, request: Look) -> Iterator[Answer]:
        from napari_sam2.models.sizing import window_for, window_of_found
        from napari_sam2.models.solver import Solver, Task

        model = self._ready()
        framing = request.framing or suitable_framing(model.config.image_size)
        scene = self._scene(request.frame)
        solver = Solver(model.network, model.device, self._frames.shape[0])
        place = request.object_id, request.frame
        window = self._window_again(place, request.prompt, framing)
        if request.hint is not None:
            window = window_of_found(request.hint, request.prompt, framing)
        elif window is None:
            extent = float(np.median(self._extents)) if self._extents else None
            window = window_for(solver, scene, request.prompt, framing, extent)
        self._windows[place] = framing, window
        average = model.averages(framing) and request.prompt.mask is None
        task = Task(
            request.object_id,
            window.view(scene.shape),
            prompt=request.prompt,
            hint=request.hint,
            average=average,
            input=window.input,
        )
        patch = solver.solve(scene, [task])[0].patch
        if patch.logits_hw.size:
            self._extents.append(max(patch.logits_hw.shape))
        yield Seen(request.number, request.object_id, request.frame, halved(patch))

    def _window_again(self, place: tuple[int, int], prompt: Prompt, framing: "Framing") -> "Window | None":
        """The window of the click before, which is encoded already, where it shows the new ones too."""
        earlier_framing, window = self._windows.get(place, (None, None))
        if window is None or earlier_framing != framing or prompt.box is not None or not prompt.points:
            return None
        view = window.view(self._frames.shape[1:])
        margin = view.height * _MARGIN
        inside = all(
            view.top + margin <= y <= view.top + view.height - margin
            and view.left + margin <= x <= view.left + view.width - margin
            for y, x in prompt.points
        )
        return window if inside else None

    def _prepare(self, request: Prepare) -> Iterator[Answer]:
        import torch

        from napari_sam2.models.views import whole

        scene = self._scene(request.frame)
        with torch.inference_mode():
            scene.features([whole(scene.shape)], self._ready().config.image_size)
        yield Done(request.number)

    def _follow(self, request: Follow) -> Iterator[Answer]:
        from napari_sam2.models.tracker import Tracker

        model = self._ready()
        framing: Framing = request.framing or suitable_framing(model.config.image_size)
        self._scenes.clear()
        memo = _Memo(request, self._frames.shape)
        tracker = Tracker(
            model,
            self._frames,
            framing=framing,
            found=memo.object_mask,
            average=model.averages(framing),
            depth=ends_for_good(self._frames.axis, framing),
        )
        for result in tracker.run(request.plan):
            memo.write(result)
            patches = tuple(halved(patch) for patch in result.patches)
            direction = request.plan[tracker.state.pass_index].direction
            slim = FrameResult(result.frame, result.shape, patches, result.keep_others)
            yield Found(request.number, slim, direction)
        yield Done(request.number)

    def _ready(self) -> "LoadedModel":
        if self._model is None:
            raise ModelError("no model is loaded; choose one")
        return self._model

    def _scene(self, frame: int) -> "Scene":
        from napari_sam2.models.scene import Scene

        model = self._ready()
        if frame not in self._scenes:
            self._scenes[frame] = Scene(model.network, self._frames, frame, model.device)
        self._scenes.move_to_end(frame)
        while len(self._scenes) > _SCENES:
            self._scenes.popitem(last=False)
        return self._scenes[frame]

    def _free_memory(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


class _Memo:
    """Labels of the few frames that a plan starts from, kept up to date while it is walked."""

    def __init__(self, request: Follow, shape: tuple[int, int, int]) -> None:
        self._row = {frame: row for row, frame in enumerate(sorted(request.known))}
        self._store = LabelStore.in_memory((len(self._row), *shape[1:]))
        for frame, arrays in request.known.items():
            self._store.put(self._row[frame], *arrays)

    def write(self, result: FrameResult) -> None:
        from dataclasses import replace

        if result.frame in self._row:
            self._store.write(replace(result, frame=self._row[result.frame]))

    def object_mask(self, object_id: int, frame: int) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
        return self._store.object_mask(object_id, self._row[frame])


def _sentence(error: Exception) -> str:
    """What happened and what to do, for the person."""
    import torch

    from napari_sam2.models.solver import out_of_memory

    if isinstance(error, InputError | ModelError):
        return str(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and out_of_memory(error)):
        where = "the graphics card" if isinstance(error, torch.OutOfMemoryError) else "this computer"
        return (
            f"the memory of {where} is full; follow fewer objects at a time, choose a smaller model, or "
            "close other programs. What was found so far is kept"
        )
    _log.error("the model failed", exc_info=error)
    reason = " ".join(str(error).split()) or "no reason given"
    return f"the model failed ({type(error).__name__}: {reason}); what was found so far is kept: try again"
