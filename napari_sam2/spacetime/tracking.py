"""Follows bodies through volumes in time, a volume after the other.

In each volume an object is first followed in time: on each slice on which it was seen last, with the memory
of that very slice. From there it is followed through depth: beyond its ends, and on slices where it was
missed. So a body may grow and move along depth, and what is found on one slice agrees with its neighbours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sam2.label_store import LabelStore
from napari_sam2.models.plan import Anchor, ObjectRun, Pass
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import FrameResult, MaskPatch
from napari_sam2.session import Session
from napari_sam2.spacetime.plan import Step
from napari_sam2.spacetime.volumes import Volumes

if TYPE_CHECKING:
    from napari_sam2.frames import Frames
    from napari_sam2.models.load import LoadedModel
    from napari_sam2.models.tracker import Framing

REMEMBERED = 6
"""Volumes back in which an object is looked for, as many as SAM 2 remembers; a longer absence is for good."""
MARGIN, GROWTH = 2, 0.25
"""Slices looked at beyond the object's former ends: at least this many, and this share of its height."""


@dataclass(frozen=True, eq=False)
class Body:
    """Where one object was seen last.

    Attributes
    ----------
    time : int
        The volume.
    areas_z : int array (z,)
        Its pixels on each slice.
    """

    time: int
    areas_z: NDArray[np.int64]

    @property
    def slices(self) -> list[int]:
        """Those on which it was."""
        return np.flatnonzero(self.areas_z).tolist()

    @property
    def reach(self) -> range:
        """Those on which it may be now."""
        first, last = self.slices[0], self.slices[-1]
        beyond = max(MARGIN, ceil(GROWTH * (last - first + 1)))
        return range(max(first - beyond, 0), min(last + beyond + 1, len(self.areas_z)))


