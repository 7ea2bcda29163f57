"""What a panel shows of the session: its objects, and how far a propagation is."""

from dataclasses import dataclass


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
