"""Objects that moved far are looked at again where they were found."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from napari_sam2.models.memory import Memory, Reading
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.results import MaskPatch
from napari_sam2.models.second_look import AWAY, looked_again
from napari_sam2.models.solver import Seen, Task
from napari_sam2.models.windows import Window, full

SHAPE = (1000, 1000)
SIDE = 160
WINDOW = Window(500.0, 500.0, float(SIDE))
NOTHING = Reading([], [], [], [])


def seen_at(y: float, x: float, side: int = 100) -> Seen:
    """An object whose box is centred there; it is nowhere when the side is 0."""
    patch = MaskPatch(
        1, round(y - side / 2), round(x - side / 2), np.ones((side, side), np.float32), 0.9, 0.9
    )
    return Seen(patch, Memory(torch.zeros(1), None), torch.zeros(1, 1))


class Solver:
    """Answers the second look, and remembers where it was asked to look."""

    def __init__(self, answer: Seen) -> None:
        self.answer, self.asked = answer, []

    def solve(self, scene: Any, tasks: list[Task]) -> list[Seen]:
        self.asked += tasks
        return [self.answer for _ in tasks]


def look(solver: Any, first: Seen, window: Window = WINDOW, prompt: Prompt | None = None) -> Seen:
    task = Task(1, window.view(SHAPE), NOTHING, prompt)
    scene: Any = SimpleNamespace(shape=SHAPE)
    (seen,) = looked_again(solver, scene, [task], [first], {1: window})
    return seen


def test_what_moved_far_is_looked_at_again_where_it_was_found() -> None:
    first, better = seen_at(530, 480), seen_at(540, 470)
    solver = Solver(better)
    assert look(solver, first) is better
    (task,) = solver.asked
    view = task.view
    assert (view.top + view.height / 2, view.left + view.width / 2) == pytest.approx((530, 480), abs=1)
    assert task.reading is NOTHING


@pytest.mark.parametrize(("away", "times"), [(0.5 * AWAY, 0), (2 * AWAY, 1)])
def test_only_what_moved_by_more_than_the_limit_costs_a_second_look(away: float, times: int) -> None:
    solver = Solver(seen_at(500, 500))
    look(solver, seen_at(500 + away * SIDE, 500))
    assert len(solver.asked) == times


def test_what_the_second_look_loses_stays_as_it_was_seen_first() -> None:
    first = seen_at(560, 500)
    assert look(Solver(seen_at(560, 500, side=0)), first) is first


def test_the_lost_the_prompted_and_those_shown_the_whole_frame_are_left_alone() -> None:
    solver = Solver(seen_at(0, 0))
    look(solver, seen_at(500, 500, side=0))
    look(solver, seen_at(560, 500), prompt=Prompt(box=(450, 450, 549, 549)))
    look(solver, seen_at(560, 500), window=full(SHAPE))
    assert not solver.asked
