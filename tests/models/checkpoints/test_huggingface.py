"""Every tensor name of transformers' SAM 2 video model has its place in Meta's layout."""

import pytest
import torch
from transformers import Sam2VideoModel

from napari_sam2.models.checkpoints.compare import expected_shapes
from napari_sam2.models.checkpoints.huggingface import to_meta_names
from napari_sam2.models.config import NANO, PUBLISHED

TWIN = "shared_image_embedding.positional_embedding"
MATRIX = "prompt_encoder.shared_embedding.positional_embedding"
KNOWN = {**PUBLISHED, "nano": NANO}


@pytest.mark.parametrize("name", KNOWN)
def test_no_tensor_is_missing_and_none_is_left(name, peer_config):
    with torch.device("meta"):
        state = Sam2VideoModel(peer_config(KNOWN[name])).state_dict()
    del state[TWIN]  # tensors on the meta device have no values to compare with its twin's
    ours = {name: tuple(tensor.shape) for name, tensor in to_meta_names(state).items()}
    assert ours == dict(expected_shapes(KNOWN[name]))


def test_no_two_names_become_one(small_config, peer_config):
    state = Sam2VideoModel(peer_config(small_config)).state_dict()
    state[TWIN] = state[MATRIX]
    # The points' table becomes four tensors; the twin is dropped.
    assert len(to_meta_names(state)) == len(state) + 4 - 1 - 1


def test_the_points_table_is_cut_into_rows_in_its_order():
    table = torch.arange(12.0).reshape(4, 3)
    rows = to_meta_names({"prompt_encoder.point_embed.weight": table})
    assert rows["sam_prompt_encoder.point_embeddings.2.weight"].tolist() == [[6.0, 7.0, 8.0]]


@pytest.mark.parametrize("kept", [(MATRIX,), (TWIN,), (MATRIX, TWIN)])
def test_the_positional_matrix_may_be_there_once_or_twice(kept):
    matrix = torch.arange(6.0).reshape(2, 3)
    assert list(to_meta_names(dict.fromkeys(kept, matrix))) == [
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    ]


def test_two_different_positional_matrices_are_refused():
    with pytest.raises(ValueError, match="two positional matrices differ"):
        to_meta_names({MATRIX: torch.zeros(2, 3), TWIN: torch.ones(2, 3)})


def test_a_name_of_another_network_stays_as_it_is():
    assert list(to_meta_names({"adapter.down.weight": torch.zeros(1)})) == ["adapter.down.weight"]
