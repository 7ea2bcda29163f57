"""Sampled prompts land where they say."""

import pytest
import torch

from napari_sam2.models.training.masks import (
    boxes_of,
    coverage,
    distance_inside,
    intersection_over_union,
)
from napari_sam2.models.training.prompting import (
    INSIDE,
    LEAST_ALIKE,
    OUTSIDE,
    PADDING,
    choose_targets,
    degrade,
    leaving,
    redrawn,
    sample_boxes,
    sample_clicks,
    sample_corrections,
)

SIZE = 64


def disc(y: float, x: float, radius: float, size: int = SIZE) -> torch.Tensor:
    """A bool disc (size, size)."""
    position = torch.arange(size, dtype=torch.float32)
    return (position[:, None] - y) ** 2 + (position[None] - x) ** 2 <= radius**2


@pytest.fixture
def labels_bhw() -> torch.Tensor:
    """Two windows: one with a large, a middle and a tiny object, one empty."""
    labels = torch.zeros(2, SIZE, SIZE, dtype=torch.int64)
    labels[0][disc(20, 20, 15)] = 7
    labels[0][disc(50, 50, 6)] = 300
    labels[0][disc(5, 60, 1)] = 9
    return labels


def test_targets_are_objects_of_a_fitting_size(labels_bhw: torch.Tensor) -> None:
    targets = choose_targets(labels_bhw, 4)
    assert targets.weight_n.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert targets.image_n.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert set(targets.label_n[:4].tolist()) == {7, 300}
    for i in range(4):
        assert torch.equal(targets.masks_nhw[i], labels_bhw[0] == targets.label_n[i])


def test_targets_can_be_limited_in_span(labels_bhw: torch.Tensor) -> None:
    assert set(choose_targets(labels_bhw, 3, span=(0.3, 0.9)).label_n[:3].tolist()) == {7}


def test_what_leaves_its_clip_is_preferred_yet_not_alone(labels_bhw: torch.Tensor) -> None:
    clip_bthw = labels_bhw[:1, None].repeat(1, 3, 1, 1)
    clip_bthw[0, 2][clip_bthw[0, 2] == 300] = 0
    gone_bm = leaving(clip_bthw)
    assert not gone_bm[0, 7]
    assert gone_bm[0, 300]
    first = [choose_targets(labels_bhw[:1], 1, preferred_bm=gone_bm).label_n.item() for _ in range(200)]
    # Of two random numbers, the one with a head start of a half is larger seven times of eight.
    assert 150 < first.count(300) < 195


def test_what_is_preferred_has_to_fit_as_well(labels_bhw: torch.Tensor) -> None:
    everything = torch.ones(1, 1024, dtype=torch.bool)
    assert set(choose_targets(labels_bhw[:1], 4, preferred_bm=everything).label_n.tolist()) == {7, 300}


def test_redrawn_outlines_are_of_the_same_object_and_leave_neighbours_alone() -> None:
    torch.manual_seed(0)
    labels = torch.zeros(2, 128, 128, dtype=torch.int64)
    labels[:, disc(60, 50, 25, 128)] = 1
    labels[:, 40:80, 76:100] = 2
    labels_nthw = labels.expand(40, -1, -1, -1)
    masks_nthw = labels_nthw == 1
    drawn_nthw = redrawn(masks_nthw, labels_nthw, 1.0)
    alike_nt = intersection_over_union(drawn_nthw, masks_nthw)
    assert (alike_nt > LEAST_ALIKE).all()
    assert torch.equal(alike_nt[:, 0], alike_nt[:, 1]), "alike on all frames"
    areas_n = drawn_nthw[:, 0].flatten(1).sum(1)
    assert areas_n.min() < 0.97 * masks_nthw[0, 0].sum(), "some tighter"
    assert areas_n.max() > 1.1 * masks_nthw[0, 0].sum(), "some wider"
    assert not (drawn_nthw & (labels_nthw == 2)).any()


def test_thin_objects_absent_objects_and_those_of_no_share_keep_their_outlines() -> None:
    labels_nthw = torch.zeros(20, 2, 128, 128, dtype=torch.int64)
    labels_nthw[:, 0, 30:100, 60:62] = 1
    thin_nthw = labels_nthw == 1
    assert torch.equal(redrawn(thin_nthw, labels_nthw, 1.0), thin_nthw)
    labels_nthw[:, 0] = disc(60, 50, 25, 128).long()
    round_nthw = labels_nthw == 1
    assert torch.equal(redrawn(round_nthw, labels_nthw, 0.0), round_nthw)


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize("least", [0.0, 0.25, 0.75, 1.0])
def test_clicks_are_inside_and_as_deep_as_asked(size: int, least: float) -> None:
    mask = disc(0.4 * size, 0.5 * size, 0.3 * size, size)
    points = sample_clicks(mask.expand(50, -1, -1), torch.full((50,), least))
    x, y = points.long().unbind(1)
    assert mask[y, x].all()
    depth = distance_inside(mask[None])[0]
    # The lattice may miss the deepest point by its step.
    assert (depth[y, x] >= least * depth.max() - 1.5 * size / 64).all()
    if least == 0:
        assert depth[y, x].min() < 0.5 * depth.max()


def test_boxes_hold_the_object_up_to_jitter() -> None:
    masks = torch.stack([disc(30, 30, 12), disc(5, 50, 10)]).repeat(100, 1, 1)
    exact = boxes_of(masks).view(-1, 2, 2)
    drawn = sample_boxes(masks)
    side = exact[:, 1:] - exact[:, :1] + 1
    assert ((drawn - exact).abs() <= 0.12 * side + 1e-4).all()
    assert (drawn >= 0).all() and (drawn <= SIZE - 1).all()
    assert (drawn[:, 0] < drawn[:, 1]).all()
    assert (drawn != exact).any()


@pytest.mark.parametrize("deepest", [0.0, 1.0])
def test_corrections_land_in_the_larger_error(deepest: float) -> None:
    wanted = disc(32, 32, 16)
    left, right = wanted.clone(), wanted.clone()
    left[:, 30:] = False
    right[:, 50:] = True
    given = torch.stack([left, right]).repeat(20, 1, 1)
    wanted = wanted.expand(40, -1, -1)
    logits = coverage(given, 4) * 20 - 10
    points, labels = sample_corrections(logits, wanted, deepest=deepest)
    assert labels.tolist() == [INSIDE, OUTSIDE] * 20
    cell = (points / 4).long()
    missed = coverage(wanted, 4) >= 0.5
    found = logits > 0
    item = torch.arange(40)
    in_wanted, in_found = missed[item, cell[:, 1], cell[:, 0]], found[item, cell[:, 1], cell[:, 0]]
    assert (in_wanted != in_found).all()
    assert torch.equal(in_wanted, labels == INSIDE)


def test_a_right_answer_is_confirmed_and_an_absent_object_is_not_clicked() -> None:
    mask = disc(32, 32, 16)
    wanted = torch.stack([mask, torch.zeros_like(mask)])
    points, labels = sample_corrections(coverage(wanted, 4) * 20 - 10, wanted)
    assert labels.tolist() == [INSIDE, PADDING]
    x, y = (points[0] / 4).long()
    assert coverage(wanted, 4)[0, y, x] >= 0.5


def test_degraded_masks_are_wrong_but_not_another_object() -> None:
    masks = disc(32, 32, 18).expand(16, -1, -1)
    given = degrade(masks) > 0
    both = (given & masks).sum((1, 2)) / (given | masks).sum((1, 2))
    assert (both > 0.3).all()
    assert (both < 0.99).any()
