"""The network and `transformers`' own on the same random weights, and how far apart they may be."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import Sam2VideoModel

from napari_sam2.models.checkpoints.huggingface import to_meta_names
from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.hollow import hollow
from napari_sam2.models.network.sam2 import Sam2

TOLERANCE = 1e-3  # of the reference's range
Peers = tuple[Sam2VideoModel, Sam2]


@pytest.fixture(scope="session")
def make_peers(peer_config) -> Callable[[Sam2Config], Peers]:
    """The reference, and ours on the very same tensors."""

    def make(config: Sam2Config) -> Peers:
        theirs = Sam2VideoModel(peer_config(config)).eval().requires_grad_(False)
        torch.manual_seed(7)
        for name, value in theirs.named_parameters():
            # Stock initialisation gives flat masks: here every layer keeps the size of its input.
            if value.ndim > 1:
                value.normal_(std=value[0].numel() ** -0.5)
            elif "norm" in name and name.endswith("weight"):
                value.normal_(mean=1.0, std=0.2)
            else:
                value.normal_(std=0.2)
        theirs.shared_image_embedding.positional_embedding.copy_(
            theirs.prompt_encoder.shared_embedding.positional_embedding
        )
        # Random weights would often judge the object hidden, which blanks the whole mask.
        theirs.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(10.0)
        ours = hollow(config)
        ours.load_state_dict(to_meta_names(theirs.state_dict()), assign=True)
        return theirs, ours.eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def odd_config() -> Sam2Config:
    """A small network whose windows do not divide its maps, so that padding is at work."""
    return Sam2Config(
        embed_dim=16,
        heads=2,
        blocks=(2, 1, 3, 1),
        global_blocks=(4, 5),
        windows=(8, 4, 6, 3),
        background_size=5,
        image_size=160,
        hidden_dim=128,
        decoder_heads=4,
        decoder_mlp=96,
        iou_hidden=64,
        memory_layers=2,
        memory_mlp=80,
    )


@pytest.fixture(scope="session")
def small_peers(make_peers, odd_config) -> Peers:
    """Both networks, small."""
    return make_peers(odd_config)


@pytest.fixture
def agree() -> Callable[[Tensor, Tensor], None]:
    """Check that two tensors agree within the tolerance, and that there is something to compare."""

    def check(ours: Tensor, theirs: Tensor) -> None:
        assert ours.shape == theirs.shape
        extent = float(theirs.max() - theirs.min()) if theirs.numel() > 1 else float(theirs.abs())
        assert extent > 0
        difference = float((ours - theirs).abs().max()) / extent
        print(f"difference of {difference:.1e} of the range")  # pytest -rP shows it
        assert difference <= TOLERANCE

    return check


@pytest.fixture
def same_masks(agree) -> Callable[[Tensor, Tensor], None]:
    """Check mask logits: within the tolerance, equal as binary masks, and masks worth the name."""

    def check(ours: Tensor, theirs: Tensor) -> None:
        agree(ours, theirs)
        # A logit that is zero but for rounding has no side: another processor may round it over.
        decided = theirs.abs() > 1e-5 * (theirs.max() - theirs.min())
        assert torch.equal((ours > 0)[decided], (theirs > 0)[decided])
        assert float(decided.float().mean()) > 0.999
        print(f"{int(((ours > 0) != (theirs > 0)).sum())} pixels of {theirs.numel()} differ")
        assert 0.02 < float((theirs > 0).float().mean()) < 0.98

    return check


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.inference_mode():
        yield
