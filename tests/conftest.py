"""Fixtures that every room's tests share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_SHARED = Path(__file__).resolve().parents[1].parent / "shared"


def _folder_or_skip(name: str) -> Path:
    folder = _SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the folder of real data '{name}' is not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real labelled images and movies to measure with; the test is skipped where they are absent."""
    return _folder_or_skip("data")


@pytest.fixture(scope="session")
def shared_train() -> Path:
    """Real labelled images that the bundled model may learn from; skipped where they are absent."""
    return _folder_or_skip("train")


@pytest.fixture(scope="session")
def enliven() -> Callable[[Any], None]:
    """Give a network random weights with which masks are nonsense, but react, and objects are visible."""

    def fill(network: Any) -> None:
        import torch

        with torch.no_grad():
            for name, value in network.named_parameters():
                # Every layer keeps the size of its input; stock weights give flat masks.
                if value.ndim > 1:
                    value.normal_(std=1.2 / np.sqrt(value[0].numel()))
                elif not name.endswith("weight"):
                    value.normal_(std=0.1)
            network.sam_mask_decoder.pred_obj_score_head.layers[2].bias.add_(10)

    return fill
