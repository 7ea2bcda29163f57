"""A second look at what moved far: its window is cut again where the object was found.

Memory attention looks for things about where they were in their windows. When an object has left the
middle of its window, what the first look found of it says where the window should have been, and from
there memory and image agree again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import hypot

from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Seen, Solver, Task
from napari_sam2.models.views import View
from napari_sam2.models.windows import Window

AWAY = 0.08
"""Share of a window's side by which an object moves until it is looked at again."""


def looked_again(
    solver: Solver, scene: Scene, tasks: Sequence[Task], seen: Sequence[Seen], windows: Mapping[int, Window]
) -> list[Seen]:
    """What was seen, or seen better at the second look.

    Parameters
    ----------
    solver : Solver
        That gave the answers.
    scene : Scene
        The frame.
    tasks, seen : sequence of Task, sequence of Seen
        What was asked, and found; only followed objects are looked at again.
    windows : mapping of int to Window
        Of each object, on the frame before.

    Returns
    -------
    list of Seen
    """
    better = list(seen)
    moved: dict[int, Task] = {}
    for i, (task, one) in enumerate(zip(tasks, seen, strict=True)):
        window = windows[task.object_id]
        if task.prompt is None and window.follows and one.patch.logits_hw.size:
            view = window.after(one.patch).view(scene.shape)
            if _apart(view, task.view) > AWAY * task.view.height:
                moved[i] = replace(task, view=view)
    for i, again in zip(moved, solver.solve(scene, list(moved.values())), strict=True):
        # An object that is only seen from the side stays seen.
        if again.patch.logits_hw.size:
            better[i] = again
    return better


def _apart(first: View, second: View) -> float:
    """Between the centres of two views, in pixels of the frame."""
    return hypot(
        first.top + first.height / 2 - second.top - second.height / 2,
        first.left + first.width / 2 - second.left - second.width / 2,
    )
