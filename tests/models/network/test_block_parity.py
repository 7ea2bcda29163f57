"""Each block equals `transformers`' on the same random weights: float32, within 1e-3 of the range."""

import pytest
import torch
from torch import Tensor

from napari_sam2.models.network.positional import rotary_table, sine_grid, sine_time
from napari_sam2.models.network.prompt_encoder import PADDING
from napari_sam2.models.network.sam2 import Decoded, ImageFeatures


def noise(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def image(odd_config) -> Tensor:
    return noise(2, 3, odd_config.image_size, odd_config.image_size)


def test_the_trunk(small_peers, image, agree):
    theirs, ours = small_peers
    stages = theirs.vision_encoder.backbone(image).intermediate_hidden_states
    found = ours.image_encoder.trunk(image)
    assert len(found) == len(stages) == 4
    for map_bchw, stage_bhwc in zip(found, stages, strict=True):
        agree(map_bchw, stage_bhwc.permute(0, 3, 1, 2))


def test_the_neck(small_peers, odd_config, agree):
    theirs, ours = small_peers
    stages = [
        noise(2, odd_config.image_size // stride, odd_config.image_size // stride, dim, seed=stride)
        for stride, dim in zip((4, 8, 16, 32), odd_config.stage_dims, strict=True)
    ]
    levels, _ = theirs.vision_encoder.neck(tuple(stages))
    # Theirs hands out all four levels, coarsest first; the network drops the coarsest.
    for mine, level in zip(
        ours.image_encoder.neck([stage.permute(0, 3, 1, 2) for stage in stages]),
        (levels[3], levels[2], levels[1]),
        strict=True,
    ):
        agree(mine, level)


def test_the_image_features(small_peers, image, agree):
    theirs, ours = small_peers
    expected = theirs.get_image_features(image).fpn_hidden_states
    features = ours.encode_image(image)
    for mine, tokens in zip(
        (features.fine_bchw, features.mid_bchw, features.coarse_bchw), expected, strict=True
    ):
        agree(mine.flatten(2).permute(2, 0, 1), tokens)


@pytest.mark.parametrize("channels", [64, 128])
def test_the_positions_of_a_grid(small_peers, agree, channels):
    theirs, _ = small_peers
    encoding = theirs.vision_encoder.neck.position_encoding
    if channels == 64:
        encoding = theirs.memory_encoder.position_encoding
    expected = encoding(torch.Size((1, channels, 6, 10)), torch.device("cpu"), torch.float32)
    agree(sine_grid(6, 10, channels, torch.device("cpu"), torch.float32), expected)


def test_the_positions_of_the_image_in_the_decoder(small_peers, odd_config, agree):
    theirs, ours = small_peers
    grid = odd_config.grid
    agree(ours.sam_prompt_encoder.image_positions(grid, grid), theirs.get_image_wide_positional_embeddings())


def test_clicks(small_peers, odd_config, agree):
    theirs, ours = small_peers
    points = torch.tensor([[[12.0, 150.0], [80.5, 3.0]], [[0.0, 0.0], [159.0, 159.0]]])
    labels = torch.tensor([[1, 0], [0, 1]])
    expected, dense = theirs.prompt_encoder(points[None], labels[None], None, None)
    padded = torch.nn.functional.pad(points, (0, 0, 0, 1))
    labels = torch.nn.functional.pad(labels, (0, 1), value=PADDING)
    mine = ours.sam_prompt_encoder.points(padded, labels, odd_config.image_size)
    agree(mine, expected[0])
    agree(ours.sam_prompt_encoder.masks(None).expand_as(dense), dense)


def test_boxes(small_peers, odd_config, agree):
    theirs, ours = small_peers
    box = torch.tensor([[20.0, 30.0, 90.0, 141.0]])
    expected, _ = theirs.prompt_encoder(None, None, box[None], None)
    corners = torch.cat((box.view(1, 2, 2), torch.zeros(1, 1, 2)), dim=1)
    kinds = torch.tensor([[2, 3, PADDING]])
    agree(ours.sam_prompt_encoder.points(corners, kinds, odd_config.image_size), expected[0])


def test_a_mask_as_a_dense_prompt(small_peers, odd_config, agree):
    theirs, ours = small_peers
    logits = noise(3, 1, 4 * odd_config.grid, 4 * odd_config.grid, scale=5)
    _, expected = theirs.prompt_encoder(None, None, None, logits)
    agree(ours.sam_prompt_encoder.masks(logits), expected)


@pytest.fixture
def features(odd_config) -> ImageFeatures:
    """Features of three objects' images, without an encoder in the way."""
    dim, grid = odd_config.hidden_dim, odd_config.grid
    return ImageFeatures(
        noise(3, dim // 8, 4 * grid, 4 * grid, seed=1),
        noise(3, dim // 4, 2 * grid, 2 * grid, seed=2),
        noise(3, dim, grid, grid, seed=3),
    )


@pytest.mark.parametrize("n_points", [0, 1, 4])
def test_the_mask_decoder(small_peers, features, n_points, agree, same_masks):
    """All four masks: three from the multimask answer and the single one from the other."""
    theirs, ours = small_peers
    points = noise(3, n_points, 2, seed=5, scale=40) + 80
    labels = torch.arange(3 * n_points).view(3, n_points) % 2
    decoded = ours.decode(features.coarse_bchw, features, points, labels)

    # Where a frame has no prompt, the reference gives one padding point, and closes with another.
    points, labels = (points, labels) if n_points else (torch.zeros(3, 1, 2), torch.full((3, 1), PADDING))
    sparse, dense = theirs.prompt_encoder(points[:, None], labels[:, None], None, None)
    positions = theirs.get_image_wide_positional_embeddings().repeat(3, 1, 1, 1)
    answers = []
    for multimask in (True, False):
        answers.append(
            theirs.mask_decoder(
                features.coarse_bchw,
                positions,
                sparse,
                dense,
                multimask_output=multimask,
                high_resolution_features=[features.fine_bchw, features.mid_bchw],
            )
        )
    masks, iou, tokens, score = answers[0]
    same_masks(decoded.logits_n4hw[:, 1:], masks[:, 0])
    agree(decoded.iou_n4[:, 1:], iou[:, 0])
    agree(decoded.tokens_n4c[:, 1:], tokens[:, 0])
    agree(decoded.object_score_n, score[:, 0, 0])
    agree(decoded.tokens_n4c[:, :1], answers[1][2][:, 0])

    found = ours.choose(decoded, multimask=False)
    same_masks(found.logits_nhw, answers[1][0][:, 0, 0])
    agree(found.iou_n, answers[1][1][:, 0, 0])


def test_an_unstable_single_mask_gives_way(small_peers, odd_config, agree):
    """Dynamic multimask, with a stable mask, an unstable one, and one without a positive pixel."""
    theirs, ours = small_peers
    side = 4 * odd_config.grid
    logits = noise(3, 4, side, side, seed=8, scale=3)
    logits[0, 0] = torch.where(logits[0, 0] > 0, 5.0, -5.0)
    logits[2, 0] = -7.0
    iou = torch.tensor([[0.9, 0.1, 0.2, 0.3], [0.9, 0.1, 0.3, 0.2], [0.9, 0.8, 0.3, 0.2]])
    decoded = Decoded(logits, iou, torch.zeros(3, 4, odd_config.hidden_dim), torch.ones(3))
    masks, scores = theirs.mask_decoder._dynamic_multimask_via_stability(logits[:, None], iou[:, None])
    found = ours.choose(decoded, multimask=False)
    assert torch.equal(found.logits_nhw, masks[:, 0, 0])
    assert torch.equal(found.iou_n, scores[:, 0, 0])
    assert [float(value) for value in found.iou_n] == pytest.approx([0.9, 0.3, 0.9])


@pytest.mark.parametrize(("memories", "pointers"), [(1, 0), (1, 1), (7, 16)])
def test_memory_attention(small_peers, odd_config, memories, pointers, agree):
    """Theirs reads for one object at a time; ours for all objects at once."""
    theirs, ours = small_peers
    grid, dim, mem = odd_config.grid, odd_config.hidden_dim, odd_config.mem_dim
    splits = dim // mem
    image = noise(3, grid * grid, dim, seed=1)
    positions = noise(1, grid * grid, dim, seed=2)
    memory = noise(3, memories * grid * grid + splits * pointers, mem, seed=3)
    memory_positions = noise(3, memory.shape[1], mem, seed=4)
    rotary = rotary_table(grid, grid, dim, torch.device("cpu"))
    mine = ours.memory_attention(image, positions, memory, memory_positions, rotary, splits * pointers)
    for n in range(3):
        expected = theirs.memory_attention(
            current_vision_features=image[n : n + 1].transpose(0, 1),
            current_vision_position_embeddings=positions.transpose(0, 1),
            memory=memory[n : n + 1].transpose(0, 1),
            memory_posision_embeddings=memory_positions[n : n + 1].transpose(0, 1),
            num_object_pointer_tokens=splits * pointers,
        )
        agree(mine[n], expected.squeeze(1).squeeze(1).reshape(grid * grid, dim))


def test_what_is_read_is_put_together_alike(small_peers, odd_config, agree):
    """Spatial memories with their age, pointers cut into pieces with their temporal encoding."""
    theirs, ours = small_peers
    grid, dim, mem = odd_config.grid, odd_config.hidden_dim, odd_config.mem_dim
    coarse = noise(1, dim, grid, grid, seed=1)
    spatial = noise(1, 3, mem, grid, grid, seed=2).bfloat16().float()
    pointers = noise(1, 4, dim, seed=3)
    ages, offsets = [0, 6, 1], [9, 1, 2, 5]

    grid_positions = theirs.memory_encoder.position_encoding(
        spatial[:, 0].shape, torch.device("cpu"), torch.float32
    )
    outputs = [
        {
            "maskmem_features": spatial[:, i].flatten(2).permute(2, 0, 1),
            "maskmem_pos_enc": grid_positions.flatten(2).permute(2, 0, 1),
        }
        for i in range(3)
    ]
    memory, memory_positions = theirs._build_memory_attention_inputs(
        list(zip(ages, outputs, strict=True)), torch.device("cpu")
    )
    tokens, token_positions = theirs._process_object_pointers(
        offsets, list(pointers.unbind(1)), 16, 1, dim, torch.device("cpu")
    )
    image_positions = theirs.vision_encoder.neck.position_encoding(
        coarse.shape, torch.device("cpu"), torch.float32
    )
    expected = theirs.memory_attention(
        current_vision_features=coarse.flatten(2).permute(2, 0, 1),
        current_vision_position_embeddings=image_positions.flatten(2).permute(2, 0, 1),
        memory=torch.cat((*memory, tokens)),
        memory_posision_embeddings=torch.cat((*memory_positions, token_positions)),
        num_object_pointer_tokens=len(tokens),
    )
    mine = ours.read_memory(
        coarse, spatial, torch.tensor([ages]), pointers, torch.tensor([offsets]), max_offset=15
    )
    agree(mine.flatten(2).permute(0, 2, 1), expected.reshape(1, grid * grid, dim))


def test_the_temporal_encoding_of_pointers(small_peers, odd_config, agree):
    theirs, ours = small_peers
    offsets = [0, 3, 15]
    _, expected = theirs._process_object_pointers(
        offsets,
        [torch.zeros(1, odd_config.hidden_dim)] * 3,
        16,
        1,
        odd_config.hidden_dim,
        torch.device("cpu"),
    )
    mine = ours.obj_ptr_tpos_proj(sine_time(torch.tensor(offsets) / 15, odd_config.hidden_dim))
    agree(mine.repeat_interleave(odd_config.hidden_dim // odd_config.mem_dim, dim=0), expected[:, 0])


@pytest.mark.parametrize("binary", [True, False])
def test_the_memory_encoder(small_peers, odd_config, binary, agree):
    """Three objects, one of them hidden, which adds the occlusion embedding."""
    theirs, ours = small_peers
    side, dim, grid = odd_config.image_size, odd_config.hidden_dim, odd_config.grid
    coarse, logits = noise(3, dim, grid, grid, seed=1), noise(3, 1, side, side, seed=2, scale=4)
    mask = (logits > 0).float() if binary else logits.sigmoid()
    expected, _ = theirs.memory_encoder(coarse, 20 * mask - 10)
    expected[1] += theirs.occlusion_spatial_embedding_parameter[0, :, None, None]
    agree(ours.write_memory(coarse, logits, torch.tensor([3.0, -2.0, 0.5]), binary), expected)


def test_object_pointers(small_peers, odd_config, agree):
    theirs, ours = small_peers
    tokens = noise(5, odd_config.hidden_dim)
    agree(ours.obj_ptr_proj(tokens), theirs.object_pointer_proj(tokens))