class VolumeTracking:
    """Masks of a session on volumes in time, found as they are asked for; iterate it, or call `to_labels`.

    Attributes
    ----------
    session : Session
        Whose masks; its frames are the slices of volumes in time.
    model : LoadedModel
        Which finds them.
    framing : {"auto", "frame", "window"}
        How slices become the network's input.
    steps : tuple of Step
        What will be walked: one volume each.
    """

    def __init__(
        self, session: Session, model: "LoadedModel", framing: "Framing", steps: tuple[Step, ...]
    ) -> None:
        self.session, self.model, self.framing, self.steps = session, model, framing, steps
        self._areas: dict[int, dict[int, NDArray[np.int64]]] = {}
        self._direction = 0

    def __len__(self) -> int:
        """How many volumes will be walked."""
        return len(self.steps)

    def __iter__(self) -> Iterator[FrameResult]:
        """The masks of each slice, which is `result.frame`, counted through all volumes.

        All labels are kept in memory meanwhile; `follow` keeps them on disk.
        """
        store = LabelStore.in_memory(self.session.frames.shape)
        self._direction = 0
        for step in self.steps:
            for result in self.find(step, store):
                store.write(result)
                if step.is_output:
                    yield result

    def follow(self, store: LabelStore, done: int = 0) -> Iterator[int]:
        """Write all masks into a store, yielding after each step how many are done.

        Parameters
        ----------
        store : LabelStore
            Of all slices; where it was interrupted it may hold parts of the step after the last one done.
        done : int
            Steps that an earlier run has done.
        """
        self._direction = 0  # what was measured in another store is forgotten
        for number, step in enumerate(self.steps[done:], start=done + 1):
            for result in self.find(step, store):
                store.write(result)
            if number == len(self.steps):
                self._leave_out(store)
            yield number

    def to_labels(self, store: LabelStore | None = None) -> NDArray[np.int32] | Volumes:
        """Find all masks and put them in a store, by default in memory.

        Returns
        -------
        int32 array (t, z, y, x), or Volumes for a store on disk
            Where objects overlap, the larger logit has won.
        """
        store = store or LabelStore.in_memory(self.session.frames.shape)
        for _ in self.follow(store):
            pass
        volumes = Volumes(store, self.session.frames.n_slices)
        if isinstance(store.labels, np.ndarray):
            return store.labels.reshape(len(volumes), -1, *store.shape[1:])
        return volumes

    def find(self, step: Step, found: LabelStore) -> Iterator[FrameResult]:
        """The masks of one step, slice by slice.

        Parameters
        ----------
        step : Step
            One of `steps`.
        found : LabelStore
            With the masks of all steps before.
        """
        frames, n_slices = self.session.frames, self.session.frames.n_slices
        bodies = self._bodies(step, found)
        followed = self._follow_in_time(step, bodies, found)
        anchors = {i: _anchors(prompts) for i, prompts in step.given.items()}
        reach = dict.fromkeys(anchors, range(n_slices))
        for i, on in followed.items():
            anchors[i] = _anchors({z: _prompt(patch, frames.shape[1:]) for z, patch in on.items()})
            reach[i] = bodies[i].reach
        for result in self._track(frames.single("z", step.time), _through_depth(anchors, reach)):
            z = result.frame
            # A mask that is given has lost its logits.
            patches = (followed.get(patch.object_id, {}).get(z, patch) for patch in result.patches)
            yield replace(result, frame=step.time * n_slices + z, patches=tuple(patches))

    def _bodies(self, step: Step, found: LabelStore) -> dict[int, Body]:
        """Where the followed objects were lately; one that is lost for long has no entry."""
        n_slices = self.session.frames.n_slices
        times = [step.time - step.direction * age for age in range(1, REMEMBERED + 1)]
        times = [time for time in times if 0 <= time < len(found) // n_slices]
        # A walk back finds more objects in a volume than there were on the way forward.
        known = self._areas if step.direction == self._direction else {}
        self._direction = step.direction
        self._areas = {t: known.get(t) or _measure(found, t * n_slices, n_slices) for t in times}
        return {
            object_id: next(Body(t, self._areas[t][object_id]) for t in times if object_id in self._areas[t])
            for object_id in step.followed
            if any(object_id in areas for areas in self._areas.values())
        }

    def _follow_in_time(
        self, step: Step, bodies: Mapping[int, Body], found: LabelStore
    ) -> dict[int, dict[int, MaskPatch]]:
        """What each object looks like now on the slices on which it was, where it is there."""
        frames, n_slices = self.session.frames, self.session.frames.n_slices
        followed: dict[int, dict[int, MaskPatch]] = {}
        for z in sorted({z for body in bodies.values() for z in body.slices}):
            runs = []
            for object_id, body in bodies.items():
                if body.areas_z[z]:
                    mask = found.object_mask(object_id, body.time * n_slices + z)
                    anchors = _anchors({body.time: Prompt(mask=mask)})
                    runs.append(ObjectRun(object_id, anchors, step.time, step.time))
            for result in self._track(frames.single("t", z), (Pass(step.direction, tuple(runs)),)):
                for patch in result.patches:
                    if patch.logits_hw.size:
                        followed.setdefault(patch.object_id, {})[z] = patch
        return followed

    def _leave_out(self, store: LabelStore) -> None:
        """Empty the volumes that are no part of the result."""
        n_slices = self.session.frames.n_slices
        for time in {step.time for step in self.steps if not step.is_output}:
            for plane in range(time * n_slices, (time + 1) * n_slices):
                for object_id in np.unique(store[plane]).tolist():
                    if object_id:
                        store.delete_object(object_id, plane)

    def _track(self, frames: "Frames", plan: tuple[Pass, ...]) -> Iterator[FrameResult]:
        from napari_sam2.models.tracker import Tracker

        average = self.model.averages(self.framing)
        depth = frames.axis == "z"
        yield from Tracker(self.model, frames, framing=self.framing, average=average, depth=depth).run(plan)


def _measure(found: LabelStore, first: int, n_slices: int) -> dict[int, NDArray[np.int64]]:
    """Pixels of each object on each slice of a volume."""
    areas: dict[int, NDArray[np.int64]] = {}
    for z in range(n_slices):
        for object_id, area in zip(*np.unique(found[first + z], return_counts=True), strict=True):
            if object_id:
                areas.setdefault(int(object_id), np.zeros(n_slices, np.int64))[z] = area
    return areas


def _anchors(prompts: Mapping[int, Prompt]) -> tuple[Anchor, ...]:
    return tuple(Anchor(frame, prompt) for frame, prompt in sorted(prompts.items()))


def _through_depth(anchors: Mapping[int, tuple[Anchor, ...]], reach: Mapping[int, range]) -> tuple[Pass, ...]:
    """From each object's first slice down through its reach, and then up with the same memory."""
    first = {i: given[0].frame for i, given in anchors.items()}
    down = tuple(
        ObjectRun(i, given, first[i], max(reach[i].stop - 1, given[-1].frame)) for i, given in anchors.items()
    )
    up = tuple(
        ObjectRun(i, given, first[i] - 1, reach[i].start)
        for i, given in anchors.items()
        if reach[i].start < first[i]
    )
    return (Pass(1, down), *([Pass(-1, up, fresh=False)] if up else []))


def _prompt(patch: MaskPatch, shape: tuple[int, ...]) -> Prompt:
    mask_hw = np.zeros(shape, dtype=bool)
    mask_hw[patch.region] = patch.logits_hw > 0
    return Prompt(mask=mask_hw)
