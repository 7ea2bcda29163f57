"""SAM 2: the blocks put together. Every call works on a batch of objects; no state is kept here.

The memory bank belongs to the caller: `read_memory` takes what to attend to, `write_memory` returns a
new memory, and nothing is remembered between calls.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.models.config import STRIDE, Sam2Config
from napari_sam2.models.network.image_encoder import ImageEncoder
from napari_sam2.models.network.layers import Mlp, to_map, to_tokens
from napari_sam2.models.network.mask_decoder import MaskDecoder, choose_mask
from napari_sam2.models.network.memory_attention import MemoryAttention
from napari_sam2.models.network.memory_encoder import MemoryEncoder
from napari_sam2.models.network.positional import rotary_table, sine_grid, sine_time
from napari_sam2.models.network.prompt_encoder import PADDING, PromptEncoder

ABSENT_LOGIT = -1024.0
"""Mask logit everywhere on a frame where the object is judged hidden (SAM 2)."""
MASK_SCALE, MASK_BIAS = 20.0, -10.0
"""A mask in 0..1 becomes -10..10, both as logits of a given mask and for the memory encoder (SAM 2)."""


@dataclass(frozen=True)
class ImageFeatures:
    """What the decoder and the memory need of an image.

    Attributes
    ----------
    fine_bchw, mid_bchw : Tensor
        Strides 4 and 8, already narrowed for the decoder (hidden_dim / 8 and / 4 channels).
    coarse_bchw : Tensor
        Stride 16, hidden_dim channels, no memory in it.
    """

    fine_bchw: Tensor
    mid_bchw: Tensor
    coarse_bchw: Tensor

    def take(self, index_n: Tensor | slice) -> "ImageFeatures":
        """The features of images `index_n`, one a batch item: expands images to objects."""
        return ImageFeatures(self.fine_bchw[index_n], self.mid_bchw[index_n], self.coarse_bchw[index_n])

    def to(self, device: torch.device) -> "ImageFeatures":
        """The same features on a device."""
        return ImageFeatures(*(x.to(device) for x in (self.fine_bchw, self.mid_bchw, self.coarse_bchw)))

    def expand(self, n: int) -> "ImageFeatures":
        """One image's features for n objects, without a copy."""
        return ImageFeatures(
            *(x.expand(n, -1, -1, -1) for x in (self.fine_bchw, self.mid_bchw, self.coarse_bchw))
        )


@dataclass(frozen=True)
class Decoded:
    """All four masks of each object; index 0 is the single mask, 1 to 3 the alternatives.

    Attributes
    ----------
    logits_n4hw : Tensor
        At stride 4, before any decision about visibility.
    iou_n4 : Tensor
        Predicted IoU, 0 to 1.
    tokens_n4c : Tensor
        Mask tokens, the source of object pointers.
    object_score_n : Tensor
        Logit of the object being visible.
    """

    logits_n4hw: Tensor
    iou_n4: Tensor
    tokens_n4c: Tensor
    object_score_n: Tensor


@dataclass(frozen=True)
class Found:
    """The one answer for each object.

    Attributes
    ----------
    logits_nhw : Tensor
        Mask logits at stride 4; ABSENT_LOGIT everywhere for a hidden object.
    iou_n : Tensor
        Predicted IoU, 0 to 1.
    object_score_n : Tensor
        Logit of the object being visible.
    pointer_nc : Tensor
        Object pointer for the memory bank.
    """

    logits_nhw: Tensor
    iou_n: Tensor
    object_score_n: Tensor
    pointer_nc: Tensor


