"""What masks depend on besides the edits of a session, kept in the session so that it can be replayed."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam2.errors import InputError
from napari_sam2.frames import Contrast, Frames
from napari_sam2.models.cards import CARDS
from napari_sam2.session import Session, checks, read_prompts
from napari_sam2.session.saved import SavedImage

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel

DEFAULT_MODEL = "nano"


def read_session(
    path: str | os.PathLike[str],
    frames: Frames,
    *,
    direction: str | None = None,
    start: int | None = None,
    stop: int | None = None,
    other_image: bool = False,
) -> Session:
    """Make a session from a file of prompts, or read a saved one.

    Parameters
    ----------
    path : path
        Prompts as CSV or label image, which are then propagated; or the ``session.json`` of an earlier
        run, which says itself what to propagate.
    frames : Frames
        The image.
    direction : "both", "forward" or "backward", optional
        Which way to follow the objects; both when not given. With a saved session, a propagation to
        add to those it has.
    start, stop : int, optional
        For the same: the frames to output, as in `range`; of volumes in time the volumes.
    other_image : bool
        Take a saved session of another image too, as far as its edits fit this one.

    Raises
    ------
    InputError
        When the file cannot be used; the sentence names it and what is wrong.
    """
    path = Path(path)
    saved = path.suffix.lower() == ".json"
    if saved:
        session = Session.load(path, frames, check_image=not other_image)
    else:
        session = Session(frames)
        read_prompts(path, session)
    if not saved or (direction, start, stop) != (None, None, None):
        start, stop = planes(frames, start, stop)
        session.propagate(direction=direction or "both", start=start, stop=stop)
    return session


def planes(frames: Frames, start: int | None, stop: int | None) -> tuple[int | None, int | None]:
    """A range of volumes as the range of their slices; that of other frames as it is."""
    if frames.axis == "zt":
        start, stop = checks.span(start, stop, len(frames) // frames.n_slices)
    return start and start * frames.n_slices, stop and stop * frames.n_slices


def find_image(session: str | os.PathLike[str], image: SavedImage) -> Path:
    """Find the image of a saved session: beside it, a folder up, or in the folder this runs in.

    Raises
    ------
    InputError
        There is none of its name.
    """
    if image.source is None:
        raise InputError(
            f"{session} was made on an array in memory, which has no file; "
            "save the array, as a TIFF for instance, and name that with --image"
        )
    beside = Path(session).resolve().parent
    for folder in (beside, beside.parent, Path()):
        if (folder / image.source).exists():
            return folder / image.source
    raise InputError(
        f"the image of {session}, {image.source}, is not beside it, nor a folder up, nor in this folder; "
        "say where it is with --image"
    )


def record_view(session: Session, framing: str) -> None:
    """Write into the session how the model sees its image, and the sizes that its tables are in."""
    frames = session.frames
    contrast = [list(pair) for pair in zip(frames.contrast.low, frames.contrast.high, strict=True)]
    view = {
        "channels": json.dumps(frames.shown_channels),
        "contrast": json.dumps(contrast),
        "framing": framing,
        "sizes": json.dumps([frames.pixel_size, frames.unit, frames.step, frames.step_unit]),
    }
    if frames.axis == "zt":
        view["depth"] = json.dumps(frames.depth)
    for name, value in view.items():
        if session.parameters.get(name) != value:
            session.set_parameter(name, value)


def recall_view(session: Session) -> None:
    """Show the image as it was shown in the run that saved the session, where the session says so."""
    frames, parameters = session.frames, session.parameters
    if "channels" in parameters:
        channels = tuple(json.loads(str(parameters["channels"])))
        if max(channels) >= frames.n_channels:
            raise InputError(
                f"the session shows channel {max(channels)}, counted from 0, but {frames.name} has "
                f"{frames.n_channels}; choose channels for it"
            )
        frames.shown_channels = channels
    if "contrast" in parameters:
        low, high = zip(*json.loads(str(parameters["contrast"])), strict=True)
        frames.contrast = Contrast(low, high)


def recall_sizes(session: Session, *, pixel_size: bool = True, step: bool = True) -> None:
    """Give the image the pixel size and the step that it had in the run that saved the session."""
    if "sizes" not in session.parameters:
        return
    frames = session.frames
    saved_size, unit, saved_step, step_unit = json.loads(str(session.parameters["sizes"]))
    if pixel_size:
        frames.pixel_size, frames.unit = saved_size and tuple(saved_size), unit
        frames.depth = json.loads(str(session.parameters.get("depth", "null")))
    if step:
        frames.step, frames.step_unit = saved_step, step_unit


def model_of(session: Session) -> str:
    """Name of the model that a session was made with, or of the default one.

    Raises
    ------
    InputError
        When the model was given by its file, so that its name tells nothing here.
    """
    if session.model is None:
        return DEFAULT_MODEL
    if session.model.name not in CARDS:
        raise InputError(
            f"the session was made with the model '{session.model.name}', which has no name here; "
            "give the path of its weights as the model"
        )
    return session.model.name


def options_of(session: Session) -> dict[str, Any]:
    """How the model that a session was made with was loaded, as arguments of `load_model`."""
    return {} if session.model is None else session.model.options


def check_model(session: Session, model: "LoadedModel") -> None:
    """Refuse a model that took the name of the one that a session was made with.

    Raises
    ------
    InputError
        When its checksum is another one.
    """
    if session.model is not None and session.model.sha256 != model.sha256:
        raise InputError(
            f"the session was made with another {model.name} (SHA-256 {session.model.sha256[:12]}, this one "
            f"{model.sha256[:12]}); name the model to use this one all the same"
        )
