"""The tensor names of `transformers`' Sam2VideoModel, brought to Meta's."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

MARKER = "vision_encoder.backbone."
"""What only this layout has in its names."""

_POINTS = "prompt_encoder.point_embed.weight"
_MATRIX = "prompt_encoder.shared_embedding.positional_embedding"
_MATRIX_TWIN = "shared_image_embedding.positional_embedding"

# Applied in this order to the whole name, each wherever it fits.
_RENAMES = tuple(
    (re.compile(pattern), meta)
    for pattern, meta in (
        (r"^vision_encoder\.backbone\.", "image_encoder.trunk."),
        (r"^vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
        (r"\bpatch_embed\.projection\b", "patch_embed.proj"),
        (r"^prompt_encoder\.", "sam_prompt_encoder."),
        (r"\bshared_embedding\.positional_embedding$", "pe_layer.positional_encoding_gaussian_matrix"),
        (r"\bmask_embed\.conv1\b", "mask_downscaling.0"),
        (r"\bmask_embed\.layer_norm1\b", "mask_downscaling.1"),
        (r"\bmask_embed\.conv2\b", "mask_downscaling.3"),
        (r"\bmask_embed\.layer_norm2\b", "mask_downscaling.4"),
        (r"\bmask_embed\.conv3\b", "mask_downscaling.6"),
        (r"^mask_decoder\.", "sam_mask_decoder."),
        (r"\bupscale_conv1\b", "output_upscaling.0"),
        (r"\bupscale_layer_norm\b", "output_upscaling.1"),
        (r"\bupscale_conv2\b", "output_upscaling.3"),
        (r"^memory_encoder\.projection\b", "memory_encoder.out_proj"),
        (r"\bfeature_projection\b", "pix_feat_proj"),
        (r"\bmask_downsampler\.final_conv\b", "mask_downsampler.encoder.12"),
        (r"\bmemory_fuser\b", "fuser"),
        (r"\bdepthwise_conv\b", "dwconv"),
        (r"\bpointwise_conv(\d)\b", r"pwconv\1"),
        (r"^(memory_encoder\.fuser\.layers\.\d+)\.scale$", r"\1.gamma"),
        (r"\bo_proj\b", "out_proj"),
        (r"\blayer_norm_final_attn\b", "norm_final_attn"),
        (r"\blayer_norm(\d?)\b", r"norm\1"),
        (r"^object_pointer_proj\b", "obj_ptr_proj"),
        (r"^temporal_positional_encoding_projection_layer\b", "obj_ptr_tpos_proj"),
        (r"^occlusion_spatial_embedding_parameter$", "no_obj_embed_spatial"),
        (r"^memory_temporal_positional_encoding$", "maskmem_tpos_enc"),
        (r"^no_memory_embedding$", "no_mem_embed"),
        (r"^no_memory_positional_encoding$", "no_mem_pos_enc"),
        (r"^no_object_pointer$", "no_obj_ptr"),
    )
)
_DOWNSAMPLER = re.compile(r"\bmask_downsampler\.layers\.(\d+)\.(conv|layer_norm)\b")


def to_meta_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the names of Meta's checkpoints; unknown names stay as they are.

    Raises
    ------
    ValueError
        The two copies of the positional matrix, which Meta's layout holds once, differ.
    """
    state = dict(state)
    twin = state.pop(_MATRIX_TWIN, None)
    if twin is not None and not torch.equal(state.setdefault(_MATRIX, twin), twin):
        raise ValueError("its two positional matrices differ, where SAM 2 has one")
    points = state.pop(_POINTS, None)
    renamed = {_rename(_count_layers(name, state)): tensor for name, tensor in state.items()}
    if points is not None:
        # One table there, one embedding for each kind of point here.
        for kind in range(len(points)):
            renamed[f"sam_prompt_encoder.point_embeddings.{kind}.weight"] = points[kind : kind + 1]
    return renamed


def _count_layers(name: str, state: Mapping[str, Tensor]) -> str:
    """Name the layers of a perceptron by their number: `proj_in`, `layers.*`, `proj_out` there."""
    perceptron, is_first, rest = name.rpartition(".proj_in.")
    if is_first:
        return f"{perceptron}.layers.0.{rest}"
    perceptron, is_last, rest = name.rpartition(".proj_out.")
    if is_last:
        inner = sum(key.startswith(f"{perceptron}.layers.") and key.endswith(f".{rest}") for key in state)
        return f"{perceptron}.layers.{inner + 1}.{rest}"
    perceptron, is_inner, rest = name.rpartition(".layers.")
    if is_inner and f"{perceptron}.proj_in.weight" in state:
        number, _, rest = rest.partition(".")
        return f"{perceptron}.layers.{int(number) + 1}.{rest}"
    return name


def _rename(name: str) -> str:
    # Each step of the downsampler is a convolution, a norm and an activation without weights.
    name = _DOWNSAMPLER.sub(
        lambda step: f"mask_downsampler.encoder.{3 * int(step[1]) + (step[2] == 'layer_norm')}", name
    )
    for pattern, meta in _RENAMES:
        name = pattern.sub(meta, name)
    return name
