"""Positional encodings: sines over a grid or over time, rotary ones, random Fourier features."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn


# The tables are kept for all later calls, training included, whatever mode the first call ran in.
@lru_cache(maxsize=32)
@torch.inference_mode(False)
@torch.no_grad()
def sine_grid(height: int, width: int, channels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Sine encoding of a grid, (1, channels, height, width): half the channels for y, half for x.

    The absolute encoding of "Attention is all you need" along each axis, with positions scaled to
    0..2 pi so that it follows any grid size.
    """
    half = channels // 2
    frequency_c = 10000.0 ** (-2 * (torch.arange(half, dtype=torch.float32) // 2) / half)

    def encode(length: int) -> Tensor:
        position_n = torch.arange(1, length + 1, dtype=torch.float32) / (length + 1e-6) * (2 * math.pi)
        angle_nc = position_n[:, None] * frequency_c
        return torch.stack((angle_nc[:, 0::2].sin(), angle_nc[:, 1::2].cos()), dim=2).flatten(1)

    y_hwc = encode(height)[:, None].expand(height, width, half)
    x_hwc = encode(width)[None].expand(height, width, half)
    grid_chw = torch.cat((y_hwc, x_hwc), dim=2).permute(2, 0, 1)
    return grid_chw[None].to(device=device, dtype=dtype)


def sine_time(offsets_p: Tensor, channels: int) -> Tensor:
    """Sine encoding (p, channels) of scaled frame offsets (p,), for object pointers."""
    half = channels // 2
    index_c = torch.arange(half, dtype=torch.float32, device=offsets_p.device)
    angle_pc = offsets_p[:, None] / 10000.0 ** (2 * (index_c // 2) / half)
    return torch.cat((angle_pc.sin(), angle_pc.cos()), dim=-1)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
@torch.no_grad()
def rotary_table(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Turns (h * w, channels / 2, 2) of two-dimensional rotary encoding, cosine and sine: x first, then y."""
    quarter = channels // 4
    frequency_c = 10000.0 ** (-torch.arange(quarter, dtype=torch.float32) / quarter)
    y_n, x_n = torch.meshgrid(
        torch.arange(height, dtype=torch.float32), torch.arange(width, dtype=torch.float32), indexing="ij"
    )
    angle_nc = torch.cat((x_n.reshape(-1, 1) * frequency_c, y_n.reshape(-1, 1) * frequency_c), dim=1)
    return torch.stack((angle_nc.cos(), angle_nc.sin()), dim=-1).to(device)


def rotate(x: Tensor, turns_nc2: Tensor) -> Tensor:
    """Rotary encoding of (..., n, c): each pair of neighbouring channels turns by its angle."""
    pairs = x.float().unflatten(-1, (-1, 2))
    if torch.compiler.is_compiling():
        # The compiler makes no code for complex numbers; without it, these steps take ten times as long.
        (a, b), (cos, sin) = pairs.unbind(-1), turns_nc2.unbind(-1)
        turned = torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1)
    else:
        turned = torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(turns_nc2))
    return turned.flatten(-2).to(x.dtype)


class FourierPositions(nn.Module):
    """Random Fourier features of points in the unit square, shared by prompts and image grid."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, channels // 2))

    def forward(self, xy: Tensor) -> Tensor:
        """Encode points (..., 2), given as (x, y) from 0 to 1, to (..., channels)."""
        angle = 2 * math.pi * ((2 * xy - 1) @ self.positional_encoding_gaussian_matrix.to(xy.dtype))
        return torch.cat((angle.sin(), angle.cos()), dim=-1)

    def grid(self, height: int, width: int) -> Tensor:
        """Encode the centres of a grid's cells, (1, channels, height, width)."""
        matrix = self.positional_encoding_gaussian_matrix
        y_h = (torch.arange(height, device=matrix.device, dtype=matrix.dtype) + 0.5) / height
        x_w = (torch.arange(width, device=matrix.device, dtype=matrix.dtype) + 0.5) / width
        y_hw, x_hw = torch.meshgrid(y_h, x_w, indexing="ij")
        return self(torch.stack((x_hw, y_hw), dim=-1)).permute(2, 0, 1)[None]
