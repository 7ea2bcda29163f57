"""Memory attention: the current frame's features read the memories of an object."""

import torch
from torch import Tensor, nn

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.kernels import Linear, attend, is_long
from napari_sam2.models.network.layers import distinct
from napari_sam2.models.network.positional import rotate


class RotaryAttention(nn.Module):
    """Single-head attention with two-dimensional rotary encoding of spatial tokens."""

    def __init__(self, dim: int, kv_dim: int) -> None:
        super().__init__()
        self.q_proj = Linear(dim, dim)
        self.k_proj = Linear(kv_dim, dim)
        self.v_proj = Linear(kv_dim, dim)
        self.out_proj = Linear(dim, dim)

    def forward(self, q_bnc: Tensor, k_bmc: Tensor, v_bmc: Tensor, rotary: Tensor, pointers: int) -> Tensor:
        """Attend; the last `pointers` keys have no place in the image and are not rotated."""
        q, k = self.q_proj(q_bnc), self.k_proj(k_bmc)
        q = rotate(q, rotary)
        spatial = k.shape[1] - pointers
        # Each memory is one grid of tokens; its tokens turn by the same angles as the image's.
        grids = k[:, :spatial].unflatten(1, (-1, q.shape[1]))
        k = torch.cat((rotate(grids, rotary).flatten(1, 2), k[:, spatial:]), dim=1)
        q, k = q.expand(len(k), -1, -1)[:, None], k[:, None]
        if is_long(q, k):
            # The weights of a row sum to 1, so the values may be widened after they were mixed: there
            # are fewer of them then, and mixing narrow ones costs less.
            out = self.v_proj(attend(q, k, v_bmc[:, None]))
        else:
            out = attend(q, k, self.v_proj(v_bmc)[:, None])
        return self.out_proj(out[:, 0])


class MemoryAttentionLayer(nn.Module):
    """Self-attention over the frame, cross-attention to the memory, feed-forward."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.self_attn = RotaryAttention(dim, dim)
        self.cross_attn_image = RotaryAttention(dim, config.mem_dim)
        self.linear1 = Linear(dim, config.memory_mlp)
        self.linear2 = Linear(config.memory_mlp, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)

    def forward(
        self,
        x_nmc: Tensor,
        keys_nkc: Tensor,
        values_nkc: Tensor,
        rotary: Tensor,
        pointers: int,
    ) -> Tensor:
        q = self.norm1(x_nmc)
        x_nmc = x_nmc + self.self_attn(q, q, q, rotary, 0)
        q = self.norm2(x_nmc)
        x_nmc = x_nmc + self.cross_attn_image(q, keys_nkc, values_nkc, rotary, pointers)
        return x_nmc + self.linear2(self.linear1(self.norm3(x_nmc), "relu"))


class MemoryAttention(nn.Module):
    """A stack of layers; every object of the batch reads its own memory."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(MemoryAttentionLayer(config) for _ in range(config.memory_layers))
        self.norm = nn.LayerNorm(config.hidden_dim)

    def forward(
        self,
        image_nmc: Tensor,
        image_positions_1mc: Tensor,
        memory_nkc: Tensor,
        memory_positions_nkc: Tensor,
        rotary: Tensor,
        pointers: int,
    ) -> Tensor:
        """Features (n, h * w, c) of the frame, conditioned on each object's memory.

        `memory_nkc` holds whole grids of spatial memories, in row order, then `pointers` pointer
        tokens; its encodings are added to the keys only. `rotary` is the grid's `rotary_table`.
        """
        # Objects that see the same image share everything up to their first look at their memories.
        x_nmc = distinct(image_nmc) + 0.1 * image_positions_1mc
        keys_nkc = memory_nkc + memory_positions_nkc
        for layer in self.layers:
            x_nmc = layer(x_nmc, keys_nkc, memory_nkc, rotary, pointers)
        return self.norm(x_nmc)
