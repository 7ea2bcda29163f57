"""Memory encoder: a frame's features and the mask found on it become one spatial memory."""

import torch
from torch import Tensor, nn

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.kernels import Linear
from napari_sam2.models.network.layers import LayerNorm2d, distinct


class MaskDownsampler(nn.Module):
    """A mask at input size, brought to stride 16 in four steps."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for step in range(4):
            layers += [
                nn.Conv2d(4**step, 4 ** (step + 1), kernel_size=3, stride=2, padding=1),
                LayerNorm2d(4 ** (step + 1)),
                nn.GELU(),
            ]
        self.encoder = nn.Sequential(*layers, nn.Conv2d(256, dim, kernel_size=1))

    def forward(self, mask_n1hw: Tensor) -> Tensor:
        return self.encoder(mask_n1hw)


class FuserBlock(nn.Module):
    """A ConvNeXt block (Liu et al. 2022)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = LayerNorm2d(dim)
        self.pwconv1 = Linear(dim, 4 * dim)
        self.pwconv2 = Linear(4 * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))

    def forward(self, x_nchw: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x_nchw)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(self.pwconv1(y, "gelu"))
        return x_nchw + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    """Two ConvNeXt blocks."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(FuserBlock(dim) for _ in range(2))

    def forward(self, x_nchw: Tensor) -> Tensor:
        for layer in self.layers:
            x_nchw = layer(x_nchw)
        return x_nchw


class MemoryEncoder(nn.Module):
    """Adds the downsampled mask to the projected features and mixes them."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.mask_downsampler = MaskDownsampler(dim)
        self.pix_feat_proj = nn.Conv2d(dim, dim, kernel_size=1)
        self.fuser = Fuser(dim)
        self.out_proj = nn.Conv2d(dim, config.mem_dim, kernel_size=1)

    def forward(self, coarse_nchw: Tensor, mask_n1hw: Tensor) -> Tensor:
        """Spatial memories (n, mem_dim, h, w) from features at stride 16 and scaled masks at input size."""
        x = self.pix_feat_proj(distinct(coarse_nchw)) + self.mask_downsampler(mask_n1hw)
        return self.out_proj(self.fuser(x))
