"""Small pictures of discs whose every object is known."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

Disc = tuple[float, float, float]


@pytest.fixture
def draw() -> Callable[..., np.ndarray]:
    """Draw discs (y, x, diameter) on noise: float32 (y, x), ground 0.2, objects 0.8, noise 0.03."""

    def picture(
        discs: Sequence[Disc], shape: tuple[int, int] = (160, 200), height: float = 0.6, seed: int = 0
    ) -> np.ndarray:
        rng = np.random.default_rng(seed)
        image = np.full(shape, 0.2 if height > 0 else 0.8)
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        for y, x, diameter in discs:
            image[np.hypot(rows - y, columns - x) <= diameter / 2] += height
        return (image + rng.normal(0, 0.03, shape)).clip(0, 1).astype(np.float32)

    return picture


@pytest.fixture
def grid() -> list[Disc]:
    """Twelve discs of diameter 22, apart from each other."""
    return [(28.0 + 50 * i, 25.0 + 48 * j, 22.0) for i in range(3) for j in range(4)]


@pytest.fixture
def score() -> Callable[[np.ndarray, np.ndarray], tuple[float, float]]:
    """Precision and recall of found objects against true ones, matched at an IoU of one half."""

    def of(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        ids, true_ids = (np.unique(labels[labels > 0]) for labels in (found, truth))
        hits = 0
        for i in true_ids:
            mask = truth == i
            for j in np.unique(found[mask & (found > 0)]):
                other = found == j
                hits += (mask & other).sum() >= 0.5 * (mask | other).sum()
        return hits / max(len(ids), 1), hits / len(true_ids)

    return of
