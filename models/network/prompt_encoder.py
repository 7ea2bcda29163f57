"""Prompt encoder: clicks and box corners become tokens, a mask becomes a dense map."""

import torch
from torch import Tensor, nn

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.layers import LayerNorm2d
from napari_sam2.models.network.positional import FourierPositions

OUTSIDE, INSIDE, BOX_FIRST, BOX_SECOND, PADDING = 0, 1, 2, 3, -1
"""Point labels inside the network: clicks, the two corners of a box, and no point at all."""


class PromptEncoder(nn.Module):
    """Prompts of many objects at once; objects with fewer points are padded with label -1."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.pe_layer = FourierPositions(dim)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=2, stride=2),
            LayerNorm2d(4),
            nn.GELU(),
            nn.Conv2d(4, 16, kernel_size=2, stride=2),
            LayerNorm2d(16),
            nn.GELU(),
            nn.Conv2d(16, dim, kernel_size=1),
        )
        self.no_mask_embed = nn.Embedding(1, dim)

    def points(self, points_nk2: Tensor, labels_nk: Tensor, size: int) -> Tensor:
        """Tokens (n, k, c) of points (x, y), 0 at the first pixel's centre, in an input of `size` pixels."""
        position = self.pe_layer((points_nk2 + 0.5) / size)
        kinds_4c = torch.cat([embedding.get_parameter("weight") for embedding in self.point_embeddings])
        labels_nk1 = labels_nk[..., None]
        tokens_nkc = position + kinds_4c[labels_nk.clamp(min=0)]
        return torch.where(labels_nk1 == PADDING, self.not_a_point_embed.weight, tokens_nkc)

    def masks(self, logits_n1hw: Tensor | None) -> Tensor:
        """Dense map (n or 1, c, grid, grid) of mask logits at stride 4, or of no mask."""
        if logits_n1hw is None:
            return self.no_mask_embed.weight.reshape(1, -1, 1, 1)
        return self.mask_downscaling(logits_n1hw)

    def image_positions(self, height: int, width: int) -> Tensor:
        """Encoding (1, c, height, width) of the image grid, in the space of the points."""
        return self.pe_layer.grid(height, width)
