"""Many objects on one frame: each in an input of its size, memories of any grid."""

import numpy as np
import pytest
import torch

from napari_sam2.models.memory import Reading
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Solver, Task, on_grid
from napari_sam2.models.views import View

SMALL, LARGE = View(10, 20, 64, 64), View(0, 0, 90, 90)


class Picture:
    """One frame of noise."""

    shape = (1, 96, 120)

    def rgb(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).random((3, 96, 120), dtype=np.float32)


@pytest.fixture
def solver(small_config, enliven) -> Solver:
    torch.manual_seed(1)
    network = Sam2(small_config.at_size(256)).eval()
    enliven(network)
    return Solver(network, torch.device("cpu"), 9)


@pytest.fixture
def scene(solver) -> Scene:
    return Scene(solver.network, Picture(), 0, solver.device)


@pytest.fixture
def inputs(solver, monkeypatch) -> list[int]:
    """Sides of the inputs that are encoded, one for each view."""
    sides: list[int] = []
    encode = solver.network.encode_image
    monkeypatch.setattr(
        solver.network, "encode_image", lambda x: sides.extend([x.shape[-1]] * len(x)) or encode(x)
    )
    return sides


def clicked(view: View, average: bool = True) -> Task:
    size = 192 if view is SMALL else None
    return Task(1, view, prompt=Prompt(((40.0, 50.0),), (1,)), average=average, input=size)


def test_an_object_is_seen_at_its_input_and_others_at_the_networks_own(solver, scene, inputs):
    solver.solve(scene, [clicked(SMALL)])
    assert set(inputs) == {192}
    inputs.clear()
    solver.solve(scene, [clicked(LARGE)])
    assert set(inputs) == {256}


def test_without_averaging_every_input_is_the_networks_own(solver, scene, inputs):
    solver.solve(scene, [clicked(SMALL, average=False)])
    assert inputs == [256]


@pytest.mark.parametrize("own", [128, 512])
def test_a_network_of_much_larger_or_of_smaller_inputs_keeps_its_own(small_config, own):
    solver = Solver(Sam2(small_config.at_size(own)).eval(), torch.device("cpu"), 9)
    scene = Scene(solver.network, Picture(), 0, solver.device)
    assert solver.solve(scene, [clicked(SMALL)])[0].logits_hw.shape == (own // 4, own // 4)


def test_a_view_is_encoded_once_for_each_input(solver, scene, inputs):
    for _ in range(2):
        solver.solve(scene, [clicked(SMALL, average=False), clicked(SMALL)])
    assert sorted(inputs) == [192] * 4 + [256]


def test_objects_of_both_inputs_are_found_as_each_of_them_alone(solver, scene):
    tasks = [clicked(SMALL), clicked(LARGE), clicked(SMALL)]
    for one, task in zip(solver.solve(scene, tasks), tasks, strict=True):
        alone = solver.solve(scene, [task])[0]
        torch.testing.assert_close(one.logits_hw, alone.logits_hw, atol=1e-4, rtol=1e-4)
        assert one.memory.spatial_chw.shape == alone.memory.spatial_chw.shape


def test_an_object_that_grows_out_of_its_input_reads_what_it_remembers(solver, scene):
    small, large = (solver.solve(scene, [clicked(view)])[0].memory for view in (SMALL, LARGE))
    assert (small.spatial_chw.shape[-1], large.spatial_chw.shape[-1]) == (12, 16)
    both = Reading([small.spatial_chw, large.spatial_chw], [0, 1], [], [])
    for view, size, side in ((SMALL, 192, 48), (LARGE, None, 64)):
        found = solver.solve(scene, [Task(1, view, both, average=True, input=size)])[0]
        assert found.logits_hw.shape == (side, side) and torch.isfinite(found.logits_hw).all()


def test_memories_of_the_grid_stay_as_they_are_and_others_show_the_same_there():
    ramp_chw = torch.linspace(0, 1, 12).expand(2, 12, 12)
    same_chw, wider_chw = on_grid([ramp_chw], 12)[0], on_grid([ramp_chw], 16)[0]
    assert torch.equal(same_chw, ramp_chw)
    inner = torch.linspace(0, 1, 12)[0] + (torch.arange(16) + 0.5) / 16 * 12 - 0.5
    torch.testing.assert_close(wider_chw[:, :, 1:-1], (inner / 11)[1:-1].expand(2, 16, 14))
