"""Folders of images and labels to learn from, good and bad."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from imageio.v3 import imwrite

from napari_sam2.errors import InputError
from napari_sam2.own_images import read_own


def write(folder: Path, name: str, array: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    if name.endswith("tif"):
        tifffile.imwrite(folder / name, array, photometric="minisblack")
    else:
        imwrite(folder / name, array)


def square(*shape: int) -> np.ndarray:
    labels = np.zeros(shape or (40, 50), np.uint16)
    labels[..., 10:30, 10:30] = 3
    return labels


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for i in range(6):
        write(tmp_path / "images", f"cell_{i}.png", (square() * 60).astype(np.uint8))
        write(tmp_path / "labels", f"cell_{i}.tif", square())
    return tmp_path / "images", tmp_path / "labels"


def test_every_fifth_image_is_held_out(folders: tuple[Path, Path]) -> None:
    learned, held = read_own(*folders)
    assert [len(part.stills["own"]) for part in (learned, held)] == [4, 2]
    images, labels = learned.windows(2, 32, np.random.default_rng(0))
    assert images.shape == (2, 3, 32, 32) and (labels > 0).any()


def test_a_single_image_serves_for_both(tmp_path: Path) -> None:
    write(tmp_path / "images", "a.tif", square())
    write(tmp_path / "labels", "a.tif", square())
    learned, held = read_own(tmp_path / "images", tmp_path / "labels")
    assert len(learned.stills["own"]) == len(held.stills["own"]) == 1


@pytest.mark.parametrize(
    "shape, channels", [((7, 40, 50), 1), ((7, 2, 40, 50), 3), ((7, 40, 50, 3), 3), ((7, 3, 40, 50), 3)]
)
def test_stacks_become_clips(tmp_path: Path, shape: tuple[int, ...], channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 4000, shape).astype(np.uint16)
    write(tmp_path / "images", "a.tif", image)
    write(tmp_path / "labels", "a.tif", square(7, 40, 50))
    learned, _ = read_own(tmp_path / "images", tmp_path / "labels")
    (volume,) = learned.volumes
    assert volume.image_zchw.shape == (7, channels, 40, 50)
    images, labels = learned.clips(3, 4, 32, np.random.default_rng(1))
    assert images.shape == (3, 4, 3, 32, 32) and labels.shape == (3, 4, 32, 32)


def test_images_without_labels_are_named(folders: tuple[Path, Path]) -> None:
    (folders[1] / "cell_3.tif").unlink()
    with pytest.raises(InputError, match="cell_3 is only in one of"):
        read_own(*folders)


def test_all_bad_pairs_are_named_at_once(folders: tuple[Path, Path]) -> None:
    write(folders[1], "cell_1.tif", square(30, 50))
    write(folders[1], "cell_2.tif", square().astype(np.float32))
    write(folders[1], "cell_4.tif", np.zeros((40, 50), np.uint8))
    with pytest.raises(InputError) as mistake:
        read_own(*folders)
    for word in ("(30, 50)", "float32", "cell_4.tif has no object"):
        assert word in str(mistake.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        read_own(tmp_path / "images", tmp_path / "labels")
