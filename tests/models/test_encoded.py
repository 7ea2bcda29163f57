"""Encoded frames kept on disk: the same masks without the encoder, and never those of another image."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_sam2.models.encoded import EncodedFrames
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.plan import Anchor, ObjectRun, Pass
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.tracker import Tracker

SIDE = 96


class Noise:
    """Four frames of noise."""

    shape = (4, SIDE, SIDE)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def rgb(self, index: int) -> np.ndarray:
        return self.gain * np.random.default_rng(index).random((3, SIDE, SIDE), dtype=np.float32)


@pytest.fixture(scope="module")
def model(small_config) -> SimpleNamespace:
    torch.manual_seed(1)
    network = Sam2(small_config).eval().requires_grad_(False)
    network.sam_mask_decoder.pred_obj_score_head.layers[2].bias.add_(10)
    return SimpleNamespace(network=network, device=torch.device("cpu"), sha256="abc", config=small_config)


@pytest.fixture
def encoded(model, monkeypatch) -> list[int]:
    """How many images each call of the encoder got."""
    sizes: list[int] = []
    encode = Sam2.encode_image

    def counted(self, image_bchw):
        sizes.append(len(image_bchw))
        return encode(self, image_bchw)

    monkeypatch.setattr(Sam2, "encode_image", counted)
    return sizes


def masks(model, cache, frames=None, framing="frame") -> np.ndarray:
    plan = (Pass(1, (ObjectRun(1, (Anchor(0, Prompt(((30, 30),), (1,))),), 0, 3),)),)
    tracker = Tracker(model, frames or Noise(), framing=framing, cache=cache)
    return np.stack([result.masks for result in tracker.run(plan)])


def test_a_second_run_encodes_nothing_and_finds_the_same(model, encoded, tmp_path):
    cache = EncodedFrames(tmp_path / "frames", model)
    first = masks(model, cache)
    assert len(encoded) == 4
    assert np.array_equal(masks(model, EncodedFrames(tmp_path / "frames", model)), first)
    assert len(encoded) == 4


def test_other_pixels_and_another_model_are_encoded(model, encoded, tmp_path):
    masks(model, EncodedFrames(tmp_path, model))
    masks(model, EncodedFrames(tmp_path, model), Noise(gain=0.5))
    assert len(encoded) == 8
    masks(model, EncodedFrames(tmp_path, SimpleNamespace(**{**vars(model), "sha256": "def"})))
    assert len(encoded) == 12


def test_windows_are_not_kept(model, tmp_path):
    masks(model, EncodedFrames(tmp_path, model), framing="window")
    assert not list(tmp_path.iterdir())


def test_a_broken_file_is_encoded_again(model, encoded, tmp_path):
    masks(model, EncodedFrames(tmp_path, model))
    broken = next(tmp_path.iterdir())
    broken.write_bytes(broken.read_bytes()[:100])
    masks(model, EncodedFrames(tmp_path, model))
    assert len(encoded) == 5


def test_the_folder_keeps_to_its_size(model, tmp_path):
    masks(model, EncodedFrames(tmp_path, model))
    one = next(tmp_path.iterdir()).stat().st_size
    for file in tmp_path.iterdir():
        file.unlink()
    masks(model, EncodedFrames(tmp_path, model, most_bytes=2 * one))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_made_costs_only_time(model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert masks(model, EncodedFrames(tmp_path / "file" / "frames", model)).shape == (4, 1, SIDE, SIDE)
