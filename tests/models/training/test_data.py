"""Windows and clips from real images, their changes, and the store that they are drawn from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_sam2.models.errors import ModelError
from napari_sam2.models.training.augment import animate, dihedral_crop, relight
from napari_sam2.models.training.real_data import read_real
from napari_sam2.models.training.replay import Replay
from napari_sam2.models.training.validation import Validation


def test_windows_show_the_labelled_objects(real_folder: Path) -> None:
    data = read_real(real_folder)
    images, labels = data.windows(20, 64, np.random.default_rng(0), name="dsb2018")
    assert images.shape == (20, 3, 64, 64) and images.dtype == torch.uint8
    assert labels.shape == (20, 64, 64) and labels.dtype == torch.int16
    assert (labels > 0).flatten(1).any(1).all()
    inside, outside = images[:, 0][labels > 0].float(), images[:, 0][labels == 0].float()
    assert inside.median() > outside.median() + 80


def test_every_tenth_image_is_held_out(real_folder: Path) -> None:
    learned, held = read_real(real_folder), read_real(real_folder, held_out=True)
    assert len(learned.stills["dsb2018"]) == 10
    assert len(held.stills["dsb2018"]) == 2
    assert [len(data.volumes[0].labels_zhw) for data in (learned, held)] == [11, 1]


def test_the_same_generator_gives_the_same_windows(real_folder: Path) -> None:
    data = read_real(real_folder)
    first, second = (data.windows(3, 64, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])


def test_clips_come_from_stills_and_from_the_volume(real_folder: Path) -> None:
    images, labels = read_real(real_folder).clips(8, 4, 64, np.random.default_rng(0))
    assert images.shape == (8, 4, 3, 64, 64)
    assert labels.shape == (8, 4, 64, 64)
    still = [torch.equal(clip[0], clip[-1]) for clip in labels]
    # Slices of the made volume are all alike; animated stills are not.
    assert any(still) and not all(still)


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="dsb2018"):
        read_real(tmp_path)


def test_a_label_image_of_another_size_is_named(tmp_path: Path) -> None:
    from imageio.v3 import imwrite

    for kind, side in (("images", 20), ("labels", 30)):
        (tmp_path / "dsb2018" / kind).mkdir(parents=True)
        imwrite(tmp_path / "dsb2018" / kind / "a.png", np.ones((side, side), np.uint8))
    with pytest.raises(ModelError, match=r"a\.png"):
        read_real(tmp_path)


def striped() -> tuple[torch.Tensor, torch.Tensor]:
    """Clips whose brightness is their label: (6, 2, 3, 32, 32)."""
    labels = torch.arange(32)[:, None].expand(32, 32) // 8 + 4 * (torch.arange(32)[None] // 8)
    labels = torch.stack([labels, labels + 16]).expand(6, 2, 32, 32)
    return (labels / 32)[:, :, None].expand(-1, -1, 3, -1, -1), labels


def test_images_and_labels_are_changed_together() -> None:
    images, labels = striped()
    moved, named = dihedral_crop(images, labels)
    # Where a pixel and its neighbours agree, brightness still tells the label.
    agree = ((moved[:, :, 0] * 32) - named).abs() < 0.05
    assert agree.float().mean() > 0.6
    assert not torch.equal(named, labels)
    assert not all(torch.equal(clip[0] < 16, torch.ones(32, 32).bool()) for clip in named)


def test_light_changes_and_stays_in_range() -> None:
    images, _ = striped()
    lit = relight(images)
    assert lit.shape == images.shape
    assert lit.min() >= 0 and lit.max() <= 1
    assert not torch.equal(lit, images)


def test_animated_labels_follow_the_image() -> None:
    labels = torch.zeros(4, 96, 96, dtype=torch.int64)
    labels[:, 30:60, 30:60] = 5
    images = 0.1 + 0.8 * (labels > 0).float()[:, None].expand(-1, 3, -1, -1)
    clips, named = animate(images, labels, frames=5, size=64)
    assert clips.shape == (4, 5, 3, 64, 64) and named.shape == (4, 5, 64, 64)
    bright = clips[:, :, 0] > 0.5
    assert (bright == (named > 0)).float().mean() > 0.95
    assert not torch.equal(named[:, 0], named[:, -1])
    assert set(named.unique().tolist()) <= {0, 5, 517}


def test_a_store_is_the_same_when_it_is_made_again() -> None:
    made: list[int] = []

    def make(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        made.append(number)
        images = torch.full((4, 2, 3, 8, 8), number, dtype=torch.uint8)
        return images, torch.full((4, 2, 8, 8), number, dtype=torch.int16)

    def store() -> Replay:
        return Replay(make, capacity=3, first=2, every=2.0, device=torch.device("cpu"))

    one = store()
    for step in range(9):
        torch.manual_seed(step)
        last = one.batch(step, 5)
    assert made == [0, 1, 2, 3, 4, 5]
    torch.manual_seed(8)
    again = store().batch(8, 5)
    assert made[6:] == [3, 4, 5]
    assert torch.equal(last[0], again[0]) and torch.equal(last[1], again[1])


def test_a_store_gives_single_frames() -> None:
    def make(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(4, 3, 3, 8, 8, dtype=torch.uint8), torch.zeros(4, 3, 8, 8, dtype=torch.int16)

    store = Replay(make, capacity=1, first=1, every=1e9, device=torch.device("cpu"))
    assert store.batch(0, 5)[1].shape == (5, 3, 8, 8)
    assert store.batch(0, 5, single=True)[1].shape == (5, 1, 8, 8)


def test_validation_measures_every_family_and_set(small_network, real_folder: Path) -> None:
    checks = Validation(read_real(real_folder, held_out=True), torch.device("cpu"), 64)
    state = torch.get_rng_state()
    result = checks(small_network.eval())
    assert torch.equal(torch.get_rng_state(), state)
    assert {"fluorescence", "surgical", "real dsb2018", "clips", "real clips"} <= result.keys()
    assert result["real dsb2018"]["ellipse"] > 0.7
    assert all(0 <= value <= 1 for row in result.values() for value in row.values())
