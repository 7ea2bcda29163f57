"""What is compiled is whole, is compiled a few times only, and gives the same answers."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters

from napari_sam2.models.network import compiled
from napari_sam2.models.network.compiled import compile_parts
from napari_sam2.models.network.sam2 import Sam2


@pytest.fixture(autouse=True)
def traced_only(tmp_path, monkeypatch):
    """The compiler's first half alone: it finds all that cannot be compiled, and takes seconds."""
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    counters.clear()


def walk(network: Sam2, n: int, memories: int, pointers: int) -> list[Tensor]:
    """All calls of a frame on which n objects, seen in one image, read so many memories."""
    config = network.config
    size, dim, grid = config.image_size, config.hidden_dim, config.grid
    random = torch.Generator().manual_seed(n)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    ages_ns = torch.arange(memories).expand(n, memories)
    offsets_np = torch.arange(pointers).expand(n, pointers)
    with torch.inference_mode():
        features = network.encode_image(noise(1, 3, size, size)).expand(n)
        read = network.read_memory(
            features.coarse_bchw,
            noise(n, memories, config.mem_dim, grid, grid),
            ages_ns,
            noise(n, pointers, dim),
            offsets_np,
            15,
        )
        decoded = network.decode(read, features, noise(n, 0, 2), torch.zeros(n, 0, dtype=torch.long))
        written = network.write_memory(
            features.coarse_bchw, noise(n, 1, size, size), decoded.object_score_n, binary=False
        )
    return [features.fine_bchw, read, decoded.logits_n4hw, decoded.iou_n4, written]


FRAMES = [(1, 1, 1), (1, 2, 2), (1, 7, 16), (5, 2, 2), (8, 7, 16)]
"""Objects, memories and pointers as they grow over a walk, and come and go."""


def test_answers_are_the_same_whatever_is_there_to_read(small_network, tmp_path):
    plain = small_network.eval().requires_grad_(False)
    network = deepcopy(plain)
    compile_parts(network, tmp_path)
    for frame in FRAMES:
        for found, expected in zip(walk(network, *frame), walk(plain, *frame), strict=True):
            torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-4)
    assert not counters["graph_break"]
    # One object or several, one memory or several: torch tells one from many, and nothing else.
    assert counters["stats"]["unique_graphs"] <= 12
    before = counters["stats"]["unique_graphs"]
    walk(network, 11, 5, 7)
    assert counters["stats"]["unique_graphs"] == before


def test_names_of_tensors_stay(small_config, tmp_path):
    network = Sam2(small_config).eval().requires_grad_(False)
    names = list(network.state_dict())
    compile_parts(network, tmp_path)
    assert list(network.state_dict()) == names
