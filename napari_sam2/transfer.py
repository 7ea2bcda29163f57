"""A saved session on an image: its own, to find the same masks again, or another one."""

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from napari_sam2.frames import Frames
from napari_sam2.replay import read_session, recall_sizes, recall_view
from napari_sam2.seeding import seed
from napari_sam2.session import Session
from napari_sam2.session.edits import Propagate, flattened
from napari_sam2.session.saved import read_image
from napari_sam2.tracking import framing_of

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing

SIZES_AND_VIEW = ("channels", "pixel_size", "step")
"""What a person may say of an image in place of the session."""

_SEEDING = "seeding"
"""The parameter that names the rule of a seeded session; its arguments are named after it."""


def apply_session(
    path: str | os.PathLike[str],
    frames: Frames,
    *,
    other_image: bool = False,
    direction: str | None = None,
    start: int | None = None,
    stop: int | None = None,
    given: Collection[str] = (),
    model: "str | os.PathLike[str] | LoadedModel | None" = None,
    device: str = "auto",
    framing: "Framing | None" = None,
) -> Session:
    """Read a saved session with all that its masks and tables depend on.

    On its own image the session says how the image is shown and what its sizes are. Another image keeps
    the sizes that its file tells and takes the rest from the session; a session that was seeded by a rule
    is seeded on it again by the same rule, and any other puts its prompts where they were.

    Parameters
    ----------
    path : path
        The ``session.json``.
    frames : Frames
        The image; it learns contrast, channels and sizes.
    other_image : bool
        Take another image than the session's own too.
    direction, start, stop : optional
        As for `read_session`.
    given : collection of str
        What a person said of the image, and the session must leave alone: some of `SIZES_AND_VIEW`.
    model, device, framing
        As for `napari_sam2.run.track_to_folder`; for the rules of seeding that ask the model.

    Raises
    ------
    InputError, ModelError
        The session cannot be read, or does not fit the image.
    """
    session = read_session(path, frames, direction=direction, start=start, stop=stop, other_image=other_image)
    is_own = read_image(path).fingerprint == frames.fingerprint()
    if "channels" not in given:
        recall_view(session)
    recall_sizes(
        session,
        pixel_size="pixel_size" not in given and (is_own or frames.pixel_size is None),
        step="step" not in given and (is_own or frames.step is None),
    )
    if is_own or _SEEDING not in session.parameters:
        return session
    return _seeded_again(session, model, device, framing or framing_of(session))


def _seeded_again(
    session: Session,
    model: "str | os.PathLike[str] | LoadedModel | None",
    device: str,
    framing: "Framing | None",
) -> Session:
    """What the session's rule finds on the image that it has been applied to, propagated as there."""
    seeded = Session(session.frames)
    seeded.model = session.model
    arguments: dict[str, Any] = {}
    for name, value in session.parameters.items():
        if name.startswith(_SEEDING):
            arguments[name.removeprefix(_SEEDING).removeprefix("_") or "rule"] = value
        else:
            seeded.set_parameter(name, value)
    seed(seeded, **arguments, model=model, device=device, framing=framing)
    for edit in flattened(session.history):
        if isinstance(edit, Propagate) and edit.object_ids is None:
            seeded.propagate(None, edit.direction, edit.start, edit.stop)
    return seeded
