"""Whole runs, from a session or label images to a folder of results, for scripts and the command line."""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_sam2 import __version__
from napari_sam2.analysis import read_table, remarks_on, write_results
from napari_sam2.analysis.exports.ome_tiff import write_ome_tiff
from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.label_store import LabelStore
from napari_sam2.outputs import OutputFolder, writing
from napari_sam2.overlay import write_overlay
from napari_sam2.replay import check_model, model_of, options_of, record_view
from napari_sam2.session import Session
from napari_sam2.spacetime import VolumeTracking
from napari_sam2.spacetime.folder import follow_into
from napari_sam2.spacetime.folder import measure as measure_volumes
from napari_sam2.spacetime.folder import write_all as write_volumes
from napari_sam2.tracking import Tracking, steps, track

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing, TrackerState

Path_ = str | PathLike[str]
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many frames of it are done, and how many there are."""

_STORE = "labels.zarr"
_SAVED_EVERY = 10.0
"""Seconds of work that an interruption can cost."""
_SHARE_OF_SAVING = 0.02
"""Of the time, where the state of many objects is slow to save."""


@dataclass(frozen=True, eq=False)
class Results:
    """What a run has written.

    Attributes
    ----------
    folder : Path
        Where everything is.
    n_objects, n_frames : int
        How many objects there are, and on how many frames there is one.
    remarks : tuple of str
        What to know before reading the numbers, a sentence each; as `napari_sam2.analysis.remarks_on`.
    """

    folder: Path
    n_objects: int
    n_frames: int
    remarks: tuple[str, ...]

    def table(self, name: str) -> pd.DataFrame:
        """Read one of the tables that `napari_sam2.analysis.results.TABLES` names."""
        return read_table(self.folder / f"{name}.csv")

    @cached_property
    def regions(self) -> pd.DataFrame:
        """One row for each object on each frame."""
        return self.table("regions")

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """One row for each object."""
        return self.table("tracks")


def track_to_folder(
    session: Session,
    out: Path_,
    *,
    model: "Path_ | LoadedModel | None" = None,
    device: str = "auto",
    framing: "Framing | None" = None,
    overwrite: bool = False,
    inputs: Iterable[Path_] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> Results:
    """Follow a session's objects and write everything that is known of them into a folder.

    The folder gets ``labels.tif``, ``overlay.png``, ``session.json``, the tables and the page of
    `napari_sam2.analysis.write_results` (of volumes in time `write_volume_results`), and appears when all are
    complete. A run that was interrupted goes on where it stopped when it is asked for again.

    Parameters
    ----------
    session : Session
        Prompts and propagations; what it does not propagate is followed both ways. It learns the
        model, the framing and how its image is shown, so that the saved session can be replayed.
    out : path
        The folder; it must not exist, or be empty, unless `overwrite`.
    model : str, path or LoadedModel, optional
        A name in the registry or a weights file; when not given the one that the session was made
        with, else "nano".
    device : str
        "auto", "cpu", "cuda" or "mps".
    framing : {"auto", "frame", "window"}, optional
        See `napari_sam2.track`; when not given that of the session, else what suits the model.
    overwrite : bool
        Replace the results of an earlier run when the new ones are complete.
    inputs : iterable of path
        Files that the session was read from: the folder must not hold them. The image is one of them.
    workers : int
        Processes that measure frames at the same time.
    progress : callable, optional
        See `Progress`.

    Raises
    ------
    InputError, ModelError, MeasureError
        What a person can mend: then the folder has not been touched, or what was found so far waits
        for the same run.
    """
    frames = session.frames
    tracking = _prepare(session, model, device, framing)
    parameters = _parameters(session)
    request = {
        "command": "track",
        "session": _saved_text(session),
        "device": tracking.model.device.type,
        "calibration": _calibration(frames),
        **parameters,
    }
    with OutputFolder(out, request, overwrite=overwrite, inputs=_inputs(frames, inputs)) as folder:
        if isinstance(tracking, VolumeTracking):
            store = follow_into(tracking, folder.path / _STORE, folder.resumed, progress)
            found = write_volumes(session, store, parameters, folder.path, progress)
            return Results(folder.finish(without=[_STORE]), *found)
        store = _follow(tracking, folder, progress)
        followed = sorted({frame for walk in tracking.plan for frame in steps(walk)})
        scores = store.scores()
        found = _write_all(session, store, scores, followed, parameters, folder.path, workers, progress)
        return Results(folder.finish(without=[_STORE]), *found)


def results_to_folder(
    session: Session,
    store: LabelStore,
    scores: pd.DataFrame,
    out: Path_,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Results:
    """Write everything that is known of masks that are there already, as `track_to_folder` does.

    Parameters
    ----------
    session : Session
        What the masks were made with.
    store : LabelStore
        The masks.
    scores : DataFrame
        What the decoder said of them; as from `LabelStore.scores`.
    out, overwrite, progress
        As for `track_to_folder`.

    Raises
    ------
    InputError, MeasureError
        What a person can mend; then the folder has not been touched.
    """
    frames = session.frames
    with_objects = [frame for frame in range(len(frames)) if store[frame].any()]
    if not with_objects:
        raise InputError(f"there is no mask in {frames.name} yet; add an object and follow it first")
    followed = sorted({*with_objects, *scores["frame"].tolist()})
    parameters = _parameters(session)
    request = {
        "command": "results",
        "session": _saved_text(session),
        "calibration": _calibration(frames),
        **parameters,
    }
    with OutputFolder(out, request, overwrite=overwrite, inputs=_inputs(frames, ())) as folder:
        found = _write_all(session, store, scores, followed, parameters, folder.path, 1, progress)
        return Results(folder.finish(), *found)


def measure_to_folder(
    frames: Frames,
    labels: Sequence[Any],
    out: Path_,
    *,
    overwrite: bool = False,
    inputs: Iterable[Path_] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> Results:
    """Measure the objects of label images and write all tables and the page into a folder.

    Parameters
    ----------
    frames : Frames
        The image that intensities are taken from.
    labels : sequence of integer arrays (y, x)
        One for each frame: the value of a pixel is the object's id, 0 is background.
    out, overwrite, inputs, workers, progress
        As for `track_to_folder`.

    Raises
    ------
    InputError, MeasureError
        What a person can mend; then the folder has not been touched.
    """
    if len(labels) != len(frames):
        raise InputError(
            f"there are {len(labels)} label images for the {len(frames)} frames of {frames.name}; "
            "give one label image for each frame"
        )
    parameters = {"image": frames.name, "fingerprint": frames.fingerprint()}
    request = {
        "command": "measure",
        "version": __version__,
        **parameters,
        "calibration": _calibration(frames),
    }
    with OutputFolder(out, request, overwrite=overwrite, inputs=_inputs(frames, inputs)) as folder:
        found = _measure(frames, labels, parameters, folder.path, workers, progress)
        return Results(folder.finish(), *found)


def _prepare(
    session: Session, model: "Path_ | LoadedModel | None", device: str, framing: "Framing | None"
) -> Tracking | VolumeTracking:
    """Load the model and plan the run; the session learns all that its masks depend on."""
    from napari_sam2.models.load import LoadedModel, load_model

    if not isinstance(model, LoadedModel):
        if model is None:
            loaded = load_model(model_of(session), device, **options_of(session))
            check_model(session, loaded)
        else:
            loaded = load_model(model, device)
        model = loaded
    tracking = track(session, model, framing=framing)
    record_view(session, tracking.framing)
    return tracking


def _follow(tracking: Tracking, folder: OutputFolder, progress: Progress | None) -> LabelStore:
    """Find all masks, going on with what an interrupted run has found."""
    from napari_sam2.models.state_file import load_state
    from napari_sam2.models.tracker import TrackerState

    store_path = folder.path / _STORE
    state_path = store_path / "state.pt"
    state = None
    if folder.resumed and state_path.exists():
        state = load_state(state_path, tracking.model.device)
    else:
        shutil.rmtree(store_path, ignore_errors=True)
    store = LabelStore.on_disk(store_path, tracking.session.frames.shape)
    walk = Tracking(tracking.session, tracking.model, tracking.framing, tracking.plan, store, state)
    # A repair starts from masks that it then replaces, so only a run without one can go on midway.
    can_go_on = not any(part.keep_others for part in walk.plan)
    next_save = time.monotonic() + _SAVED_EVERY
    for done, result in enumerate(walk, start=_n_done(walk) + 1):
        store.write(result)
        if progress is not None:
            progress("tracking", done, len(walk))
        if can_go_on and time.monotonic() >= next_save:
            next_save = time.monotonic() + max(_SAVED_EVERY, _save(walk.state, state_path) / _SHARE_OF_SAVING)
    # All found: what may still fail, the disk above all, must not cost the masks.
    _save(TrackerState(pass_index=len(walk.plan)), state_path)
    return store


def _save(state: "TrackerState", path: Path) -> float:
    """Save a state and return the seconds that it took."""
    from napari_sam2.models.state_file import save_state

    started = time.monotonic()
    with writing(path):
        save_state(state, path)
    return time.monotonic() - started


def _n_done(tracking: Tracking) -> int:
    """How many results lie behind a tracking's state."""
    plan, state = tracking.plan, tracking.state
    walked = sum(len(steps(walk)) for walk in plan[: state.pass_index])
    if state.pass_index < len(plan):
        current = plan[state.pass_index]
        behind = set(current.frames()[: state.next_step])
        walked += len(behind.intersection(steps(current)))
    return walked


