"""A folder with small stacks, their clicks, a small model with random weights, and a batch file."""

import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.batch.config import Settings, read_config

CONFIG = """images: movies/*.tif
prompts: "{stem}_clicks.csv"
out: results
model: tiny.safetensors
framing: frame
device: cpu
threads: 1
"""


@pytest.fixture(scope="session")
def tiny_weights(random_weights: Callable[[int, str], Path]) -> Path:
    """A very small network that finds something everywhere."""
    return random_weights(64, "tiny")


def _write_stack(folder: Path, name: str, seed: int = 0) -> Path:
    """A movie of two frames, and one click on it."""
    rng = np.random.default_rng(seed)
    big = rng.integers(0, 4096, (6, 6), dtype=np.uint16).repeat(6, 0).repeat(6, 1)
    movie = np.stack([big[i : i + 24, i : i + 24] for i in range(2)])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tif"
    tifffile.imwrite(path, movie, imagej=True, metadata={"axes": "TYX"})
    clicks = f"object_id,frame,kind,y,x,y1,x1,label\n1,0,point,{6 + seed % 12},10,,,1\n"
    (folder / f"{name}_clicks.csv").write_text(clicks)
    return path


@pytest.fixture(scope="session")
def write_stack() -> Callable[..., Path]:
    """Write a movie of two frames into a folder, and one click on it beside it."""
    return _write_stack


@pytest.fixture(scope="session")
def write_batch(tiny_weights: Path) -> Callable[..., None]:
    """Write stacks s0, s1, ..., a real model and batch.yaml; some stacks truncated, no TIFF, or empty."""

    def write(folder: Path, n: int, corrupt: Collection[str]) -> None:
        for k in range(n):
            _write_stack(folder / "movies", f"s{k}", k)
        for name, content in zip(sorted(corrupt), (None, b"not a tiff at all", b""), strict=False):
            path = folder / "movies" / f"{name}.tif"
            path.write_bytes(path.read_bytes()[:400] if content is None else content)
        shutil.copy(tiny_weights, folder / "tiny.safetensors")
        (folder / "batch.yaml").write_text(CONFIG + "workers: 2\n")

    return write


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """A folder with a, b and c in movies, and batch.yaml; the model is only a file of that name."""
    for seed, name in enumerate("abc"):
        _write_stack(tmp_path / "movies", name, seed)
    (tmp_path / "tiny.safetensors").write_bytes(b"no weights")
    (tmp_path / "batch.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def configured(stacks: Path) -> Callable[..., Settings]:
    """The settings of batch.yaml with other values for some keys."""

    def configured(**changes: object) -> Settings:
        settings = read_config(stacks / "batch.yaml")
        return Settings.from_json({**settings.as_json(), **changes})

    return configured
