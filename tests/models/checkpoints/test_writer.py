"""Our own weights file: a round trip, at half the size, never half-written."""

import pytest
import torch
from safetensors import safe_open

from napari_sam2.models.checkpoints import read_checkpoint, save_weights
from napari_sam2.models.errors import ModelError
from napari_sam2.models.network.sam2 import Sam2


def test_what_is_written_is_read_back(tmp_path, small_network):
    file = tmp_path / "own.safetensors"
    save_weights(file, small_network, notes={"trained on": "movies"})
    checkpoint = read_checkpoint(file)
    assert checkpoint.layout == "napari-sam2"
    assert checkpoint.config == small_network.config
    for name, tensor in small_network.state_dict().items():
        assert torch.equal(checkpoint.state[name], tensor), name
    with safe_open(file, "pt") as opened:
        assert opened.metadata()["trained on"] == "movies"
    assert list(tmp_path.iterdir()) == [file]


def test_half_precision_halves_the_file_and_hardly_changes_the_weights(tmp_path, small_network):
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    save_weights(whole, small_network)
    save_weights(half, small_network, half=True)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    network = Sam2(small_network.config)
    network.load_state_dict(read_checkpoint(half).state)
    for name, tensor in small_network.state_dict().items():
        read = network.state_dict()[name]
        assert read.dtype == torch.float32
        assert torch.allclose(read, tensor, rtol=1e-3, atol=1e-6), name


def test_small_scales_and_positions_stay_exact_in_half_precision(tmp_path, small_network):
    save_weights(tmp_path / "half.safetensors", small_network, half=True)
    state = read_checkpoint(tmp_path / "half.safetensors").state
    for name in (
        "memory_encoder.fuser.layers.0.gamma",
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ):
        assert torch.equal(state[name], small_network.state_dict()[name])


def test_a_folder_that_is_not_there_is_named(tmp_path, small_network):
    with pytest.raises(ModelError, match=r"nowhere.own\.safetensors cannot be written"):
        save_weights(tmp_path / "nowhere" / "own.safetensors", small_network)
    assert not list(tmp_path.iterdir())