class Sam2(nn.Module):
    """SAM 2 or 2.1 of any size; parameter names are the keys of Meta's checkpoints."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__()
        self.config = config
        dim, mem = config.hidden_dim, config.mem_dim
        self.image_encoder = ImageEncoder(config)
        self.sam_prompt_encoder = PromptEncoder(config)
        self.sam_mask_decoder = MaskDecoder(config)
        self.memory_attention = MemoryAttention(config)
        self.memory_encoder = MemoryEncoder(config)
        self.mask_downsample = nn.Conv2d(1, 1, kernel_size=4, stride=4)
        self.obj_ptr_proj = Mlp((dim, dim, dim, dim))
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(config.num_maskmem, 1, 1, mem))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, dim))
        # Never read by SAM 2 either, but part of every checkpoint.
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, dim))
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, dim))
        if config.occlusion_embedding:
            self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, mem))
        if config.pointer_time:
            self.obj_ptr_tpos_proj = nn.Linear(dim, mem)

    def to_precision(self, dtype: torch.dtype) -> "Sam2":
        """Set the precision of the parts that take the time: image encoder, memory attention and encoder.

        Prompts and the mask decoder stay in float32: they cost little, and positions of clicks and
        edges of masks need it.
        """
        for part in (self.image_encoder, self.memory_attention, self.memory_encoder):
            part.to(dtype)
        return self

    def encode_image(self, image_bchw: Tensor) -> ImageFeatures:
        """Features of normalised images (b, 3, size, size)."""
        stages, neck, decoder = (
            self.image_encoder.stages(image_bchw),
            self.image_encoder.neck,
            self.sam_mask_decoder,
        )
        return ImageFeatures(
            neck.narrowed(stages, 0, decoder.conv_s0),
            neck.narrowed(stages, 1, decoder.conv_s1),
            neck.coarse(stages),
        )

    def without_memory(self, coarse_nchw: Tensor) -> Tensor:
        """Features for a frame that is decoded from the image alone."""
        return coarse_nchw + self.no_mem_embed.view(1, -1, 1, 1)

    def read_memory(
        self,
        coarse_nchw: Tensor,
        spatial_nschw: Tensor,
        age_ns: Tensor,
        pointers_npc: Tensor,
        offset_np: Tensor,
        max_offset: int,
    ) -> Tensor:
        """Features conditioned on each object's memory.

        Parameters
        ----------
        coarse_nchw : Tensor
            The frame's features at stride 16.
        spatial_nschw : Tensor
            s spatial memories an object.
        age_ns : int Tensor
            0 for a conditioning frame, else how many frames ago (1 to num_maskmem - 1).
        pointers_npc : Tensor
            p object pointers an object; p may be 0.
        offset_np : Tensor
            How many frames ago each pointer was made.
        max_offset : int
            The offset that counts as 1 in the pointers' temporal encoding.
        """
        n, _, h, w = coarse_nchw.shape
        mem = self.config.mem_dim
        image_positions = sine_grid(h, w, self.config.hidden_dim, coarse_nchw.device, coarse_nchw.dtype)
        grid_positions = to_tokens(sine_grid(h, w, mem, coarse_nchw.device, coarse_nchw.dtype))
        # Row i - 1 belongs to age i; age 0 takes the last row, as index -1 does.
        time_nsc = self.maskmem_tpos_enc[:, 0, 0][age_ns - 1]
        tokens = spatial_nschw.to(coarse_nchw.dtype).flatten(3).transpose(2, 3).flatten(1, 2)
        positions = (time_nsc[:, :, None] + grid_positions[:, None]).flatten(1, 2)

        splits = self.config.hidden_dim // mem
        pointers = pointers_npc.shape[1] * splits
        if pointers:
            tokens = torch.cat((tokens, pointers_npc.reshape(n, pointers, mem).to(tokens.dtype)), dim=1)
            if self.config.pointer_time:
                scaled_m = (offset_np.flatten() / max_offset).to(torch.float32)
                sines = sine_time(scaled_m, self.config.hidden_dim).to(self.obj_ptr_tpos_proj.weight.dtype)
                time_npc = self.obj_ptr_tpos_proj(sines).unflatten(0, offset_np.shape)
                time_npc = time_npc.repeat_interleave(splits, dim=1)
            else:
                time_npc = tokens.new_zeros(n, pointers, mem)
            positions = torch.cat((positions, time_npc.to(positions.dtype)), dim=1)
        out_nmc = self.memory_attention(
            to_tokens(coarse_nchw),
            to_tokens(image_positions),
            tokens,
            positions.to(tokens.dtype),
            rotary_table(h, w, self.config.hidden_dim, coarse_nchw.device),
            pointers,
        )
        return to_map(out_nmc, h, w)

    def decode(
        self,
        coarse_nchw: Tensor,
        features: ImageFeatures,
        points_nk2: Tensor,
        labels_nk: Tensor,
        mask_logits_n1hw: Tensor | None = None,
    ) -> Decoded:
        """Masks for prompts on features that already went through (or without) memory.

        Parameters
        ----------
        coarse_nchw : Tensor
            From `without_memory` or `read_memory`.
        features : ImageFeatures
            The same objects' finer features.
        points_nk2, labels_nk : Tensor
            (x, y) in input pixels, with 0 at the first pixel's centre; labels as in
            `prompt_encoder`. k may be 0.
        mask_logits_n1hw : Tensor or None
            Mask logits at stride 4 as a dense prompt.
        """
        h, w = coarse_nchw.shape[2:]
        # SAM 2 always closes the list with one padding point, and with two when it is empty.
        extra = 1 if points_nk2.shape[1] else 2
        points_nk2 = F.pad(points_nk2, (0, 0, 0, extra))
        labels_nk = F.pad(labels_nk, (0, extra), value=PADDING)
        encoder = self.sam_prompt_encoder
        dense = encoder.masks(mask_logits_n1hw)
        tokens_nkc = encoder.points(points_nk2, labels_nk, w * STRIDE).to(dense.dtype)
        positions = encoder.image_positions(h, w).to(dense.dtype)
        logits, iou, tokens, score = self.sam_mask_decoder(
            coarse_nchw + dense, features.fine_bchw, features.mid_bchw, tokens_nkc, positions
        )
        return Decoded(logits, iou, tokens, score[:, 0])

    def choose(self, decoded: Decoded, multimask: bool) -> Found:
        """Keep one mask an object; `multimask` for ambiguous prompts (at most one point)."""
        index_n = choose_mask(decoded.logits_n4hw, decoded.iou_n4, multimask)
        item_n = torch.arange(len(index_n), device=index_n.device)
        visible_n1 = decoded.object_score_n[:, None] > 0
        logits_nhw = torch.where(visible_n1[..., None], decoded.logits_n4hw[item_n, index_n], ABSENT_LOGIT)
        # The pointer of a single mask comes from token 0, whichever mask stability chose.
        token_nc = decoded.tokens_n4c[item_n, index_n if multimask else 0]
        pointer_nc = self._pointer(token_nc, visible_n1)
        return Found(logits_nhw, decoded.iou_n4[item_n, index_n], decoded.object_score_n, pointer_nc)

    def given(self, features: ImageFeatures, mask_nhw: Tensor) -> Found:
        """Take masks (n, size, size) of 0 to 1, at input size, as the answer itself.

        The decoder runs only to make the object pointer.
        """
        mask_n1hw = mask_nhw[:, None].to(self.mask_downsample.weight.dtype)
        prompt = self.mask_downsample(mask_n1hw)
        n = len(mask_nhw)
        no_points = mask_n1hw.new_zeros(n, 0, 2)
        no_labels = torch.zeros(n, 0, dtype=torch.long, device=mask_nhw.device)
        decoded = self.decode(features.coarse_bchw, features, no_points, no_labels, prompt)
        pointer_nc = self.choose(decoded, multimask=True).pointer_nc
        visible_n1 = mask_nhw.flatten(1).gt(0).any(1, keepdim=True)
        pointer_nc = torch.where(visible_n1, pointer_nc, self.no_obj_ptr)
        logits_n1hw = F.interpolate(
            mask_n1hw.float() * MASK_SCALE + MASK_BIAS,
            scale_factor=0.25,
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        score_n = visible_n1[:, 0] * MASK_SCALE + MASK_BIAS
        return Found(logits_n1hw[:, 0], torch.ones_like(score_n), score_n, pointer_nc)

    def write_memory(
        self, coarse_nchw: Tensor, mask_n1hw: Tensor, object_score_n: Tensor, binary: bool
    ) -> Tensor:
        """Spatial memories (n, mem_dim, h, w).

        Parameters
        ----------
        coarse_nchw : Tensor
            The frame's features at stride 16, without memory.
        mask_n1hw : Tensor
            Mask logits at input size.
        object_score_n : Tensor
            Logit of the object being visible.
        binary : bool
            Remember the mask as 0 or 1 (prompted frames) rather than as a probability.
        """
        mask = (mask_n1hw > 0).to(mask_n1hw.dtype) if binary else mask_n1hw.sigmoid()
        memory = self.memory_encoder(coarse_nchw, (mask * MASK_SCALE + MASK_BIAS).to(coarse_nchw.dtype))
        if self.config.occlusion_embedding:
            hidden_n111 = (object_score_n <= 0).to(memory.dtype).view(-1, 1, 1, 1)
            memory = memory + hidden_n111 * self.no_obj_embed_spatial.view(1, -1, 1, 1)
        return memory

    def _pointer(self, token_nc: Tensor, visible_n1: Tensor) -> Tensor:
        return torch.where(visible_n1, self.obj_ptr_proj(token_nc), self.no_obj_ptr)
