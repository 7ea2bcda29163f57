"""`seed`: finds the objects of a stack by a named rule and puts them into its session as prompts."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames
from napari_sam2.replay import planes
from napari_sam2.seeding.depth import link_slices, slices_apart
from napari_sam2.seeding.entering import add_prompts, find_entering, masks_of
from napari_sam2.seeding.finder import RULES, Finder
from napari_sam2.session import Session

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing

DEFAULT = "auto"
"""`everything` for a colour image, `threshold` for any other."""
MOST_SEEDS = 2000
LOOKED_AT = 5
"""Of so many frames the one with most contrast tells what the objects look like."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Seeds:
    """What was seeded.

    Attributes
    ----------
    rule : str
        The rule that found them, never "auto".
    diameter : float
        Of a typical object, in pixels: as given, else as estimated.
    objects : {"bright", "dark", "textured"}
        How they differ from what is around them: as given, else as seen.
    found : dict of int to tuple of int
        Frame to the ids of the objects that were found on it.
    """

    rule: str
    diameter: float
    objects: str
    found: dict[int, tuple[int, ...]]

    def __len__(self) -> int:
        return sum(map(len, self.found.values()))


def parse_rule(prompts: str) -> str | None:
    """The rule in `auto` or `auto:RULE` as typed; None for anything else, such as a path.

    Raises
    ------
    InputError
        `auto:` is followed by no rule that there is.
    """
    word, colon, rule = prompts.partition(":")
    if word != "auto":
        return None
    if not colon:
        return DEFAULT
    if rule not in RULES:
        raise InputError(f"there is no seeding rule {rule!r}; choose auto, auto:{', auto:'.join(RULES)}")
    return rule


def seed(
    session: Session,
    rule: str = DEFAULT,
    *,
    diameter: float | None = None,
    objects: Literal["auto", "bright", "dark", "textured"] = "auto",
    min_size: float | None = None,
    frames: Iterable[int] | str | None = None,
    reseed: int | None = None,
    limit: int = MOST_SEEDS,
    direction: str = "both",
    start: int | None = None,
    stop: int | None = None,
    model: "str | os.PathLike[str] | LoadedModel | None" = None,
    device: str = "auto",
    framing: "Framing | None" = None,
    progress: Progress | None = None,
) -> Seeds:
    """Find the objects of a session's image and add them to it, as one step of undo.

    In time the first frame is looked at. With `reseed`, or several `frames`, what is found is followed
    through the stack, and objects of a later frame that overlap no followed mask get a new id; the
    session then propagates each as it was found. In depth, slices through the whole stack are looked
    at, what overlaps from slice to slice is one object, and it is prompted where it is largest. Of
    volumes in time, that is done in the first volume. Objects are prompted by their masks, those of the
    rule `spots` by a click each.

    The session's parameter `seeding` names the rule, and `seeding_NAME` each argument that was given;
    `seeded_diameter` and `seeded_objects` are what was used.

    Parameters
    ----------
    session : Session
        Gets the prompts, under new ids.
    rule : {"auto", "threshold", "spots", "everything"}
        `threshold`: local threshold, then a watershed of the distance to the background. `spots`:
        Laplacian of Gaussian at several scales. `everything`: a grid of clicks through the model.
        `auto`: `everything` for a colour image, `threshold` for any other.
    diameter : float, optional
        Of a typical object, in pixels; estimated from the image when not given.
    objects : {"auto", "bright", "dark", "textured"}
        Against what is around them; "textured" have brighter and darker parts, as cells in phase
        contrast. Seen from the image when "auto".
    min_size : float, optional
        Smallest area of an object in pixels; 15 % of a disc of the diameter when not given.
    frames : iterable of int, or text such as "0,20", optional
        Frames to look at.
    reseed : int, optional
        Look at every n-th frame.
    limit : int
        Most objects in all.
    direction, start, stop
        For what is followed here, as for `Session.propagate`.
    model, device, framing
        As for `napari_sam2.run.track_to_folder`; asked of the model only by the rule `everything`,
        and in time where there are several frames.
    progress : callable, optional
        Called with what is being done, how much of it is done, and how much there is.

    Returns
    -------
    Seeds
        What was found.

    Raises
    ------
    InputError
        Nothing is found, too much is found, or an argument is not allowed; the session stays as it was.
    ModelError
        The model cannot be loaded.
    """
    kind = None if objects == "auto" else objects
    listed = frames if frames is None or isinstance(frames, str) else ",".join(map(str, frames))
    given: dict[str, str | float | None] = {
        "diameter": diameter,
        "objects": kind,
        "min_size": min_size,
        "frames": listed,
        "reseed": reseed,
        "limit": None if limit == MOST_SEEDS else limit,
    }
    _check(given, rule)
    stack = session.frames
    in_depth = stack.axis in ("z", "zt")
    if stack.axis == "zt" and reseed is not None:
        raise InputError("volumes in time are seeded in their first volume; leave out reseed")
    n_frames = stack.n_slices if stack.axis == "zt" else len(stack)
    asked = _frames(listed, reseed, n_frames)
    look_at = _spread(asked or (range(n_frames) if in_depth else [0]))
    finder = Finder(session, rule, look_at, diameter, kind, min_size, model, device, framing)
    chosen = asked or (slices_apart(n_frames, finder.look.diameter) if in_depth else [0])

    def find(frame: int) -> NDArray[np.int32]:
        labels_hw = finder.find(frame)
        if labels_hw.max() > limit:
            raise InputError(
                f"{finder.rule} finds {labels_hw.max()} objects on frame {frame} of {stack.name}, more than "
                f"the limit of {limit}; give a larger diameter or min size, or a higher limit"
            )
        if progress is not None:
            progress("seeding", chosen.index(frame) + 1, len(chosen))
        return labels_hw

    # A disc is no outline: as clicks, spots are followed better.
    as_clicks = finder.rule == "spots"
    span = (direction, start, stop)
    is_followed = not in_depth and len(chosen) > 1
    if in_depth:
        masks = link_slices((frame, find(frame)) for frame in chosen)
    elif is_followed:
        given |= {"direction": None if direction == "both" else direction, "start": start, "stop": stop}
        masks = find_entering(stack, chosen, find, as_clicks, finder.loaded, framing, span)
    else:
        masks = {chosen[0]: masks_of(find(chosen[0]))}
    n_found = sum(map(len, masks.values()))
    if n_found > limit:
        raise InputError(
            f"{finder.rule} finds {n_found} objects in {stack.name}, more than the limit of {limit}; "
            "give a larger diameter or min size, or a higher limit"
        )
    if not n_found:
        raise InputError(finder.why_nothing(chosen))
    with session.group():
        found = add_prompts(session, masks, as_clicks)
        if is_followed:
            for ids in found.values():
                session.propagate(ids, *span)
        for name, value in given.items():
            if value is not None:
                session.set_parameter(f"seeding_{name}", value)
        session.set_parameter("seeding", finder.rule)
        session.set_parameter("seeded_diameter", round(finder.look.diameter, 1))
        session.set_parameter("seeded_objects", finder.look.objects)
    return Seeds(finder.rule, finder.look.diameter, finder.look.objects, found)


