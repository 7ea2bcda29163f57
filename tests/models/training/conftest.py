"""A network, a plan and a folder of real images small enough to train on within seconds."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from imageio.v3 import imwrite

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.training.stages import Stage

TINY = Sam2Config(
    embed_dim=16,
    heads=1,
    blocks=(1, 1, 1, 1),
    global_blocks=(2,),
    windows=(4, 4, 4, 2),
    background_size=4,
    image_size=64,
    hidden_dim=64,
    mem_dim=32,
    decoder_heads=4,
    decoder_mlp=64,
    iou_hidden=32,
    memory_layers=1,
    memory_mlp=64,
)

PLAN = (
    Stage("geometry", 0.25, size=64, windows=4, frames=0),
    Stage("stills", 0.25, size=64, windows=2),
    Stage("matching", 0.25, size=64, windows=2, matching=True),
    Stage("clips", 0.25, size=64, windows=2, frames=3, clips=1, followed=2, following=0.5),
)


@pytest.fixture(scope="session")
def tiny() -> Sam2Config:
    """A network of 0.4 M parameters for 64 px windows."""
    return TINY


@pytest.fixture(scope="session")
def tiny_plan() -> tuple[Stage, ...]:
    """All kinds of stages, with batches of two windows."""
    return PLAN


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def discs_image(seed: int, side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """A grey image with up to nine bright discs, and their labels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.uint16)
    for i in range(9):
        centre = 16 + 32 * np.array(divmod(i, 3)) + rng.uniform(-3, 3, 2)
        labels[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= rng.uniform(7, 12) ** 2] = i + 1
    image = 40 + 120 * (labels > 0) + rng.normal(0, 5, labels.shape)
    return image.clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="session")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of the real data: twelve stills and a volume of twelve slices."""
    folder = tmp_path_factory.mktemp("real")
    for kind in ("images", "labels"):
        (folder / "dsb2018" / kind).mkdir(parents=True)
    for i in range(12):
        image, labels = discs_image(i)
        imwrite(folder / "dsb2018" / "images" / f"{i:02}.png", image)
        imwrite(folder / "dsb2018" / "labels" / f"{i:02}.png", labels)
    (folder / "em_neurites_z").mkdir()
    image, labels = discs_image(99)
    tifffile.imwrite(folder / "em_neurites_z" / "frames.tif", np.stack([image] * 12))
    tifffile.imwrite(folder / "em_neurites_z" / "labels.tif", np.stack([labels] * 12))
    return folder
