"""What a panel shows of the session: its objects, their scores, and how far a propagation is."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from napari_sam2.interactive.masks import Entry
from napari_sam2.interactive.previews import name_of
from napari_sam2.session.state import TrackedObject


@dataclass(frozen=True)
class ObjectStatus:
    """One row of the list of objects.

    Attributes
    ----------
    id : int
        The object's id.
    name : str
        What the person calls it.
    n_prompts : int
        Points, boxes and masks, over all frames.
    frames_present : int
        Frames on which it has a mask.
    prompted_frames, locked_frames : tuple of int
        In ascending order.
    status : str
        In words: "prompted", "followed on 40 of 40 frames", "changed since it was followed".
    """

    id: int
    name: str
    n_prompts: int
    frames_present: int
    prompted_frames: tuple[int, ...]
    locked_frames: tuple[int, ...]
    status: str


@dataclass(frozen=True)
class Progress:
    """How far the running work is.

    Attributes
    ----------
    what : str
        In words: "following 3 objects".
    done, total : int
        Steps: frames of each pass, or bytes of a download.
    frames_per_second : float
        Mean so far; NaN before the first frame.
    seconds_left : float
        At that speed; NaN before the first frame.
    """

    what: str
    done: int
    total: int
    frames_per_second: float
    seconds_left: float


def list_objects(
    objects: Mapping[int, TrackedObject], entries: Mapping[tuple[int, int], Entry]
) -> list[ObjectStatus]:
    """The objects by ascending id.

    Parameters
    ----------
    objects : mapping of int to TrackedObject
        Of the session.
    entries : mapping of (object_id, frame) to Entry
        What propagations have output.
    """
    output: dict[int, dict[int, str | None]] = {object_id: {} for object_id in objects}
    for (object_id, frame), entry in entries.items():
        output[object_id][frame] = entry.given
    return [_status(object_id, tracked, output[object_id]) for object_id, tracked in objects.items()]


def list_scores(entries: Mapping[tuple[int, int], Entry]) -> pd.DataFrame:
    """object_id, frame, predicted_iou and object_score of each output, by object and frame."""
    rows = [
        (object_id, frame, float(entry.predicted_iou), float(entry.object_score))
        for (object_id, frame), entry in sorted(entries.items())
    ]
    columns = {"object_id": "int64", "frame": "int64", "predicted_iou": "float64", "object_score": "float64"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _status(object_id: int, tracked: TrackedObject, output: Mapping[int, str | None]) -> ObjectStatus:
    prompts = tracked.prompts.values()
    changed = [f for f, given in sorted(tracked.prompts.items()) if output.get(f) != name_of(given)]
    if not output:
        status = "prompted" if tracked.prompts or tracked.locks else "no prompt"
    elif changed:
        status = f"changed on frame {', '.join(map(str, changed[:3]))}; propagate or repair"
    else:
        status = f"followed on {len(output)} frame{'s' * (len(output) > 1)}"
    return ObjectStatus(
        object_id,
        tracked.name,
        sum(len(given.points) + (given.box is not None) + (given.mask is not None) for given in prompts),
        len(output.keys() | tracked.prompts.keys()),
        tuple(sorted(tracked.prompts)),
        tuple(sorted(tracked.locks)),
        status,
    )
