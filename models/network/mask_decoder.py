"""Mask decoder: prompt tokens and image features attend to each other, and masks come out."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.kernels import Linear
from napari_sam2.models.network.layers import LayerNorm2d, Mlp, join_heads, split_heads, to_map, to_tokens

STABILITY_DELTA, STABILITY_THRESHOLD = 0.05, 0.98
"""A single mask is stable when its area hardly changes as its threshold moves by +-delta (SAM 2)."""


class TokenAttention(nn.Module):
    """Multi-head attention between two token sets, inside in `dim / downsample` channels."""

    def __init__(self, dim: int, heads: int, downsample: int = 1) -> None:
        super().__init__()
        inner = dim // downsample
        self.heads = heads
        self.q_proj = Linear(dim, inner)
        self.k_proj = Linear(dim, inner)
        self.v_proj = Linear(dim, inner)
        self.out_proj = Linear(inner, dim)

    def forward(self, q_bnc: Tensor, k_bmc: Tensor, v_bmc: Tensor) -> Tensor:
        q = split_heads(self.q_proj(q_bnc), self.heads)
        k = split_heads(self.k_proj(k_bmc), self.heads)
        v = split_heads(self.v_proj(v_bmc), self.heads)
        return self.out_proj(join_heads(F.scaled_dot_product_attention(q, k, v)))


class TwoWayBlock(nn.Module):
    """Tokens attend to themselves and to the image, then the image attends to the tokens."""

    def __init__(self, dim: int, heads: int, mlp_dim: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn = TokenAttention(dim, heads)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_attn_token_to_image = TokenAttention(dim, heads, downsample=2)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp((dim, mlp_dim, dim))
        self.norm3 = nn.LayerNorm(dim)
        self.norm4 = nn.LayerNorm(dim)
        self.cross_attn_image_to_token = TokenAttention(dim, heads, downsample=2)

    def forward(
        self, tokens_bnc: Tensor, image_bmc: Tensor, token_positions_bnc: Tensor, image_positions_1mc: Tensor
    ) -> tuple[Tensor, Tensor]:
        if self.first:
            tokens_bnc = self.self_attn(tokens_bnc, tokens_bnc, tokens_bnc)
        else:
            q = tokens_bnc + token_positions_bnc
            tokens_bnc = tokens_bnc + self.self_attn(q, q, tokens_bnc)
        tokens_bnc = self.norm1(tokens_bnc)

        image_keys = image_bmc + image_positions_1mc
        q = tokens_bnc + token_positions_bnc
        tokens_bnc = self.norm2(tokens_bnc + self.cross_attn_token_to_image(q, image_keys, image_bmc))
        tokens_bnc = self.norm3(tokens_bnc + self.mlp(tokens_bnc))

        k = tokens_bnc + token_positions_bnc
        image_bmc = self.norm4(image_bmc + self.cross_attn_image_to_token(image_keys, k, tokens_bnc))
        return tokens_bnc, image_bmc


class TwoWayTransformer(nn.Module):
    """Two two-way blocks and a last look of the tokens at the image."""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(dim, heads, mlp_dim, first=i == 0) for i in range(2))
        self.final_attn_token_to_image = TokenAttention(dim, heads, downsample=2)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(
        self, tokens_bnc: Tensor, image_bmc: Tensor, image_positions_1mc: Tensor
    ) -> tuple[Tensor, Tensor]:
        positions_bnc = tokens_bnc
        for layer in self.layers:
            tokens_bnc, image_bmc = layer(tokens_bnc, image_bmc, positions_bnc, image_positions_1mc)
        looked = self.final_attn_token_to_image(
            tokens_bnc + positions_bnc, image_bmc + image_positions_1mc, image_bmc
        )
        return self.norm_final_attn(tokens_bnc + looked), image_bmc


class MaskDecoder(nn.Module):
    """One single-object mask and three alternatives, each with its predicted IoU."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.transformer = TwoWayTransformer(dim, config.decoder_heads, config.decoder_mlp)
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(4, dim)
        self.obj_score_token = nn.Embedding(1, dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, kernel_size=2, stride=2),
            LayerNorm2d(dim // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.conv_s0 = nn.Conv2d(dim, dim // 8, kernel_size=1)
        self.conv_s1 = nn.Conv2d(dim, dim // 4, kernel_size=1)
        self.output_hypernetworks_mlps = nn.ModuleList(Mlp((dim, dim, dim, dim // 8)) for _ in range(4))
        self.iou_prediction_head = Mlp((dim, config.iou_hidden, config.iou_hidden, 4), sigmoid=True)
        self.pred_obj_score_head = Mlp((dim, dim, dim, 1))

    def forward(
        self,
        coarse_nchw: Tensor,
        fine_nchw: Tensor,
        mid_nchw: Tensor,
        prompt_tokens_nkc: Tensor,
        image_positions_1chw: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Decode all four masks of each object.

        Parameters
        ----------
        coarse_nchw : Tensor
            Features at stride 16 with memory and dense prompt already in them.
        fine_nchw, mid_nchw : Tensor
            Features at strides 4 and 8, brought to dim / 8 and dim / 4 channels by `conv_s0`, `conv_s1`.
        prompt_tokens_nkc : Tensor
            Point tokens.
        image_positions_1chw : Tensor
            Encoding of the image grid.

        Returns
        -------
        logits_n4hw, iou_n4, tokens_n4c, object_score_n1 : tuple of Tensor
            Mask logits at stride 4, predicted IoU (0 to 1), mask tokens, and the logit of the object
            being visible. Index 0 is the single mask, 1 to 3 the alternatives.
        """
        n, _, h, w = coarse_nchw.shape
        own_tokens = torch.cat((self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight))
        tokens = torch.cat((own_tokens.expand(n, -1, -1), prompt_tokens_nkc), dim=1)
        tokens, image_nmc = self.transformer(tokens, to_tokens(coarse_nchw), to_tokens(image_positions_1chw))
        mask_tokens_n4c = tokens[:, 2:6]

        up1, norm, act, up2, _ = self.output_upscaling
        x = act(norm(up1(to_map(image_nmc, h, w)) + mid_nchw))
        x = act(up2(x) + fine_nchw)
        kernels_n4c = torch.stack(
            [mlp(mask_tokens_n4c[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1
        )
        logits_n4hw = (kernels_n4c @ x.flatten(2)).unflatten(2, x.shape[2:])
        return (
            logits_n4hw,
            self.iou_prediction_head(tokens[:, 1]),
            mask_tokens_n4c,
            self.pred_obj_score_head(tokens[:, 0]),
        )


def choose_mask(logits_n4hw: Tensor, iou_n4: Tensor, multimask: bool) -> Tensor:
    """Which of the four masks to keep, (n,).

    For an ambiguous prompt (`multimask`) the alternative with the highest predicted IoU; otherwise the
    single mask, unless it is unstable, then the best alternative (SAM 2's dynamic multimask).
    """
    best_n = 1 + iou_n4[:, 1:].argmax(dim=1)
    if multimask:
        return best_n
    single_nm = logits_n4hw[:, 0].flatten(1)
    inner_n = (single_nm > STABILITY_DELTA).sum(1).float()
    outer_n = (single_nm > -STABILITY_DELTA).sum(1).float()
    stable_n = torch.where(outer_n > 0, inner_n / outer_n, 1.0) >= STABILITY_THRESHOLD
    return torch.where(stable_n, 0, best_n)
