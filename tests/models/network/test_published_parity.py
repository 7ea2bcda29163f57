"""The published sizes on one frame of 1024 px equal `transformers`': a click, a box, many masks."""

from functools import partial

import pytest
import torch
from transformers import Sam2VideoModel

from napari_sam2.models.config import PUBLISHED
from napari_sam2.models.network.sam2 import Sam2

CLICK = torch.tensor([[[110.0, 220.0]]]), torch.tensor([[1]])
BOX = torch.tensor([[[60.0, 50.0], [170.0, 210.0]]]), torch.tensor([[2, 3]])


def textured(size: int) -> torch.Tensor:
    """A normalised image with structure at every scale."""
    generator = torch.Generator().manual_seed(4)
    scales = [
        torch.nn.functional.interpolate(
            torch.randn(1, 3, cells, cells, generator=generator), size=(size, size), mode="bicubic"
        )
        for cells in (4, 16, 64, 256)
    ]
    return torch.stack(scales).sum(0) / 2


def one_frame(theirs: Sam2VideoModel, ours: Sam2, agree, same_masks) -> None:
    """Encode one image with both, and decode a click and a box, as one mask and as three."""
    image = textured(ours.config.image_size)
    grids = [ours.config.image_size // stride for stride in (4, 8, 16)]
    levels = theirs.get_image_features(image).fpn_hidden_states
    fine, mid, coarse = (
        level.permute(1, 2, 0).view(1, -1, grid, grid) for level, grid in zip(levels, grids, strict=True)
    )
    features = ours.encode_image(image)
    agree(features.fine_bchw, fine)
    agree(features.mid_bchw, mid)
    agree(features.coarse_bchw, coarse)

    coarse = coarse + theirs.no_memory_embedding.view(1, -1, 1, 1)
    mine = ours.without_memory(features.coarse_bchw)
    positions = theirs.get_image_wide_positional_embeddings()
    for points, labels in (CLICK, BOX):
        sparse, dense = theirs.prompt_encoder(points[None], labels[None], None, None)
        answer = partial(
            theirs.mask_decoder, coarse, positions, sparse, dense, high_resolution_features=[fine, mid]
        )
        decoded = ours.decode(mine, features, points, labels)
        masks, iou, tokens, score = (x[:, 0] for x in answer(multimask_output=True))
        same_masks(decoded.logits_n4hw[:, 1:], masks)
        agree(decoded.iou_n4[:, 1:], iou)
        agree(decoded.object_score_n, score[:, 0])
        best = int(iou[0].argmax())
        found = ours.choose(decoded, multimask=True)
        same_masks(found.logits_nhw, masks[:, best])
        agree(found.pointer_nc, theirs.object_pointer_proj(tokens[:, best]))
        masks, iou, tokens, _ = (x[:, 0] for x in answer(multimask_output=False))
        found = ours.choose(decoded, multimask=False)
        same_masks(found.logits_nhw, masks[:, 0])
        agree(found.iou_n, iou[:, 0])
        agree(found.pointer_nc, theirs.object_pointer_proj(tokens[:, 0]))


@pytest.mark.slow
@pytest.mark.parametrize("size", ["tiny", "small", "base_plus", "large"])
def test_one_frame_of_the_published_sizes(size, make_peers, agree, same_masks):
    """1024 px, as published."""
    one_frame(*make_peers(PUBLISHED[f"sam2.1_{size}"]), agree, same_masks)


@pytest.mark.parametrize("image_size", [256, 512])
def test_one_frame_at_another_input_size(image_size, make_peers, small_config, agree, same_masks):
    """Positional encodings follow the input size, with the same weights."""
    one_frame(*make_peers(small_config.at_size(image_size)), agree, same_masks)
