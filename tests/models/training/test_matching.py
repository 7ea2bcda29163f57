"""Keys and queries learn to find places again, and nothing else does."""

import torch

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.training.matching import matching_loss, moves, origins
from napari_sam2.models.training.run import Run

GRID = 8


def shifted(x: float, y: float) -> torch.Tensor:
    """The new window is further right and further down by so many tokens."""
    return torch.tensor([[[1.0, 0.0, 2 * x / GRID], [0.0, 1.0, 2 * y / GRID]]])


def test_what_stays_comes_from_where_it_is() -> None:
    origin, known = origins(shifted(0, 0), GRID)
    assert origin.tolist() == [list(range(GRID * GRID))]
    assert known.all()


def test_what_moved_comes_from_elsewhere_or_from_outside() -> None:
    origin, known = (x.view(GRID, GRID) for x in origins(shifted(2, 1), GRID))
    assert origin[0, 0] == GRID + 2
    assert known[:-1, :-2].all()
    assert not known[-1].any()
    assert not known[:, -2:].any()


def test_most_windows_move_further_than_attention_looks_at_first() -> None:
    shift = moves(2000, torch.device("cpu"))[:, :, 2].abs() / 2
    assert shift.max() < 0.25
    assert 0.35 < float((shift.amax(1) > 0.1).float().mean()) < 0.6


def speckled(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows in which every place looks different, with an object each."""
    images = torch.nn.functional.interpolate(torch.rand(4, 3, side // 8, side // 8), size=side)
    labels = torch.zeros(4, side, side, dtype=torch.int64)
    labels[:, 16:40, 16:40] = 1
    return images, labels


def test_places_are_found_better_and_only_keys_and_queries_learn(tiny: Sam2Config) -> None:
    model = Run(tiny, 0, torch.device("cpu")).model
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for step in range(80):
        torch.manual_seed(step % 4)
        loss = matching_loss(model, *speckled(tiny.image_size))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed
    assert all(".cross_attn_image." in name and ("q_proj" in name or "k_proj" in name) for name in changed)
