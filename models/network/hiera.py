"""Hiera: the hierarchical vision transformer of SAM 2's image encoder.

Ryali et al. 2023, with windowed attention and interpolated absolute positions (Bolya et al. 2023).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.kernels import Linear, attend
from napari_sam2.models.network.layers import Mlp


def to_windows(x_bhwc: Tensor, side: int) -> tuple[Tensor, int, int]:
    """Cut a map into windows (b * windows, side, side, c), padded below and right; and the padded size."""
    b, h, w, c = x_bhwc.shape
    if h % side or w % side:
        x_bhwc = F.pad(x_bhwc, (0, 0, 0, -w % side, 0, -h % side))
    rows, columns = x_bhwc.shape[1] // side, x_bhwc.shape[2] // side
    windows = x_bhwc.view(b, rows, side, columns, side, c).transpose(2, 3)
    return windows.reshape(b * rows * columns, side, side, c), rows, columns


def from_windows(windows: Tensor, rows: int, columns: int, height: int, width: int) -> Tensor:
    """Put windows back together and cut the padding off: (b, height, width, c)."""
    side, c = windows.shape[1], windows.shape[3]
    x_bhwc = windows.view(-1, rows, columns, side, side, c).transpose(2, 3)
    return x_bhwc.reshape(-1, rows * side, columns * side, c)[:, :height, :width]


def pool(x_bhwc: Tensor) -> Tensor:
    """Halve a map's height and width by maximum."""
    return F.max_pool2d(x_bhwc.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


class Attention(nn.Module):
    """Multi-head attention over a map; with `pools`, queries are pooled 2 x 2, which halves the map."""

    def __init__(self, dim: int, dim_out: int, heads: int, pools: bool) -> None:
        super().__init__()
        self.heads, self.pools = heads, pools
        self.qkv = Linear(dim, 3 * dim_out)
        self.proj = Linear(dim_out, dim_out)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        b, h, w, _ = x_bhwc.shape
        q, k, v = self.qkv(x_bhwc).chunk(3, dim=-1)
        if self.pools:
            q = pool(q)
            h, w = q.shape[1:3]
        q, k, v = (t.reshape(b, -1, self.heads, t.shape[-1] // self.heads).transpose(1, 2) for t in (q, k, v))
        out = attend(q, k, v)
        return self.proj(out.transpose(1, 2).reshape(b, h, w, -1))


class Block(nn.Module):
    """One transformer block; the first of a stage widens and halves the map."""

    def __init__(self, dim: int, dim_out: int, heads: int, window: int, pools: bool) -> None:
        super().__init__()
        self.window, self.pools = window, pools
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, dim_out, heads, pools)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = Mlp((dim_out, 4 * dim_out, dim_out), activation="gelu")
        self.proj = Linear(dim, dim_out) if dim != dim_out else None

    def forward(self, x_bhwc: Tensor) -> Tensor:
        normed = self.norm1(x_bhwc)
        if self.proj is not None:
            x_bhwc = self.proj(normed)
        if self.pools:
            x_bhwc = pool(x_bhwc)
        if self.window:
            windows, rows, columns = to_windows(normed, self.window)
            attended = from_windows(self.attn(windows), rows, columns, *x_bhwc.shape[1:3])
        else:
            attended = self.attn(normed)
        x_bhwc = x_bhwc + attended
        return x_bhwc + self.mlp(self.norm2(x_bhwc))


class PatchEmbed(nn.Module):
    """Overlapping 7 x 7 patches at stride 4."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, kernel_size=7, stride=4, padding=3)

    def forward(self, image_bchw: Tensor) -> Tensor:
        return self.proj(image_bchw).permute(0, 2, 3, 1)


class Hiera(nn.Module):
    """Four stages at strides 4, 8, 16 and 32."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        dims = config.stage_dims
        self.patch_embed = PatchEmbed(dims[0])
        side = config.background_size
        self.pos_embed = nn.Parameter(torch.zeros(1, dims[0], side, side))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, dims[0], config.windows[0], config.windows[0]))
        self._kept: tuple[tuple[object, ...], Tensor] = ((), torch.empty(0))
        blocks: list[Block] = []
        self.stage_ends: list[int] = []
        for stage, depth in enumerate(config.blocks):
            for index in range(depth):
                opens = stage > 0 and index == 0
                # The block that opens a stage still sees the windows of the stage before.
                window = config.windows[stage - opens]
                if len(blocks) in config.global_blocks:
                    window = 0
                blocks.append(
                    Block(dims[stage - opens], dims[stage], config.heads * 2**stage, window, pools=opens)
                )
            self.stage_ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)

    def positions(self, height: int, width: int) -> Tensor:
        """Absolute positions (1, height, width, c); without gradients kept until the weights change."""
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or self.pos_embed.is_inference():
            return self._positions(height, width)
        weights = (self.pos_embed, self.pos_embed_window)
        key = (height, width, *((w.data_ptr(), w._version, w.dtype) for w in weights))
        if key != self._kept[0]:
            self._kept = (key, self._positions(height, width))
        return self._kept[1]

    def _positions(self, height: int, width: int) -> Tensor:
        """A smooth background plus a tiled window."""
        background = F.interpolate(self.pos_embed, size=(height, width), mode="bicubic")
        side = self.pos_embed_window.shape[-1]
        tiled = self.pos_embed_window.tile(1, 1, -(-height // side), -(-width // side))
        return (background + tiled[..., :height, :width]).permute(0, 2, 3, 1)

    def forward(self, image_bchw: Tensor) -> list[Tensor]:
        """Feature maps (b, c, h, w) of the four stages, finest first."""
        x_bhwc = self.patch_embed(image_bchw)
        x_bhwc = x_bhwc + self.positions(*x_bhwc.shape[1:3])
        stages = []
        for index, block in enumerate(self.blocks):
            x_bhwc = block(x_bhwc)
            if index in self.stage_ends:
                stages.append(x_bhwc.permute(0, 3, 1, 2))
        return stages
