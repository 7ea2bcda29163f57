"""What the tracker is asked to do: passes over the frames, and in each pass the objects it follows.

A plan is plain data, made from a session and checked before any model is loaded. Each object is
*given* on some frames, its anchors (prompted or locked frames), and *followed* on the frames between
and beyond them.
"""

from dataclasses import dataclass

from napari_sam2.models.prompts import Prompt

RECALLED_FRAMES = 6
"""How many frames before a correction are put back into memory: what SAM 2 reads of the recent past."""


@dataclass(frozen=True, eq=False)
class Anchor:
    """One frame on which an object is given.

    Attributes
    ----------
    frame : int
        Index along the propagation axis.
    prompt : Prompt
        What was said there; for a locked frame, the accepted mask.
    locked : bool
        The mask was accepted as it is: the output on this frame is exactly `prompt.mask`.
    correction : bool
        The prompt repairs a mask that propagation had already put there, so the decoder sees that
        mask and the memory of the frames before it, as SAM 2 does on a frame tracked before. An
        initial prompt is decoded from the frame alone.
    """

    frame: int
    prompt: Prompt
    locked: bool = False
    correction: bool = False


@dataclass(frozen=True, eq=False)
class ObjectRun:
    """One object in one pass.

    Attributes
    ----------
    object_id : int
        From 1.
    anchors : tuple of Anchor
        All frames on which the object is given, in ascending order: those inside the run are output
        where the run comes to them, and all are conditioning frames of its memory.
    first, last : int
        The frames to output, both included, in the order of the pass: `first <= last` forward,
        `first >= last` backward.
    recall : tuple of int
        Frames outside the run whose masks, found by an earlier pass, are encoded into memory before
        the run starts; the mask found on a correction's own frame is read besides.
    """

    object_id: int
    anchors: tuple[Anchor, ...]
    first: int
    last: int
    recall: tuple[int, ...] = ()

    def covers(self, frame: int) -> bool:
        """Whether this run outputs the frame."""
        return min(self.first, self.last) <= frame <= max(self.first, self.last)


@dataclass(frozen=True, eq=False)
class Pass:
    """One walk over the frames, forward or backward, with all objects that take part in it.

    Attributes
    ----------
    direction : int
        1 for forward, -1 for backward.
    runs : tuple of ObjectRun
        Objects may start and end on different frames.
    keep_others : bool
        The pass repairs its objects and must not change a pixel that belongs to another one.
    fresh : bool
        The objects start with an empty memory. False for the backward half of a two-way
        propagation, which goes on with the memory that the forward half made around each object's
        first anchor, as SAM 2 does.
    """

    direction: int
    runs: tuple[ObjectRun, ...]
    keep_others: bool = False
    fresh: bool = True

    def frames(self) -> range:
        """The frames that the pass walks over, in its order; empty when it has no runs."""
        if not self.runs:
            return range(0)
        if self.direction > 0:
            return range(min(run.first for run in self.runs), max(run.last for run in self.runs) + 1)
        return range(max(run.first for run in self.runs), min(run.last for run in self.runs) - 1, -1)
