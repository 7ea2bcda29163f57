"""From a session to steps, one volume each: pure, and always the same.

An object's *seeds* are the volumes in which something is said of it. Volumes are walked forward from the
first seed of all, then backward from the last of the objects' first seeds; a volume takes part where at least
one object is found in it. An object is *given* in its seeds and *followed* into the volumes after its first
one, and on the way back into the volumes before it. Going backward only, it is followed from its last seed.

Volumes outside the range asked for are walked where others need them, but are no part of the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from napari_sam2.models.prompts import Prompt
from napari_sam2.session import Session
from napari_sam2.session.edits import Propagate, flattened

Seeds = dict[int, dict[int, dict[int, Prompt]]]
"""Prompts by object, volume and slice."""


@dataclass(frozen=True, eq=False)
class Step:
    """What to find in one volume.

    Attributes
    ----------
    time : int
        Which volume.
    direction : int
        1 where the objects come from the volumes before it, -1 where from those after it.
    given : mapping from object id to mapping from slice to Prompt
        Objects of which something is said in this volume.
    followed : tuple of int
        Objects that come from other volumes.
    is_output : bool
        False where only other volumes need it.
    """

    time: int
    direction: int
    given: Mapping[int, Mapping[int, Prompt]]
    followed: tuple[int, ...]
    is_output: bool


def compile_steps(
    session: Session, *, direction: str = "both", start: int | None = None, stop: int | None = None
) -> tuple[Step, ...]:
    """Plan the volumes that a session asks for.

    Parameters
    ----------
    session : Session
        On volumes in time. All its objects are followed as its last propagation says.
    direction : "both", "forward" or "backward"
        Which way, where there is no propagation.
    start, stop : int, optional
        For the same: the slices to output, counted through all volumes; a volume of which one is asked for
        is output as a whole.

    Returns
    -------
    tuple of Step
        In the order to walk them; empty when there is nothing to do.
    """
    n_slices, n_frames = session.frames.n_slices, len(session.frames)
    asked = [edit for edit in flattened(session.history) if isinstance(edit, Propagate)]
    if asked:
        direction, start, stop = asked[-1].direction, asked[-1].start, asked[-1].stop
    output = range((start or 0) // n_slices, -(-(n_frames if stop is None else stop) // n_slices))
    everything = range(n_frames // n_slices)
    seeds = _seeds(session)
    first = {object_id: min(volumes) for object_id, volumes in seeds.items()}
    last = {object_id: max(volumes) for object_id, volumes in seeds.items()}
    steps = []
    if direction != "backward":
        for time in everything[: output.stop]:
            steps.append(_step(time, 1, seeds, [i for i in seeds if first[i] <= time], output))
    if direction == "both":
        for time in reversed(everything[output.start :]):
            # A seed beyond the range has not been walked forward.
            here = [i for i in seeds if time < first[i] or time == first[i] >= output.stop]
            steps.append(_step(time, -1, seeds, here, output))
    if direction == "backward":
        for time in reversed(everything[output.start :]):
            steps.append(_step(time, -1, seeds, [i for i in seeds if time <= last[i]], output))
    steps = [step for step in steps if step.given or step.followed]
    return tuple(steps) if any(step.is_output for step in steps) else ()


def _seeds(session: Session) -> Seeds:
    seeds: Seeds = {}
    for object_id, tracked in session.objects.items():
        prompts = {frame: given.prompt() for frame, given in tracked.prompts.items()}
        prompts |= {frame: Prompt(mask=mask.unpack()) for frame, mask in tracked.locks.items()}
        for frame, prompt in sorted(prompts.items()):
            time, z = divmod(frame, session.frames.n_slices)
            seeds.setdefault(object_id, {}).setdefault(time, {})[z] = prompt
    return seeds


def _step(time: int, direction: int, seeds: Seeds, here: list[int], output: range) -> Step:
    given = {object_id: seeds[object_id][time] for object_id in here if time in seeds[object_id]}
    followed = tuple(object_id for object_id in here if object_id not in given)
    return Step(time, direction, given, followed, time in output)
