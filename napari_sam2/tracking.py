"""From a session to masks: the plan of its edits, walked by the tracker."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.label_store import LabelStore
from napari_sam2.models.plan import Pass
from napari_sam2.models.results import FrameResult
from napari_sam2.session import ModelStamp, Session
from napari_sam2.session.plan import compile_plan, last_propagation
from napari_sam2.spacetime import Step, VolumeTracking, compile_steps

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing, TrackerState

_SMALL_INPUT = 256
"""Networks up to this input size, in pixels, see little of a large frame and follow windows instead."""


class Tracking:
    """Masks of a session, found as they are asked for; iterate it, or call `to_labels`.

    Attributes
    ----------
    session : Session
        Whose masks.
    model : LoadedModel
        Which finds them.
    framing : {"auto", "frame", "window"}
        How frames become the network's input.
    plan : tuple of Pass
        What will be walked.
    state : TrackerState
        Where the walk is; saved after a result and given to `track` again, it goes on from there.
    """

    def __init__(
        self,
        session: Session,
        model: "LoadedModel",
        framing: "Framing",
        plan: tuple[Pass, ...],
        onto: LabelStore | None,
        state: "TrackerState | None",
        cache: "str | os.PathLike[str] | None" = None,
    ) -> None:
        from napari_sam2.models.tracker import TrackerState

        self.session, self.model, self.framing, self.plan = session, model, framing, plan
        self.state = state or TrackerState()
        self._onto, self._cache = onto, cache
        # Once: whoever shows how far a walk is asks after each frame.
        self._n_results = sum(len(steps(walk)) for walk in plan)

    def __len__(self) -> int:
        """How many results there will be in all, one for each frame of each pass."""
        return self._n_results

    def __iter__(self) -> Iterator[FrameResult]:
        memo = self._onto or _Memo(self.session, self.plan)
        for result in self._results(memo):
            if self._onto is None:
                memo.write(result)
            yield result

    def to_labels(self, store: LabelStore | None = None) -> NDArray[np.int32] | Any:
        """Find all masks and put them in a store.

        Parameters
        ----------
        store : LabelStore, optional
            Where they go, as they are found; by default memory.

        Returns
        -------
        int32 array (frames, y, x)
            The store's labels: numpy for a store in memory, zarr for one on disk. Where objects
            overlap, the larger logit has won.
        """
        store = store or self._onto or LabelStore.in_memory(self.session.frames.shape)
        for result in self._results(store):
            store.write(result)
        return store.labels

    def _results(self, found: "LabelStore | _Memo") -> Iterator[FrameResult]:
        from napari_sam2.models.encoded import EncodedFrames
        from napari_sam2.models.tracker import Tracker

        tracker = Tracker(
            self.model,
            self.session.frames,
            framing=self.framing,
            average=self.model.averages(self.framing),
            depth=ends_for_good(self.session.frames.axis, self.framing),
            found=found.object_mask,
            state=self.state,
            cache=None if self._cache is None else EncodedFrames(self._cache, self.model),
        )
        yield from tracker.run(self.plan)


def track(
    session: Session,
    model: "str | os.PathLike[str] | LoadedModel" = "nano",
    device: str = "auto",
    *,
    framing: "Framing | None" = None,
    direction: str = "both",
    start: int | None = None,
    stop: int | None = None,
    onto: LabelStore | None = None,
    state: "TrackerState | None" = None,
    cache: str | os.PathLike[str] | None = None,
) -> Tracking | VolumeTracking:
    """Follow a session's objects through its image.

    Parameters
    ----------
    session : Session
        Prompts, and propagations where there are any; objects that the session did not propagate are
        propagated at the end, as `direction`, `start` and `stop` say.
    model : str, path or LoadedModel
        A name in the registry, a weights file, or a model that is loaded already.
    device : str
        "auto", "cpu", "cuda" or "mps".
    framing : {"auto", "frame", "window"}, optional
        `frame` shows the network whole frames, exactly as SAM 2 does; `window` follows each object
        with a window of its own; `auto` does so for objects that are small against the frame. By
        default that of the session, and where it has none, networks with a small input, such as the
        bundled one, take `auto`, and all others `frame`.
    direction : {"both", "forward", "backward"}
        From where the objects are prompted.
    start, stop : int, optional
        Frames to output, as in `range`.
    onto : LabelStore, optional
        Masks of all propagations but the last: only the last is walked, and a repair in it starts
        from these masks and changes nothing else in them. Not of volumes in time, which are followed
        as a whole.
    state : TrackerState, optional
        Of an interrupted run of the same session.
    cache : path, optional
        A folder that keeps the encoded frames, up to 20 GiB, so that tracking again after a correction
        does not encode them again; used where objects see whole frames, and not for volumes in time.

    Returns
    -------
    Tracking, or VolumeTracking for volumes in time
        Nothing is computed before it is iterated.

    Raises
    ------
    InputError
        When the session says nothing that could be tracked.
    ModelError
        When the model cannot be loaded.
    """
    from napari_sam2.models.load import load_model

    plan: tuple[Pass, ...] = ()
    volumes: tuple[Step, ...] = ()
    if session.frames.axis == "zt":
        volumes = compile_steps(session, direction=direction, start=start, stop=stop)
    else:
        planner = compile_plan if onto is None else last_propagation
        n_frames = len(session.frames)
        plan = planner(session.history, n_frames, direction=direction, start=start, stop=stop)
    if not (plan or volumes):
        raise InputError(
            f"there is nothing to track in {session.frames.name}: no object has a prompt whose frames, in "
            "the direction and range asked for, are not tracked already; add a point, a box or a mask"
        )
    if isinstance(model, str | os.PathLike):
        model = load_model(model, device)
    session.model = ModelStamp(model.name, model.sha256, model.options)
    if framing is None:
        framing = framing_of(session) or suitable_framing(model.config.image_size)
    if volumes:
        return VolumeTracking(session, model, framing, volumes)
    return Tracking(session, model, framing, plan, onto, state, cache)


def framing_of(session: Session) -> "Framing | None":
    """The framing that a session was tracked with, or asks for; None where it says nothing.

    Raises
    ------
    InputError
        When there is no such framing.
    """
    framing = session.parameters.get("framing")
    match framing:
        case None | "auto" | "frame" | "window":
            return framing
        case _:
            raise InputError(
                f"the session asks for the framing {framing!r}, which does not exist: "
                "choose auto, frame or window, or take it out"
            )


def suitable_framing(image_size: int) -> "Framing":
    """The framing for networks of an input size, in pixels, when nobody chose one."""
    return "auto" if image_size <= _SMALL_INPUT else "frame"


def ends_for_good(axis: str, framing: "Framing") -> bool:
    """Whether objects that end along an axis do not come back.

    Along depth they do not. The framing `frame` is SAM 2's own, which looks for them on every slice.
    """
    return axis == "z" and framing != "frame"


def starts(plan: Sequence[Pass]) -> set[int]:
    """Frames whose masks, found before, a plan starts from."""
    runs = [run for walk in plan for run in walk.runs]
    return {frame for run in runs for frame in (*run.recall, *(a.frame for a in run.anchors if a.correction))}


def steps(walk: Pass) -> Sequence[int]:
    """The frames of a pass on which there is an object to output."""
    return [frame for frame in walk.frames() if any(run.covers(frame) for run in walk.runs)]


class _Memo:
    """Labels of the few frames that later passes of a plan start from."""

    def __init__(self, session: Session, plan: tuple[Pass, ...]) -> None:
        _, *shape = session.frames.shape
        wanted = starts(plan)
        self._row = {frame: row for row, frame in enumerate(sorted(wanted))}
        self._store = LabelStore.in_memory((len(wanted), *shape))

    def write(self, result: FrameResult) -> None:
        """Keep a result if a later pass needs it."""
        from dataclasses import replace

        if result.frame in self._row:
            self._store.write(replace(result, frame=self._row[result.frame]))

    def object_mask(self, object_id: int, frame: int) -> NDArray[np.bool_]:
        """The mask of an object on one of the kept frames."""
        return self._store.object_mask(object_id, self._row[frame])
