"""Muon's steps are PyTorch's, in whatever precision is fast."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.models.training import muon
from napari_sam2.models.training.muon import Muon, orthogonal


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=20)
@given(rows=st.integers(16, 48), columns=st.integers(16, 48), scale=st.floats(1e-3, 1e3))
def test_all_directions_become_equally_long(rows: int, columns: int, scale: float) -> None:
    # The smallest singular value of noise may be tiny; a well-conditioned matrix is wanted here.
    u, _, v = torch.linalg.svd(noise(rows, columns), full_matrices=False)
    made = orthogonal(scale * (u * torch.linspace(0.1, 1, u.shape[1])) @ v[None])
    values = torch.linalg.svdvals(made[0].float())
    assert made.shape == (1, rows, columns)
    assert 0.6 < values.min() and values.max() < 1.3


@pytest.mark.parametrize("fast", [True, False])
def test_steps_are_pytorchs(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(muon, "has_fast_bfloat16", lambda: fast)
    shapes = ((32, 48), (48, 32), (20, 20), (32, 48))
    ours = [torch.nn.Parameter(noise(*shape, seed=i)) for i, shape in enumerate(shapes)]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    own = Muon([{"params": ours, "weight_decay": 0.05}], lr=0.01)
    torchs = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    for step in range(3):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            p.grad = noise(*p.shape, seed=10 * step + i + 100)
            q.grad = p.grad.clone()
        own.step()
        torchs.step()
    for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
        moved = q.detach() - noise(*shapes[i], seed=i)
        assert (p - q).norm() < 0.05 * moved.norm()


def test_what_has_no_gradient_stays() -> None:
    still, moving = (torch.nn.Parameter(noise(16, 16, seed=seed)) for seed in (0, 1))
    moving.grad = noise(16, 16, seed=2)
    Muon([still, moving], lr=0.1).step()
    assert torch.equal(still, noise(16, 16, seed=0))
    assert not torch.equal(moving, noise(16, 16, seed=1))


@pytest.mark.parametrize("fast", [True, False])
def test_products_are_made_in_what_is_fast(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(muon, "has_fast_bfloat16", lambda: fast)
    assert orthogonal(noise(1, 16, 20)).dtype == (torch.bfloat16 if fast else torch.float32)