def seeded_session(
    image: Frames,
    rule: str = DEFAULT,
    /,
    *,
    direction: str = "both",
    start: int | None = None,
    stop: int | None = None,
    **arguments: Any,
) -> Session:
    """A new session on an image, seeded by a rule and propagated.

    Parameters
    ----------
    image : Frames
        The image.
    rule : str
        As for `seed`.
    direction, start, stop
        Of the propagation, as for `Session.propagate`; of volumes in time, `start` and `stop` count volumes.
    **arguments
        Those of `seed`.

    Raises
    ------
    InputError, ModelError
        As by `seed`.
    """
    session = Session(image)
    start, stop = planes(image, start, stop)
    seed(session, rule, direction=direction, start=start, stop=stop, **arguments)
    session.propagate(direction=direction, start=start, stop=stop)
    return session


def _spread(frames: Sequence[int]) -> list[int]:
    """A few of the frames, evenly spread."""
    return sorted({frames[round(k)] for k in np.linspace(0, len(frames) - 1, LOOKED_AT)})


def _frames(frames: str | None, reseed: int | None, n_frames: int) -> list[int] | None:
    """The frames asked for, in order."""
    if frames is None and reseed is None:
        return None
    listed = "0" if frames is None else frames
    try:
        chosen = sorted({int(word) for word in listed.split(",")})
    except ValueError:
        raise InputError(f"frames {frames!r} is not understood; give numbers from 0, such as 0,20") from None
    if chosen[0] < 0 or chosen[-1] >= n_frames:
        wrong = chosen[0] if chosen[0] < 0 else chosen[-1]
        raise InputError(f"frame {wrong} cannot be seeded; choose from 0 to {n_frames - 1}")
    if reseed is not None:
        chosen = sorted({*chosen, *range(chosen[0], n_frames, reseed)})
    return chosen


def _check(given: Mapping[str, object], rule: str) -> None:
    if rule not in ("auto", *RULES):
        raise InputError(f"there is no seeding rule {rule!r}; choose auto, {', '.join(RULES)}")
    if given["objects"] not in (None, "bright", "dark", "textured"):
        raise InputError(f"objects cannot be {given['objects']!r}; choose auto, bright, dark or textured")
    for name in ("diameter", "min_size", "reseed", "limit"):
        value = given[name]
        if value is not None and not (isinstance(value, int | float) and 0 < value < np.inf):
            raise InputError(f"{name.replace('_', ' ')} cannot be {value!r}; give a positive number")
    for name in ("reseed", "limit"):
        if not isinstance(given[name], int | None):
            raise InputError(f"{name} cannot be {given[name]!r}; give a whole number")
