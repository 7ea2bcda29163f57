"""The level at which followed masks are cut, so that they keep the outlines that were given.

Where an object ends is a matter of convention: an annotator's outlines may be wider than those that a
small network finds by itself, and following it falls back to its own. How far, it says when its memory
of a given mask is asked about that very frame: the level at which the answer is most like the given
mask is the level for the frames to come.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_sam2.models.memory import Memory, Reading
from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Seen, Solver, Task

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = (-4.0, 0.0, 17)
"""Lowest and highest level, and how many to try. Wider outlines are kept; tighter ones need no help, and
a mask cut above 0 soon loses its object."""
RELUCTANCE = 0.05
"""By how much the IoU must gain for each unit that the level moves from 0."""


def levelled(solver: Solver, scene: Scene, tasks: Sequence[Task], seen: Sequence[Seen]) -> list[Memory]:
    """All memories; those of given masks have the level at which following reproduces them.

    Parameters
    ----------
    solver : Solver
        That gave the answers.
    scene : Scene
        The frame.
    tasks, seen : sequence of Task, sequence of Seen
        What was asked, and found.

    Returns
    -------
    list of Memory
    """
    import torch

    memories = [one.memory for one in seen]
    given = [i for i, task in enumerate(tasks) if task.prompt is not None and seen[i].patch.logits_hw.size]
    recalls = [
        Task(
            tasks[i].object_id,
            tasks[i].view,
            Reading.of(memories[i]),
            average=True,
            input=tasks[i].input,
        )
        for i in given
    ]
    with torch.inference_mode():
        for i, recalled in zip(given, solver.solve(scene, recalls), strict=True):
            level = level_of(recalled.logits_hw, seen[i].logits_hw)
            memories[i] = replace(memories[i], level=level)
    return memories


def level_of(recalled_hw: "Tensor", given_hw: "Tensor") -> float:
    """The level at which the mask of some logits is most like that of others, cut at 0.

    Parameters
    ----------
    recalled_hw, given_hw : float Tensor
        Logits on the same grid.

    Returns
    -------
    float
        Of `LEVELS`, the one with the highest IoU, less `RELUCTANCE`.
    """
    import torch
    import torch.nn.functional as F

    # Four times finer, as the masks will be.
    fine_2hw = F.interpolate(
        torch.stack((recalled_hw, given_hw)).float()[:, None],
        scale_factor=4.0,
        mode="bilinear",
        align_corners=False,
    )[:, 0]
    wanted_hw = fine_2hw[1] > 0
    levels_l = torch.linspace(*LEVELS, device=fine_2hw.device)
    found_lhw = fine_2hw[0] > levels_l[:, None, None]
    both_l = (found_lhw & wanted_hw).flatten(1).sum(1)
    either_l = (found_lhw | wanted_hw).flatten(1).sum(1).clamp_min(1)
    worth_l = both_l / either_l - RELUCTANCE * levels_l.abs()
    return float(levels_l[worth_l.argmax()])
