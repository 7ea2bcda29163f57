"""Losses say what they should, and fall when the network learns."""

from collections.abc import Callable

import pytest
import torch

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.sam2 import Decoded
from napari_sam2.models.training.clips import clips_loss
from napari_sam2.models.training.initialise import geometry_loss
from napari_sam2.models.training.losses import answer_loss, mask_loss, regret
from napari_sam2.models.training.run import Run
from napari_sam2.models.training.stills import dense_loss, stills_loss

SIZE = 64


def target() -> torch.Tensor:
    """One square object at stride 4, (1, 16, 16)."""
    wanted = torch.zeros(1, 16, 16)
    wanted[:, 4:10, 5:12] = 1
    return wanted


def discs(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A clip of two discs that move to the right: images (1, t, 3, 64, 64) and labels."""
    position = torch.arange(SIZE, dtype=torch.float32)
    labels = torch.zeros(1, frames, SIZE, SIZE, dtype=torch.int64)
    for t in range(frames):
        for i, (y, x) in enumerate(((20, 20), (45, 40))):
            labels[0, t][(position[:, None] - y) ** 2 + (position[None] - x - 3 * t) ** 2 < 120] = i + 1
    images = 0.2 + 0.6 * (labels > 0).float()[:, :, None].expand(-1, -1, 3, -1, -1)
    return images, labels


@pytest.mark.parametrize("plain", [0.0, 0.5, 1.0])
def test_the_right_mask_costs_nothing_and_the_wrong_one_most(plain: float) -> None:
    right = (target() * 40 - 20)[:, None]
    loss = mask_loss(torch.cat([right, torch.zeros_like(right), -right], dim=1), target(), plain)[0]
    assert loss[0] < 1e-3
    assert loss[0] < loss[1] < loss[2]


def decoded(right_of_four: int, score: float = 5.0) -> Decoded:
    """An answer of which one mask is right; predicted IoUs are true."""
    wrong = torch.full((1, 16, 16), -20.0)
    masks = [target() * 40 - 20 if i == right_of_four else wrong for i in range(4)]
    iou = torch.tensor([[float(i == right_of_four) for i in range(4)]])
    return Decoded(torch.stack(masks, dim=1), iou, torch.zeros(1, 4, 8), torch.tensor([score]))


def loss_of(answer: Decoded, wanted: torch.Tensor, ambiguous: bool) -> float:
    """The loss with everything counted."""
    flags, weight = torch.tensor([ambiguous]), torch.ones(1)
    return float(answer_loss(answer, wanted, flags, weight, plain=1.0, score_weight=1.0))


def test_regret_is_what_the_choice_between_masks_loses() -> None:
    true = torch.tensor([[0.9, 0.5, 0.1]])
    assert regret(true, true) < 0.001
    assert regret(torch.full((1, 3), 0.5), true) == pytest.approx(0.4)
    assert regret(true.flip(1), true) == pytest.approx(0.8, abs=0.001)
    predicted = torch.full((1, 3), 0.5, requires_grad=True)
    regret(predicted, true).sum().backward()
    best, middle, worst = predicted.grad[0].tolist()
    assert best < 0 < worst and abs(middle) < 1e-6


def test_the_order_of_the_predictions_counts_where_the_choice_is_open() -> None:
    right, swapped = decoded(2), decoded(2)
    swapped.iou_n4[:] = swapped.iou_n4.flip(1)
    cost = {
        open_: loss_of(swapped, target(), open_) - loss_of(right, target(), open_) for open_ in (True, False)
    }
    assert cost[True] > cost[False] > 0


def test_an_ambiguous_prompt_wants_one_of_three_a_clear_one_the_single_mask() -> None:
    assert loss_of(decoded(2), target(), ambiguous=True) < loss_of(decoded(0), target(), ambiguous=True)
    assert loss_of(decoded(0), target(), ambiguous=False) < loss_of(decoded(2), target(), ambiguous=False)


def test_an_absent_object_trains_the_object_score_alone() -> None:
    nothing = torch.zeros_like(target())
    assert loss_of(decoded(1, score=-20), nothing, ambiguous=True) < 1e-3
    assert loss_of(decoded(1, score=5), nothing, ambiguous=True) == pytest.approx(5, abs=0.1)


def test_entries_without_weight_do_not_count() -> None:
    answer = decoded(0, score=-5)
    loss = answer_loss(answer, target(), torch.ones(1) > 0, torch.zeros(1), plain=0.0, score_weight=1.0)
    assert float(loss) == 0


def test_the_dense_head_is_asked_for_the_way_to_the_middle() -> None:
    labels = torch.zeros(1, SIZE, SIZE, dtype=torch.int64)
    labels[0, 16:32, 16:48] = 3
    inside = torch.zeros(1, 16, 16)
    inside[:, 4:8, 4:12] = 1
    # The object covers whole cells: no contour inside a cell.
    place = (torch.arange(16) + 0.5) / 16
    away_y = (24 / SIZE - place)[:, None].expand(16, 16) * 4
    away_x = (32 / SIZE - place)[None].expand(16, 16) * 4
    perfect = torch.stack([inside[0] * 60 - 30, torch.full((16, 16), -30.0), away_y, away_x])[None]
    assert float(dense_loss(perfect, labels)) < 1e-3
    assert float(dense_loss(perfect.roll(2, dims=3), labels)) > 0.1


def improvement(run: Run, loss: Callable[[], torch.Tensor], steps: int) -> tuple[float, float]:
    """Mean loss of the first and of the last five steps."""
    values = []
    for _ in range(steps):
        value = loss()
        run.learn(value, 0.0)
        values.append(float(value.detach()))
    return sum(values[:5]) / 5, sum(values[-5:]) / 5


def test_geometry_is_learned(tiny: Sam2Config) -> None:
    run = Run(tiny, 0, torch.device("cpu"))
    _, last = improvement(run, lambda: geometry_loss(run.model, 16, SIZE, run.device), 200)
    # A decoder that does not find the prompt stays at 2.75, the cost of one answer for all.
    assert last < 2.0


def test_stills_are_learned(tiny: Sam2Config) -> None:
    run = Run(tiny, 0, torch.device("cpu"))
    images, labels = discs(1)

    def loss() -> torch.Tensor:
        return stills_loss(
            run.model, run.head, images[:, 0], labels[:, 0], per_kind=4, plain=0.0, dense_weight=0.3
        )

    first, last = improvement(run, loss, 60)
    assert last < 0.8 * first


def test_clips_are_learned_through_the_memory(tiny: Sam2Config) -> None:
    run = Run(tiny, 0, torch.device("cpu"))
    images, labels = discs(3)

    def loss() -> torch.Tensor:
        return clips_loss(run.model, run.head, images, labels, per_clip=2, plain=0.0, dense_weight=0.0)

    first, last = improvement(run, loss, 60)
    assert last < 0.8 * first
    untouched = [name for name, p in run.model.named_parameters() if p.grad is None]
    assert not [name for name in untouched if name.startswith(("memory_", "maskmem_", "obj_ptr_"))]
