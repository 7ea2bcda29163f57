"""Followed masks keep the outlines that were given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_sam2.models.level import LEVELS, level_of, levelled
from napari_sam2.models.memory import Reading
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Solver, Task
from napari_sam2.models.views import whole

GRID = 32


def hill(radius: float) -> torch.Tensor:
    """Logits (GRID, GRID) that fall by one a cell from the middle, 0 at the radius."""
    position = torch.arange(GRID) + 0.5 - GRID / 2
    return radius - torch.hypot(position[:, None], position[None])


@pytest.mark.parametrize("wider", [1.0, 2.0, 3.0])
def test_wider_outlines_are_found_again(wider: float) -> None:
    assert level_of(hill(6), hill(6 + wider)) == pytest.approx(-wider, abs=0.5)


@pytest.mark.parametrize("other", [0.0, -0.2, -2.0])
def test_outlines_as_the_model_draws_them_or_tighter_need_no_level(other: float) -> None:
    assert level_of(hill(6), hill(6 + other)) == 0


def test_a_mask_unlike_the_given_one_at_every_level_has_none() -> None:
    assert level_of(torch.full((GRID, GRID), -50.0), hill(6)) == 0


class Picture:
    """One frame."""

    def __init__(self) -> None:
        self.rgb_chw = np.random.default_rng(0).random((3, 96, 96), dtype=np.float32)
        self.shape = (1, *self.rgb_chw.shape[1:])

    def rgb(self, index: int) -> np.ndarray:
        return self.rgb_chw


def test_given_masks_get_a_level_and_what_is_followed_is_cut_there(small_config, enliven) -> None:
    torch.manual_seed(1)
    network = Sam2(small_config).eval()
    enliven(network)
    solver = Solver(network, torch.device("cpu"), 2)
    scene = Scene(network, Picture(), 0, torch.device("cpu"))
    view = whole(scene.shape)
    mask = np.zeros(scene.shape, bool)
    mask[20:70, 20:70] = True
    given = Task(1, view, prompt=Prompt(mask=mask))
    empty = Task(2, view, prompt=Prompt(mask=np.zeros(scene.shape, bool)))
    seen = solver.solve(scene, [given, empty])
    first, second = levelled(solver, scene, [given, empty], seen)
    assert LEVELS[0] <= first.level <= LEVELS[1]
    assert second.level == 0, "an object that is said to be absent has no outlines"

    reading = Reading.of(first)
    plain, cut = solver.solve(scene, [Task(1, view, reading), Task(2, view, replace(reading, level=-1.5))])
    torch.testing.assert_close(cut.logits_hw, plain.logits_hw + 1.5)
    followed = Task(1, view, reading)
    assert levelled(solver, scene, [followed], [plain]) == [plain.memory], "nothing was given"
