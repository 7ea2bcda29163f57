"""The initialisation that trains, and the geometry that the decoder learns before it sees an image.

With stock initialisation a SAM 2 trained from nothing does not find out that a mask has to lie where
the prompt is. Positions that are read along axes at many scales, attention that starts as "equal
positions attend to each other", and a warm-up on pure geometry make it do so within minutes.
"""

import math

import torch
from torch import Tensor, nn

from napari_sam2.models.network.mask_decoder import TokenAttention
from napari_sam2.models.network.memory_attention import RotaryAttention
from napari_sam2.models.network.memory_encoder import FuserBlock
from napari_sam2.models.network.sam2 import MASK_BIAS, MASK_SCALE, ImageFeatures, Sam2
from napari_sam2.models.training.losses import answer_loss
from napari_sam2.models.training.masks import coverage
from napari_sam2.models.training.prompting import BOTTOM_RIGHT, INSIDE, TOP_LEFT

_SLOWEST, _FASTEST, _SIGMA = 0.08, 2.0, 0.6
_MATCHING_GAIN = 1.4
_QUIET = 0.25
_RECALL_STRENGTH, _RECALL_LEAST_FREQUENCY = 2.7, 0.1
DISC_RADIUS = 0.15
"""Radius, as a share of the window, of the disc that the warm-up asks for around a click."""


def initialise(model: Sam2) -> None:
    """Set every weight of a new model to a start from which it trains."""
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.5)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    trunk = model.image_encoder.trunk
    for parameter in (
        trunk.pos_embed,
        trunk.pos_embed_window,
        model.maskmem_tpos_enc,
        model.no_mem_embed,
        model.no_mem_pos_enc,
        model.no_obj_ptr,
        *([model.no_obj_embed_spatial] if model.config.occlusion_embedding else []),
    ):
        nn.init.trunc_normal_(parameter, std=0.02)
    _spread_positions(model.sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix)
    with torch.no_grad():
        # Image features start quieter than positions, or the decoder hears no position in them.
        for module in model.image_encoder.neck.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(_QUIET)
    for name, module in model.sam_mask_decoder.transformer.named_modules():
        if isinstance(module, TokenAttention) and not name.endswith("self_attn"):
            nn.init.orthogonal_(module.q_proj.weight, gain=_MATCHING_GAIN)
            with torch.no_grad():
                module.k_proj.weight.copy_(module.q_proj.weight)
    _recall_in_place(model)
    with torch.no_grad():
        # A given mask then enters the decoder as the logits it stands for.
        model.mask_downsample.weight.fill_(MASK_SCALE / model.mask_downsample.weight.numel())
        nn.init.constant_(model.mask_downsample.bias, MASK_BIAS)  # type: ignore[arg-type]
        for module in model.memory_encoder.fuser.modules():
            if isinstance(module, FuserBlock):
                module.gamma.fill_(0.1)


def _spread_positions(matrix_2c: Tensor) -> None:
    """Fourier frequencies: a quarter along x, a quarter along y, geometric; the others random."""
    columns = matrix_2c.shape[1]
    quarter = columns // 4
    frequency_c = torch.logspace(math.log10(_SLOWEST), math.log10(_FASTEST), quarter)
    with torch.no_grad():
        matrix_2c.normal_(std=_SIGMA)
        matrix_2c[:, : 2 * quarter] = 0
        matrix_2c[0, :quarter] = frequency_c
        matrix_2c[1, quarter : 2 * quarter] = frequency_c


def _recall_in_place(model: Sam2) -> None:
    """Memory attention starts by looking at each memory where the image is looked at now.

    Equal biases on queries and keys turn under the rotary encoding into a score that is highest
    where both are at the same place; only the fast frequencies take part.
    """
    dim = model.config.hidden_dim
    frequency_c = 10000.0 ** (-torch.arange(dim // 4, dtype=torch.float32) / (dim // 4))
    bias_c = _RECALL_STRENGTH * (frequency_c > _RECALL_LEAST_FREQUENCY).float()
    bias_c = bias_c.repeat(2).repeat_interleave(2)
    with torch.no_grad():
        for name, module in model.memory_attention.named_modules():
            if isinstance(module, RotaryAttention) and name.endswith("cross_attn_image"):
                module.q_proj.bias.copy_(bias_c)
                module.k_proj.bias.copy_(bias_c)


def geometry_loss(model: Sam2, n: int, size: int, device: torch.device) -> Tensor:
    """What the decoder alone can learn without images: a disc around a click, an ellipse in a box.

    Parameters
    ----------
    model : Sam2
        Of which the decoder and the prompt encoder learn.
    n : int
        Prompts; the first half are clicks.
    size : int
        Of the window, in pixels.
    device : torch.device
        Where the model is.

    Returns
    -------
    Tensor
        A scalar.
    """
    dim, grid = model.config.hidden_dim, size // 16
    coarse_nchw = _QUIET * torch.randn(n, dim, grid, grid, device=device)
    mid_nchw = _QUIET * torch.randn(n, dim // 4, grid * 2, grid * 2, device=device)
    fine_nchw = _QUIET * torch.randn(n, dim // 8, grid * 4, grid * 4, device=device)

    half = n // 2
    centre_n2 = torch.rand(n, 2, device=device) * size
    radius_n2 = torch.exp(torch.empty(n, 2, device=device).uniform_(math.log(0.06), math.log(0.4))) * size
    radius_n2[:half] = DISC_RADIUS * size
    corners_n22 = torch.stack([centre_n2 - radius_n2, centre_n2 + radius_n2], dim=1).clamp(0, size - 1)
    boxes_n22 = corners_n22[half:]
    centre_n2 = torch.cat([centre_n2[:half].clamp(0, size - 1), boxes_n22.mean(1)])
    radius_n2 = torch.cat([radius_n2[:half], (boxes_n22[:, 1] - boxes_n22[:, 0]) / 2 + 0.5])
    position = torch.arange(size, device=device, dtype=torch.float32)
    x_nw = (position - centre_n2[:, :1]) / radius_n2[:, :1]
    y_nh = (position - centre_n2[:, 1:]) / radius_n2[:, 1:]
    target_nhw = coverage(y_nh[:, :, None] ** 2 + x_nw[:, None, :] ** 2 <= 1, 4)

    click_labels = torch.full((half, 1), INSIDE, device=device)
    box_labels = torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]], device=device).expand(n - half, 2)
    losses = []
    for part, points, labels in (
        (slice(0, half), centre_n2[:half, None], click_labels),
        (slice(half, n), boxes_n22, box_labels),
    ):
        features = ImageFeatures(fine_nchw[part], mid_nchw[part], coarse_nchw[part])
        answer = model.decode(coarse_nchw[part], features, points, labels)
        wanted = target_nhw[part]
        losses.append(
            answer_loss(
                answer,
                wanted,
                torch.full((len(wanted),), points.shape[1] == 1, device=device),
                torch.ones(len(wanted), device=device),
                plain=0.0,
                score_weight=0.05,
                spread=1.0,
            )
        )
    return torch.stack(losses).mean()
