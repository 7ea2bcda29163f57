"""A propagation under way: what was asked, how far it is."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from napari_sam2.interactive.objects import Progress
from napari_sam2.interactive.previews import name_of
from napari_sam2.interactive.requests import Loading
from napari_sam2.models.plan import Pass
from napari_sam2.session.edits import Propagate
from napari_sam2.session.state import TrackedObject
from napari_sam2.tracking import steps


@dataclass(eq=False)
class Run:
    """One propagation.

    Attributes
    ----------
    number : int
        Of its request.
    step : int
        The step of undo that it belongs to.
    edit : Propagate
        As it stands in the session.
    plan : tuple of Pass
        What is walked.
    given : mapping of (object_id, frame) to str
        Names of the prompts that it starts from.
    done : int
        Results so far.
    """

    number: int
    step: int
    edit: Propagate
    plan: tuple[Pass, ...]
    given: Mapping[tuple[int, int], str]
    done: int = 0
    started: float = field(default_factory=time.monotonic)

    @cached_property
    def total(self) -> int:
        """How many results there will be."""
        return sum(len(steps(walk)) for walk in self.plan)

    def progress(self) -> Progress:
        """How far it is, in words and numbers."""
        objects = {run.object_id for walk in self.plan for run in walk.runs}
        what = f"following {len(objects)} object{'s' * (len(objects) > 1)}"
        speed = self.done / max(time.monotonic() - self.started, 1e-9) if self.done else math.nan
        return Progress(what, self.done, self.total, speed, (self.total - self.done) / speed)


def names_of(objects: Mapping[int, TrackedObject]) -> dict[tuple[int, int], str]:
    """The name of each prompt, by (object_id, frame)."""
    return {
        (object_id, frame): name_of(given)
        for object_id, tracked in objects.items()
        for frame, given in tracked.prompts.items()
    }


def download(name: str, loading: Loading) -> Progress:
    """How far the download of a model is."""
    return Progress(f"downloading {name}", loading.done, loading.total or 0, math.nan, math.nan)
