"""Answers of several views, averaged on the grid of the first."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.models import averaging
from napari_sam2.models.averaging import (
    BOXED,
    CLICKED,
    FOLLOWED,
    OTHERS,
    averaged,
    expected,
    onto,
    other_views,
)
from napari_sam2.models.memory import Reading
from napari_sam2.models.network.sam2 import Decoded, Sam2
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Solver, Task
from napari_sam2.models.views import View, whole

GRID = 32
mirrorings = st.tuples(st.booleans(), st.booleans())
sides = st.integers(20, 120)


def ramp(view: View) -> torch.Tensor:
    """What a view shows of a plane that rises along both axes, (1, 1, GRID, GRID)."""
    y = view.top + (torch.arange(GRID) + 0.5) * view.height / GRID
    x = view.left + (torch.arange(GRID) + 0.5) * view.width / GRID
    y, x = (v.flip(0) if reverse else v for v, reverse in zip((y, x), view.mirrored, strict=True))
    return (y[:, None] + 3 * x)[None, None]


@settings(deadline=None)
@given(sides, sides, st.integers(-30, 30), st.integers(-30, 30), mirrorings)
def test_a_plane_seen_in_one_view_is_the_plane_seen_in_another(side, other, down, right, mirrored):
    wanted = View(0, 0, side, side)
    view = View(down, right, other, other, mirrored)
    moved, shown = onto(ramp(view), [view], [wanted])
    # At its border a view has no pixel beyond to interpolate with.
    inner = View(down + other // GRID + 1, right + other // GRID + 1, other, other)
    step = side / GRID
    position = (torch.arange(GRID) + 0.5) * step
    rows = (position > inner.top) & (position < down + other - other // GRID - 1)
    columns = (position > inner.left) & (position < right + other - other // GRID - 1)
    inside = rows[:, None] & columns
    torch.testing.assert_close(moved[0, 0][inside], ramp(wanted)[0, 0][inside], atol=1e-2, rtol=1e-4)
    assert bool(shown[0, 0][inside].all())


def answer(level: float) -> Decoded:
    return Decoded(
        torch.full((1, 4, GRID, GRID), level),
        torch.full((1, 4), level / 10),
        torch.full((1, 4, 8), level),
        torch.tensor([level]),
    )


def guesses(chances: list[float], ious: list[float]) -> Decoded:
    """Four masks of one pixel."""
    logits = torch.tensor(chances).logit().view(1, 4, 1, 1)
    return Decoded(logits, torch.tensor([ious]), torch.zeros(1, 4, 8), torch.tensor([1.0]))


@given(
    st.lists(st.floats(0.01, 0.99), min_size=4, max_size=4), st.lists(st.floats(0, 1), min_size=4, max_size=4)
)
def test_a_pixel_is_taken_when_it_is_likely_enough_over_all_masks(chances, ious):
    taken, trust = CLICKED
    weights = np.exp(np.array(ious) / trust)
    likely = float(np.average(chances, weights=weights))
    logits = expected(guesses(chances, ious), taken, trust).logits_n4hw.flatten().tolist()
    assert logits == pytest.approx(
        [np.log(likely / (1 - likely)) - np.log(taken / (1 - taken))] * 4, abs=1e-3
    )


def test_a_mask_that_is_surely_meant_stays_as_it_is():
    part_or_whole = guesses([0.999999, 0.0001, 0.0001, 0.0001], [0.1, 0.9, 0.1, 0.1])
    assert expected(part_or_whole, *CLICKED).logits_n4hw.max() < 0


def test_each_pixel_is_the_mean_of_the_views_that_show_it():
    large, small = View(0, 0, 64, 64), View(16, 16, 32, 32)
    mean = averaged(answer(2.0), [large], [([small], answer(4.0))])
    assert mean.logits_n4hw[0, 0, GRID // 2, GRID // 2] == 3
    assert mean.logits_n4hw[0, 0, 0, 0] == 2
    assert mean.iou_n4[0].tolist() == pytest.approx([0.3] * 4)
    assert mean.object_score_n.tolist() == [3]
    assert torch.equal(mean.tokens_n4c, answer(2.0).tokens_n4c)


def test_every_view_shows_the_prompt():
    prompt = Prompt(points=((2.0, 2.0), (50.0, 50.0)), labels=(1, 1))
    view = View(0, 0, 60, 60)
    for other, (scale, mirrored) in zip(other_views(view, prompt, (200, 200)), OTHERS, strict=True):
        assert other.mirrored == mirrored
        assert all(other.holds(y, x) for y, x in prompt.points)
        assert other.height == (60 if scale < 1 else round(60 * scale))


def test_the_whole_frame_is_only_mirrored():
    frame = whole((80, 120))
    for other in other_views(frame, Prompt(box=(10, 10, 30, 40)), (80, 120)):
        assert (other.top, other.left, other.height, other.width) == (0, 0, 80, 120)


class Picture:
    """One frame, or its mirror image."""

    def __init__(self, rgb_chw: np.ndarray) -> None:
        self.rgb_chw, self.shape = rgb_chw, (1, *rgb_chw.shape[1:])

    def rgb(self, index: int) -> np.ndarray:
        return self.rgb_chw


@pytest.mark.parametrize("boxed", [False, True])
def test_the_mirror_image_of_a_frame_has_the_mirror_image_of_the_mask(small_config, enliven, boxed):
    torch.manual_seed(1)
    network = Sam2(small_config).eval()
    enliven(network)
    rgb = np.random.default_rng(0).random((3, 96, 96), dtype=np.float32)
    width = rgb.shape[2]
    found = []
    for mirrored in (False, True):
        picture = Picture(np.ascontiguousarray(rgb[..., ::-1]) if mirrored else rgb)
        if boxed:
            left, right = (width - 1 - 60, width - 1 - 20) if mirrored else (20, 60)
            prompt = Prompt(box=(30.0, float(left), 70.0, float(right)))
        else:
            prompt = Prompt(points=((40.0, float(width - 1 - 30 if mirrored else 30)),), labels=(1,))
        solver = Solver(network, torch.device("cpu"), 1)
        scene = Scene(network, picture, 0, torch.device("cpu"))
        task = Task(1, whole(scene.shape), prompt=prompt, average=True)
        found.append(solver.solve(scene, [task])[0].logits_hw)
    torch.testing.assert_close(found[1].flip(-1), found[0], atol=1e-4, rtol=1e-3)
    single = solver.solve(scene, [Task(1, whole(scene.shape), prompt=prompt)])[0].logits_hw
    assert float((single - found[1]).abs().max()) > 1e-2


def test_what_may_be_meant_and_what_is_boxed_gets_the_mask_to_be_expected(small_config, enliven, monkeypatch):
    asked = []
    monkeypatch.setattr(averaging, "expected", lambda answer, *how: asked.append(how) or answer)
    torch.manual_seed(1)
    network = Sam2(small_config).eval()
    enliven(network)
    picture = Picture(np.random.default_rng(0).random((3, 96, 96), dtype=np.float32))
    solver, scene = Solver(network, torch.device("cpu"), 1), Scene(network, picture, 0, torch.device("cpu"))
    here, there, view = (40.0, 30.0), (60.0, 70.0), whole(scene.shape)
    click = Prompt((here,), (1,))
    memory = Reading.of(solver.solve(scene, [Task(1, view, prompt=click)])[0].memory)
    for task, wanted in (
        (Task(1, view, prompt=click, average=True), [CLICKED]),
        (Task(1, view, prompt=click), []),
        (Task(1, view, prompt=Prompt((here, there), (1, 0)), average=True), []),
        (Task(1, view, prompt=Prompt(box=(30.0, 20.0, 60.0, 60.0)), average=True), [BOXED]),
        (Task(1, view, memory, average=True), [FOLLOWED]),
        (Task(1, view, memory), []),
    ):
        asked.clear()
        solver.solve(scene, [task])
        assert asked == wanted


def test_in_one_batch_only_boxes_get_the_mean_of_the_four_masks(small_config, enliven):
    torch.manual_seed(1)
    network = Sam2(small_config).eval()
    enliven(network)
    picture = Picture(np.random.default_rng(0).random((3, 96, 96), dtype=np.float32))
    solver, scene = Solver(network, torch.device("cpu"), 1), Scene(network, picture, 0, torch.device("cpu"))
    view = whole(scene.shape)
    box = Task(1, view, prompt=Prompt(box=(30.0, 20.0, 60.0, 60.0)), average=True)
    clicks = Task(2, view, prompt=Prompt(((40.0, 30.0), (60.0, 70.0)), (1, 0)), average=True)
    assert box.layout == clicks.layout
    for one, alone in zip(solver.solve(scene, [box, clicks]), (box, clicks), strict=True):
        torch.testing.assert_close(
            one.logits_hw, solver.solve(scene, [alone])[0].logits_hw, atol=1e-4, rtol=1e-4
        )