def _write_all(
    session: Session,
    store: LabelStore,
    scores: pd.DataFrame,
    followed: Sequence[int],
    parameters: Mapping[str, Any],
    folder: Path,
    workers: int,
    progress: Progress | None,
) -> tuple[int, int, tuple[str, ...]]:
    """Write all files of a folder of results; what `Results` says of them."""
    frames = session.frames
    with writing(folder / "labels.tif"):
        write_ome_tiff(store, folder / "labels.tif", axis=frames.axis, **_calibration(frames))
    known = {"frames": followed, "scores": scores, "marks": session.divisions}
    found = _measure(frames, store, parameters, folder, workers, progress, **known)
    prompts = {
        (object_id, frame): given.prompt()
        for object_id, tracked in session.objects.items()
        for frame, given in tracked.prompts.items()
    }
    write_overlay(frames, store, folder / "overlay.png", prompts=prompts)
    session.save(folder / "session.json")
    return found


def _measure(
    frames: Frames,
    labels: Sequence[Any],
    parameters: Mapping[str, Any],
    folder: Path,
    workers: int,
    progress: Progress | None,
    /,
    **known: Any,
) -> tuple[int, int, tuple[str, ...]]:
    """Write the tables and the page; what `Results` says of them."""
    if frames.axis == "zt":
        return measure_volumes(frames, labels, parameters, folder, progress)

    def show(done: int, whole: int) -> None:
        if progress is not None:
            progress("measuring", done, whole)

    shown = frames.rgb(0 if frames.axis == "t" else len(frames) // 2)
    with writing(folder):
        regions = write_results(
            labels,
            frames,
            folder,
            axis=frames.axis,
            channel_names=frames.channel_names,
            title=frames.name,
            picture_yx=shown.transpose(1, 2, 0),
            parameters=parameters,
            workers=workers,
            progress=show,
            **_calibration(frames),
            **known,
        ).regions
    return regions["object_id"].nunique(), regions["frame"].nunique(), tuple(remarks_on(regions))


def _parameters(session: Session) -> dict[str, Any]:
    """What decided the masks, as the tables tell it."""
    model = session.model
    return {
        "image": session.frames.name,
        "fingerprint": session.frames.fingerprint(),
        "model": None if model is None else model.name,
        "model_sha256": None if model is None else model.sha256,
        **session.parameters,
    }


def _calibration(frames: Frames) -> dict[str, Any]:
    deep = {"depth": frames.depth} if frames.axis == "zt" else {}
    return {
        **deep,
        "pixel_size": frames.pixel_size,
        "unit": frames.unit,
        "step": frames.step,
        "step_unit": frames.step_unit,
    }


def _inputs(frames: Frames, others: Iterable[Path_]) -> list[str]:
    return [fspath(path) for path in ([frames.source] if frames.source else []) + list(others)]


def _saved_text(session: Session) -> str:
    """The session as it will be saved: with its program, image and model, all that a run depends on."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.json"
        session.save(path)
        return path.read_text(encoding="utf-8")
