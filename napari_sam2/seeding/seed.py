"""`seed`: finds the objects of a stack by a named rule and puts them into its session as prompts."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_sam2.errors import InputError
from napari_sam2.session import Session

if TYPE_CHECKING:
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing

Rule = Literal["auto", "threshold", "spots", "everything"]
RULES = ("threshold", "spots", "everything")
"""The rules by name; "auto" takes `threshold` for grey images and `everything` for colour images."""
DEFAULT = "auto"
MOST_SEEDS = 2000
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
    found : dict of int to tuple of int
        Frame to the ids of the objects that were found new on it.
    """

    rule: str
    diameter: float
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
        raise InputError(f"there is no seeding rule {rule!r}; choose auto:{', auto:'.join(RULES)} or auto")
    return rule


def seed(
    session: Session,
    rule: str = DEFAULT,
    *,
    diameter: float | None = None,
    objects: Literal["auto", "bright", "dark"] = "auto",
    min_size: float | None = None,
    frames: Iterable[int] | None = None,
    reseed: int | None = None,
    limit: int = MOST_SEEDS,
    model: "str | os.PathLike[str] | LoadedModel | None" = None,
    device: str = "auto",
    framing: "Framing | None" = None,
    progress: Progress | None = None,
) -> Seeds:
    """Find the objects of a session's image and add them to it as prompts, as one step of undo.

    The session's parameters `seeding`, `seeding_diameter` and so on say which rule made them. What is
    seeded is propagated by nobody yet, unless `reseed` is given.

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
    objects : {"auto", "bright", "dark"}
        Against what is around them; seen from the image when "auto".
    min_size : float, optional
        Smallest area of an object in pixels; a fraction of that of a typical one when not given.
    frames : iterable of int, optional
        Frames to seed on; objects of a later one that overlap no mask followed from an earlier one
        are new. Frame 0 when not given.
    reseed : int, optional
        Look for objects that enter on every n-th frame.
    limit : int
        Most objects in all.
    model, device, framing
        As for `napari_sam2.run.track_to_folder`; asked of the model only by the rule `everything`
        and where there are several frames.
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
    raise InputError(f"seeding by {rule} is not built yet")
