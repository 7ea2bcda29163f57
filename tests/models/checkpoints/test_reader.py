"""Every layout becomes the same weights; what does not fit is named."""

import json

import pytest
import torch
from safetensors.torch import save_file
from transformers import Sam2VideoModel

from napari_sam2.models.checkpoints import read_checkpoint
from napari_sam2.models.checkpoints.compare import closest_known
from napari_sam2.models.checkpoints.reader import Checkpoint
from napari_sam2.models.config import PUBLISHED
from napari_sam2.models.errors import ModelError


@pytest.fixture
def state(small_network):
    return small_network.state_dict()


def same(checkpoint: Checkpoint, state: dict[str, torch.Tensor]) -> bool:
    return checkpoint.state.keys() == state.keys() and all(
        torch.equal(checkpoint.state[name], tensor) for name, tensor in state.items()
    )


def refusal(path, config=None) -> str:
    with pytest.raises(ModelError) as refused:
        read_checkpoint(path, config)
    assert str(path) in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"model": state},
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {f"module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {f"net.sam2.{name}": t for name, t in state.items()} | {"loss.scale": torch.ones(1)},
        lambda state: {
            "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]},
            "model": state,
            "ema": state,
            "epoch": 12,
        },
    ],
    ids=["published", "plain", "state_dict", "data parallel", "inside another module", "training"],
)
def test_metas_layout_is_found_in_every_wrapping(tmp_path, small_config, state, wrap):
    torch.save(wrap(state), tmp_path / "weights.pt")
    checkpoint = read_checkpoint(tmp_path / "weights.pt", small_config)
    assert same(checkpoint, state)
    assert checkpoint.layout == "meta"


def test_transformers_layout_gives_the_same_weights(tmp_path, small_config, peer_config):
    torch.manual_seed(2)
    peer = Sam2VideoModel(peer_config(small_config))
    peer.shared_image_embedding.positional_embedding.copy_(
        peer.prompt_encoder.shared_embedding.positional_embedding
    )
    peer.save_pretrained(tmp_path)
    checkpoint = read_checkpoint(tmp_path / "model.safetensors", small_config)
    assert checkpoint.layout == "huggingface"
    theirs = peer.state_dict()
    trunk, decoder = "image_encoder.trunk.blocks.3.mlp", "sam_mask_decoder.iou_prediction_head"
    for ours, name in {
        f"{trunk}.layers.1.weight": "vision_encoder.backbone.blocks.3.mlp.proj_out.weight",
        f"{decoder}.layers.1.bias": "mask_decoder.iou_prediction_head.layers.0.bias",
        "memory_encoder.fuser.layers.1.gamma": "memory_encoder.memory_fuser.layers.1.scale",
        "obj_ptr_proj.layers.2.weight": "object_pointer_proj.proj_out.weight",
    }.items():
        assert torch.equal(checkpoint.state[ours], theirs[name])


def test_a_model_for_stills_lacks_the_memory(tmp_path, small_config, state):
    kept = {name: tensor for name, tensor in state.items() if not name.startswith("memory")}
    torch.save(kept, tmp_path / "still.pt")
    message = refusal(tmp_path / "still.pt", small_config)
    assert "memory_attention.layers.0.self_attn.q_proj.weight is missing" in message


def test_the_first_problems_are_named_and_the_rest_counted(tmp_path, small_config, state):
    for name in ("image_encoder.trunk.pos_embed", "no_obj_ptr", "memory_encoder.out_proj.bias"):
        del state[name]
    state["no_mem_embed"] = torch.zeros(3, 2)
    state["maskmem_tpos_enc"] = torch.tensor(1.0)
    torch.save({"model": state}, tmp_path / "weights.pt")
    message = refusal(tmp_path / "weights.pt", small_config)
    assert "does not fit the network: maskmem_tpos_enc is a single number instead of 7x1x1x64" in message
    assert "no_mem_embed is 3x2 instead of 1x1x64, no_obj_ptr is missing and 2 more" in message


def test_parts_that_sam2_has_not_are_refused(tmp_path, small_config, state):
    for i in range(4):
        state[f"image_encoder.trunk.blocks.{i}.adapter.weight"] = torch.zeros(2)
    torch.save(state, tmp_path / "adapted.pt")
    message = refusal(tmp_path / "adapted.pt", small_config)
    assert "image_encoder.trunk.blocks.0.adapter.weight is unknown to SAM 2" in message
    assert "and 1 more" in message


@pytest.mark.parametrize("content", [{}, [torch.zeros(2)], {"epoch": 3}, {"model": {"lr": 0.1}}])
def test_a_file_without_tensors_is_no_model(tmp_path, content):
    torch.save(content, tmp_path / "weights.pt")
    assert "holds no tensors" in refusal(tmp_path / "weights.pt")


def test_the_weights_of_another_network_are_named(tmp_path):
    torch.save({f"conv{i}.weight": torch.zeros(2) for i in range(7)}, tmp_path / "unet.pt")
    message = refusal(tmp_path / "unet.pt")
    assert "is not a SAM 2 checkpoint" in message
    assert "conv0.weight, conv1.weight, conv2.weight and 4 more" in message


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_networks_are_recognised_by_their_tensors(name, published_shapes):
    state = {key: torch.empty(shape, device="meta") for key, shape in published_shapes(name).items()}
    assert closest_known(state) == (name, PUBLISHED[name])


def test_a_published_network_with_a_hole_is_still_recognised(tmp_path, published_shapes):
    shapes = published_shapes("sam2.1_tiny")
    # One number stands for every element, so that the file stays small.
    state = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    del state["image_encoder.trunk.patch_embed.proj.weight"], state["no_obj_embed_spatial"]
    torch.save({"model": state}, tmp_path / "holed.pt")
    assert (tmp_path / "holed.pt").stat().st_size < 1_000_000
    message = refusal(tmp_path / "holed.pt")
    assert "does not fit sam2.1_tiny, the nearest known network" in message
    assert "no_obj_embed_spatial is missing" in message
    assert "patch_embed.proj.weight is missing" in message


def test_a_file_of_one_size_is_no_file_of_another(tmp_path, published_shapes):
    state = {name: torch.zeros(1).expand(s) for name, s in published_shapes("sam2.1_large").items()}
    torch.save({"model": state}, tmp_path / "large.pt")
    message = refusal(tmp_path / "large.pt", PUBLISHED["sam2.1_tiny"])
    assert "image_encoder.trunk.pos_embed is 1x144x7x7 instead of 1x96x7x7" in message
    assert "more; choose another file." in message


@pytest.mark.parametrize(
    "written", ["{", "[1]", '{"depth": 3}', '{"image_size": 100}', '{"embed_dim": "wide"}']
)
def test_spoiled_sizes_in_our_own_file_are_one_sentence(tmp_path, state, written):
    save_file(state, tmp_path / "own.safetensors", {"config": written})
    assert "cannot be used" in refusal(tmp_path / "own.safetensors")


def test_our_own_file_says_its_sizes(tmp_path, small_config, state):
    save_file(state, tmp_path / "own.safetensors", {"config": json.dumps(small_config.to_dict())})
    checkpoint = read_checkpoint(tmp_path / "own.safetensors")
    assert (checkpoint.layout, checkpoint.config) == ("napari-sam2", small_config)
    assert same(checkpoint, state)
