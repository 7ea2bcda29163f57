"""The tracker: walks a plan over the frames and yields what it finds, a frame at a time.

All state lives in a `TrackerState` that can be saved between frames: an interrupted run goes on from
it and yields exactly what it would have yielded.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from napari_sam2.models.ahead import scenes_of
from napari_sam2.models.level import levelled
from napari_sam2.models.memory import Memory, MemoryBank, Reading
from napari_sam2.models.plan import Anchor, ObjectRun, Pass
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import FrameResult, MaskPatch
from napari_sam2.models.scene import FrameSource, Scene
from napari_sam2.models.second_look import looked_again
from napari_sam2.models.sizing import window_for, window_of_found
from napari_sam2.models.solver import Seen, Solver, Task
from napari_sam2.models.windows import Window, full

if TYPE_CHECKING:
    from napari_sam2.models.encoded import EncodedFrames
    from napari_sam2.models.load import LoadedModel

Framing = Literal["auto", "frame", "window"]
"""`frame` is SAM 2's own: the whole frame for every object. `window` follows each object with a window
of its own. `auto` follows objects that are small against the frame and shows the others the whole."""

FoundMask = Callable[[int, int], NDArray[np.bool_]]
"""(object_id, frame) to the mask found by an earlier pass, bool (y, x); empty where there is none."""


@dataclass(eq=False)
class TrackerState:
    """Everything that the next frame depends on.

    Attributes
    ----------
    pass_index : int
        The pass that is under way.
    next_step : int
        How many frames of that pass are done.
    banks : dict of int to MemoryBank
        By object.
    windows : dict of int to Window
        Where each object was last seen.
    given : dict of (object_id, frame) to (MaskPatch, Window or None)
        Anchors that were decoded ahead of the walk. No window where the object was said to be absent:
        that tells nothing of where it will come back.
    """

    pass_index: int = 0
    next_step: int = 0
    banks: dict[int, MemoryBank] = field(default_factory=lambda: defaultdict(MemoryBank))
    windows: dict[int, Window] = field(default_factory=dict)
    given: dict[tuple[int, int], tuple[MaskPatch, Window | None]] = field(default_factory=dict)


def _nothing_found(object_id: int, frame: int) -> NDArray[np.bool_]:
    raise ValueError(f"the plan repairs object {object_id} on frame {frame}, and no masks were given for it")


class Tracker:
    """Follows objects through a stack.

    Parameters
    ----------
    model : LoadedModel
        Network, device and name.
    frames : FrameSource
        The stack.
    framing : {"auto", "frame", "window"}
        How frames become the network's input.
    found : callable, optional
        Masks of earlier passes; only plans with repairs need it.
    state : TrackerState, optional
        To go on with an interrupted run.
    cache : EncodedFrames, optional
        Keeps encoded frames on disk for the next run over them.
    average : bool
        Decode first clicks and boxes in several views and take the mean, of ambiguous answers take the
        mask to be expected, make every answer to clicks and boxes agree with them, and follow masks with
        the outlines that they were given.
    depth : bool
        Frames are slices: an object that has ended does not come back, but where a prompt ahead says so.
    """

    def __init__(
        self,
        model: "LoadedModel",
        frames: FrameSource,
        *,
        framing: Framing,
        found: FoundMask | None = None,
        state: TrackerState | None = None,
        cache: "EncodedFrames | None" = None,
        average: bool = False,
        depth: bool = False,
    ) -> None:
        self.state, self._cache = state or TrackerState(), cache
        self._network, self._device = model.network, model.device
        self._frames, self._framing = frames, framing
        self._average, self._depth = average, depth
        self._found = found or _nothing_found
        self._shape = (frames.shape[1], frames.shape[2])
        self._solver = Solver(model.network, model.device, frames.shape[0])

    def run(self, plan: Sequence[Pass]) -> Iterator[FrameResult]:
        """Walk the plan; each frame's result is yielded as it is found.

        A frame comes once in each pass that touches it, with the objects of that pass. The state is
        whole whenever a result has been yielded.
        """
        while self.state.pass_index < len(plan):
            current = plan[self.state.pass_index]
            turns = turns_after(plan, self.state.pass_index)
            if self.state.next_step == 0:
                self._begin(current)
            ahead = current.frames()[self.state.next_step :]
            scenes = self._scenes([frame for frame in ahead if self._must_look(frame, current)], current)
            for frame in ahead:
                self.state.next_step += 1
                runs = [run for run in current.runs if run.covers(frame)]
                if runs:
                    scene = next(scenes) if self._must_look(frame, current) else self._scene(frame)
                    yield self._step(scene, runs, current, turns)
            self.state.pass_index += 1
            self.state.next_step = 0

    def _begin(self, current: Pass) -> None:
        """Decode what can be known before the walk: initial prompts, and masks to be remembered."""
        state = self.state
        if current.fresh:
            for run in current.runs:
                state.banks[run.object_id] = MemoryBank()
                for key in [key for key in state.given if key[0] == run.object_id]:
                    del state.given[key]
            by_frame: dict[int, list[tuple[int, Prompt, bool]]] = defaultdict(list)
            for run in current.runs:
                for frame, prompt, conditioning in self._known_ahead(run):
                    by_frame[frame].append((run.object_id, prompt, conditioning))
            # Where an object is absent, its window is that of where it is given.
            for absences in (False, True):
                for frame in sorted(by_frame):
                    prompts = [given for given in by_frame[frame] if given[1].absent == absences]
                    if prompts:
                        self._give(self._scene(frame), prompts)
        for run in current.runs:
            state.windows[run.object_id] = self._nearest_given(run)

    def _known_ahead(self, run: ObjectRun) -> Iterator[tuple[int, Prompt, bool]]:
        """Frames that enter the memory before the walk: (frame, prompt, conditioning)."""
        for anchor in run.anchors:
            if not anchor.correction:
                yield anchor.frame, anchor.prompt, True
            elif not run.covers(anchor.frame):
                # A correction that is not made again is remembered by the mask that it left.
                mask = self._found(run.object_id, anchor.frame)
                yield anchor.frame, Prompt(mask=mask) if mask.any() else anchor.prompt, True
        for frame in run.recall:
            mask = self._found(run.object_id, frame)
            if mask.any():
                yield frame, Prompt(mask=mask), False

    def _give(self, scene: Scene, prompts: list[tuple[int, Prompt, bool]]) -> None:
        windows = [self._window_for(object_id, scene, prompt) for object_id, prompt, _ in prompts]
        tasks = [
            Task(
                object_id,
                window.view(scene.shape),
                prompt=prompt,
                average=self._average,
                input=window.input,
            )
            for (object_id, prompt, _), window in zip(prompts, windows, strict=True)
        ]
        seen = self._solver.solve(scene, tasks)
        memories = self._memories(scene, tasks, seen)
        given = zip(prompts, windows, seen, memories, strict=True)
        for (object_id, prompt, conditioning), window, one, memory in given:
            self.state.banks[object_id].write(scene.index, memory, conditioning)
            following = None if prompt.absent else window.after(one.patch)
            self.state.given[object_id, scene.index] = (one.patch, following)

    def _memories(self, scene: Scene, tasks: Sequence[Task], seen: Sequence[Seen]) -> list[Memory]:
        return levelled(self._solver, scene, tasks, seen) if self._average else [one.memory for one in seen]

    def _window_for(self, object_id: int, scene: Scene, prompt: Prompt) -> Window:
        if prompt.absent:
            return self._nearest_window(object_id, scene.index) or full(self._shape)
        return window_for(self._solver, scene, prompt, self._framing)

    def _nearest_given(self, run: ObjectRun) -> Window:
        """The window to start a walk with: where the object was given nearest to its first frame."""
        nearest = self._nearest_window(run.object_id, run.first)
        if nearest is not None:
            return nearest
        # Only corrections, which find their own window from the mask that they repair, and absences.
        present = [anchor for anchor in run.anchors if not anchor.prompt.absent]
        if not present:
            return full(self._shape)
        return self._window_of_found(
            run.object_id, min(present, key=lambda anchor: abs(anchor.frame - run.first))
        )

    def _nearest_window(self, object_id: int, to: int) -> Window | None:
        """Where the object was given nearest to a frame; None where it was only said to be absent."""
        frames = [
            frame
            for (given_id, frame), (_, window) in self.state.given.items()
            if given_id == object_id and window is not None
        ]
        if not frames:
            return None
        return self.state.given[object_id, min(frames, key=lambda frame: (abs(frame - to), frame))][1]

    def _window_of_found(self, object_id: int, anchor: Anchor) -> Window:
        return window_of_found(self._found(object_id, anchor.frame), anchor.prompt, self._framing)

    def _must_look(self, frame: int, current: Pass) -> bool:
        """Whether any object has to be found on a frame: not all were decoded ahead of the walk."""
        return any(
            run.covers(frame) and (run.object_id, frame) not in self.state.given for run in current.runs
        )

    def _step(
        self, scene: Scene, runs: Sequence[ObjectRun], current: Pass, turns: dict[int, int]
    ) -> FrameResult:
        """One frame of a walk: reuse what was given, decode corrections, follow the rest."""
        state, config, frame = self.state, self._network.config, scene.index
        patches: dict[int, MaskPatch] = {}
        tasks: list[Task] = []
        for run in runs:
            object_id = run.object_id
            anchor = next((anchor for anchor in run.anchors if anchor.frame == frame), None)
            if anchor is not None and (object_id, frame) in state.given:
                patch, window = state.given[object_id, frame]
                state.windows[object_id] = window or state.windows[object_id].after(patch)
                patches[object_id] = patch
                continue
            if self._has_ended(run, frame, current.direction):
                patches[object_id] = MaskPatch.absent(object_id)
                continue
            reading = state.banks[object_id].read(frame, current.direction, self._solver.n_frames, config)
            if anchor is None:
                window = state.windows[object_id]
                view = window.view(self._shape)
                tasks.append(Task(object_id, view, reading, average=self._average, input=window.input))
            else:
                if not anchor.prompt.absent:
                    state.windows[object_id] = self._window_of_found(object_id, anchor)
                tasks.append(self._correction(object_id, state.windows[object_id], reading, anchor))
        first = self._solver.solve(scene, tasks)
        found = looked_again(self._solver, scene, tasks, first, state.windows)
        memories = self._memories(scene, tasks, found)
        for task, seen, memory in zip(tasks, found, memories, strict=True):
            object_id, bank = task.object_id, state.banks[task.object_id]
            bank.write(frame, memory, conditioning=task.prompt is not None)
            bank.forget(frame, current.direction, config, turns.get(object_id))
            state.windows[object_id] = state.windows[object_id].after(seen.patch)
            patches[object_id] = seen.patch
        ordered = tuple(patches[run.object_id] for run in runs)
        return FrameResult(frame, self._shape, ordered, current.keep_others)

    def _has_ended(self, run: ObjectRun, frame: int, direction: int) -> bool:
        expected = any((anchor.frame - frame) * direction >= 0 for anchor in run.anchors)
        return self._depth and self.state.windows[run.object_id].ended and not expected

    def _correction(self, object_id: int, window: Window, reading: Reading, anchor: Anchor) -> Task:
        view = window.view(self._shape)
        if anchor.prompt.mask is not None:
            return Task(object_id, view, prompt=anchor.prompt, average=self._average, input=window.input)
        found = self._found(object_id, anchor.frame)
        hint = found if found.any() else None
        return Task(object_id, view, reading, anchor.prompt, hint, self._average, window.input)

    def _scenes(self, order: Sequence[int], current: Pass) -> Iterator[Scene]:
        whole_frames = not any(self.state.windows[run.object_id].follows for run in current.runs)
        return scenes_of(self._network, self._frames, order, self._device, whole_frames, self._cache)

    def _scene(self, frame: int) -> Scene:
        return Scene(self._network, self._frames, frame, self._device, cache=self._cache)


def turns_after(plan: Sequence[Pass], index: int) -> dict[int, int]:
    """From which frame each object of a pass will walk back with the memory that the pass leaves."""
    turns: dict[int, int] = {}
    for run in plan[index].runs:
        later = ((p, r) for p in plan[index + 1 :] for r in p.runs if r.object_id == run.object_id)
        following = next(later, None)
        if following is not None and not following[0].fresh:
            turns[run.object_id] = following[1].first + 1
    return turns
