"""Small layers that several blocks share."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.models.network.kernels import Linear, linear


class LayerNorm2d(nn.Module):
    """Layer norm over the channels of a (b, c, h, w) map, at each position."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x_bchw: Tensor) -> Tensor:
        x_bhwc = x_bchw.permute(0, 2, 3, 1)
        return F.layer_norm(x_bhwc, self.weight.shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)


def one_by_one(x_bchw: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1 x 1 convolution of a map that lies in memory as (b, h, w, c), and so does its result."""
    return linear(x_bchw.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """Linear layers with an activation between them."""

    def __init__(self, dims: tuple[int, ...], activation: str = "relu", sigmoid: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(dims))
        self.activation = activation
        self.sigmoid = sigmoid

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = layer(x, self.activation)
        x = self.layers[-1](x)
        return x.sigmoid() if self.sigmoid else x


def split_heads(x_bnc: Tensor, heads: int) -> Tensor:
    """(b, n, c) to (b, heads, n, c / heads)."""
    b, n, c = x_bnc.shape
    return x_bnc.view(b, n, heads, c // heads).transpose(1, 2)


def join_heads(x_bhnc: Tensor) -> Tensor:
    """(b, heads, n, c) to (b, n, heads * c)."""
    return x_bhnc.transpose(1, 2).flatten(2)


def to_tokens(x_bchw: Tensor) -> Tensor:
    """(b, c, h, w) to (b, h * w, c)."""
    return x_bchw.flatten(2).transpose(1, 2)


def to_map(tokens_bnc: Tensor, height: int, width: int) -> Tensor:
    """(b, h * w, c) to (b, c, h, w)."""
    return tokens_bnc.transpose(1, 2).unflatten(2, (height, width))


def distinct(x_n: Tensor) -> Tensor:
    """The first item alone where all items of a batch are one and the same, expanded."""
    return x_n[:1] if x_n.stride(0) == 0 else x_n
