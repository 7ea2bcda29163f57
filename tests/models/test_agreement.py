"""Masks agree with the box and the clicks that they answer."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.models.agreement import HEEDED, agreeing, filling_level, heeding
from napari_sam2.models.network.prompt_encoder import BOX_FIRST, BOX_SECOND, INSIDE, OUTSIDE
from napari_sam2.models.views import View

GRID, SIZE = 32, 128


def hill(radius: float, steepness: float = 1.0) -> torch.Tensor:
    """Logits (1, 1, GRID, GRID) of a disc in the middle: above 0 within `radius` cells."""
    position = torch.arange(GRID) + 0.5 - GRID / 2
    return steepness * (radius - torch.hypot(position[:, None], position[None]))[None, None]


def box_of_half(half: float) -> torch.Tensor:
    """A box around the middle with so many cells to each side, as shares of the grid."""
    low, high = 0.5 - half / GRID, 0.5 + half / GRID
    return torch.tensor([[low, low, high, high]])


@pytest.mark.parametrize(("radius", "half"), [(6, 9), (9, 6), (5, 7)])
def test_a_mask_is_cut_where_it_reaches_as_far_as_its_box(radius: float, half: float) -> None:
    logits = hill(radius)
    cut = logits - filling_level(logits, box_of_half(half))[..., None, None]
    assert (cut > 0).any(2).sum() == pytest.approx(2 * half, abs=1)


@pytest.mark.parametrize("drawn", [7.6, 8.0, 8.4])
def test_a_mask_that_fills_its_box_as_well_as_people_draw_hardly_changes(drawn: float) -> None:
    assert filling_level(hill(8), box_of_half(drawn)).abs().item() <= 0.5


def test_every_one_of_the_masks_has_a_level_of_its_own() -> None:
    small, large = filling_level(torch.cat((hill(5), hill(9)), dim=1), box_of_half(7))[0].tolist()
    assert small < 0 < large


def test_a_mask_that_is_nowhere_near_its_box_does_no_harm() -> None:
    level = filling_level(torch.full((1, 1, GRID, GRID), -100.0), box_of_half(5))
    assert level.tolist() == [[0.0]]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 1 << 16),
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=4, max_size=4),
    st.floats(0, 0.1),
)
def test_clicks_are_heeded(seed: int, said: list[float], shift: float) -> None:
    torch.manual_seed(seed)
    logits = hill(6) + 0.5 * torch.randn(1, 1, GRID, GRID)
    places = shift + torch.tensor([[[0.2, 0.2], [0.45, 0.6], [0.7, 0.2], [0.8, 0.8]]])
    wanted = torch.tensor([said])
    heard = heeding(logits, places, wanted)
    at = torch.nn.functional.grid_sample(heard, (2 * places - 1)[:, None], align_corners=False)[0, :, 0]
    assert (at * wanted >= 0.5 * HEEDED * wanted.abs()).all()


def test_a_click_that_is_heeded_already_changes_nothing_and_none_reaches_far() -> None:
    logits = hill(8)
    middle = torch.tensor([[[0.5, 0.5]]])
    assert torch.equal(heeding(logits, middle, torch.tensor([[1.0]])), logits)
    corner = heeding(logits, torch.tensor([[[0.1, 0.1]]]), torch.tensor([[1.0]]))
    assert corner[0, 0, 3, 3] > 0
    assert ((corner > 0) == (logits > 0))[0, 0, 16:, 16:].all()


def test_prompts_as_the_encoder_takes_them_are_understood() -> None:
    logits = torch.cat([hill(6), hill(6)]).repeat(1, 4, 1, 1)
    scale = SIZE / GRID
    low, high = (GRID / 2 - 9) * scale - 0.5, (GRID / 2 + 9) * scale - 0.5
    centre = SIZE / 2 - 0.5
    points = torch.tensor([[[low, low], [high, high]], [[centre, centre], [centre, centre + 7.2 * scale]]])
    labels = torch.tensor([[BOX_FIRST, BOX_SECOND], [INSIDE, INSIDE]])
    views = [View(0, 0, SIZE, SIZE)] * 2
    boxed, clicked = agreeing(logits, points, labels, views, SIZE)
    assert (boxed[0] > 0).any(0).sum() == pytest.approx(18, abs=1)
    assert (clicked[0] > 0)[GRID // 2 + 6, GRID // 2]
    assert not (clicked[0] > 0)[GRID // 2 - 8, GRID // 2]
    labels[1, 1] = OUTSIDE
    assert torch.equal(agreeing(logits, points, labels, views, SIZE)[1], logits[1])


def test_without_a_prompt_nothing_changes() -> None:
    logits = hill(6)
    empty = agreeing(logits, torch.zeros(1, 0, 2), torch.zeros(1, 0).long(), [View(0, 0, 9, 9)], SIZE)
    assert empty is logits
