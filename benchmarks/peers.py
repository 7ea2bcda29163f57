"""The peers: `transformers`' Sam2VideoModel, and the reference package `sam2` where it is installed.

Both get the weights, frames and prompts that we get, and are driven as their own documentation says.
"""

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from napari_sam2.models.checkpoints.huggingface import to_meta_names
from napari_sam2.models.config import Sam2Config
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.scene import FrameSource
from napari_sam2.models.views import look, whole

REFERENCE_CONFIGS = {"sam2.1_tiny": "sam2.1_hiera_t", "sam2.1_base_plus": "sam2.1_hiera_b+"}


def transformers_config(config: Sam2Config) -> Any:
    """The same network in the words of `transformers`."""
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VisionConfig

    dims = list(config.stage_dims)
    backbone = Sam2HieraDetConfig(
        hidden_size=config.embed_dim,
        num_attention_heads=config.heads,
        image_size=[config.image_size] * 2,
        window_positional_embedding_background_size=[config.background_size] * 2,
        blocks_per_stage=list(config.blocks),
        embed_dim_per_stage=dims,
        num_attention_heads_per_stage=[config.heads * 2**stage for stage in range(4)],
        window_size_per_stage=list(config.windows),
        global_attention_blocks=list(config.global_blocks),
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=dims[::-1],
        backbone_feature_sizes=[[config.image_size // stride] * 2 for stride in (4, 8, 16)],
        fpn_hidden_size=config.hidden_dim,
    )
    return Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": config.hidden_dim, "image_size": config.image_size},
        mask_decoder_config={
            "hidden_size": config.hidden_dim,
            "mlp_dim": config.decoder_mlp,
            "num_attention_heads": config.decoder_heads,
            "iou_head_hidden_dim": config.iou_hidden,
        },
        image_size=config.image_size,
        num_maskmem=config.num_maskmem,
        max_object_pointers_in_encoder=config.max_pointers,
        max_cond_frame_num=config.max_conditioning,
        enable_occlusion_spatial_embedding=config.occlusion_embedding,
        enable_temporal_pos_encoding_for_object_pointers=config.pointer_time,
        memory_attention_hidden_size=config.hidden_dim,
        memory_attention_num_layers=config.memory_layers,
        memory_attention_feed_forward_hidden_size=config.memory_mlp,
        memory_attention_rope_feat_sizes=[config.grid, config.grid],
        memory_encoder_hidden_size=config.hidden_dim,
        memory_encoder_output_channels=config.mem_dim,
        mask_downsampler_embed_dim=config.hidden_dim,
        memory_fuser_embed_dim=config.hidden_dim,
        memory_fuser_intermediate_dim=4 * config.hidden_dim,
    )


def same_network_twice(config: Sam2Config, device: torch.device) -> tuple[Any, Sam2]:
    """Theirs and ours with the same random weights, lively enough for masks, objects always visible."""
    from transformers import Sam2VideoModel

    torch.manual_seed(1)
    theirs = Sam2VideoModel(transformers_config(config)).eval().requires_grad_(False)
    for name, value in theirs.named_parameters():
        if value.ndim > 1:
            value.normal_(std=1.2 / np.sqrt(value[0].numel()))
        elif "norm" in name and name.endswith("weight"):
            value.normal_(1.0, 0.1)
        else:
            value.normal_(std=0.1)
    theirs.mask_decoder.pred_obj_score_head.proj_out.bias.add_(10.0)
    theirs.shared_image_embedding.positional_embedding.copy_(
        theirs.prompt_encoder.shared_embedding.positional_embedding
    )
    ours = Sam2(config).eval().requires_grad_(False)
    ours.load_state_dict(to_meta_names(theirs.state_dict()))
    return theirs.to(device), ours.to(device)


class Transformers:
    """One object clicked on frame 0 and followed; more objects are copies of it, at the same cost."""

    def __init__(
        self, model: Any, movie: FrameSource, click: tuple[float, float], device: torch.device
    ) -> None:
        from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

        size, (n, height, width) = model.config.image_size, movie.shape
        view = whole((height, width))
        video = torch.cat([look(movie.rgb(i), [view], size, "cpu") for i in range(n)])
        self.model, self.shape = model, (height, width)
        self.session = Sam2VideoInferenceSession(
            video=video,
            video_height=height,
            video_width=width,
            inference_device=device,
            dtype=torch.float32,
        )
        x, y = view.to_input(*click, size)
        index = self.session.obj_id_to_idx(1)
        inputs = {
            "point_coords": torch.tensor([[[[x, y]]]], device=device),
            "point_labels": torch.ones(1, 1, 1, dtype=torch.int32, device=device),
        }
        self.session.add_point_inputs(index, 0, inputs)
        self.session.obj_with_new_inputs.append(1)

    def step(self, frame: int) -> NDArray[np.bool_]:
        """Masks of the next frame, bool (objects, y, x), at the frame's own size."""
        logits = self.model(self.session, frame_idx=frame).pred_masks
        full = torch.nn.functional.interpolate(logits.float(), size=self.shape, mode="bilinear")
        return (full[:, 0] > 0).cpu().numpy()

    def fill(self, frame: int, until: int) -> None:
        """Remember on the frames up to `until` what was found on `frame`."""
        outputs = self.session.output_dict_per_obj[0]["non_cond_frame_outputs"]
        for later in range(frame + 1, until):
            outputs[later] = outputs[frame]
            self.session.frames_tracked_per_obj[0][later] = {"reverse": False}

    def copies(self, n: int) -> None:
        """Go on with `n` objects that all remember what the first one does."""
        for object_id in range(self.session.get_obj_num() + 1, n + 1):
            index = self.session.obj_id_to_idx(object_id)
            for kept in (self.session.output_dict_per_obj, self.session.frames_tracked_per_obj):
                kept[index] = {key: copy.copy(value) for key, value in kept[0].items()}


class Reference:
    """The package `sam2`, compiled as its authors time it; ImportError where it is not installed."""

    def __init__(
        self, name: str, ours: Sam2, movie: FrameSource, clicks: list[tuple[float, float]], compiled: bool
    ) -> None:
        from sam2.build_sam import build_sam2_video_predictor

        config = f"configs/sam2.1/{REFERENCE_CONFIGS[name]}.yaml"
        self.model = build_sam2_video_predictor(config, None, device="cuda", vos_optimized=compiled)
        state = ours.state_dict()
        self.model.load_state_dict({k: v for k, v in state.items() if k in self.model.state_dict()})
        with tempfile.TemporaryDirectory() as folder:
            for i in range(movie.shape[0]):
                image = (movie.rgb(i) * 255).round().astype(np.uint8).transpose(1, 2, 0)
                Image.fromarray(image).save(Path(folder) / f"{i:05d}.jpg", quality=100)
            self.state = self.model.init_state(folder)
        for i, (y, x) in enumerate(clicks):
            self.model.add_new_points_or_box(self.state, 0, i + 1, points=[[x, y]], labels=[1])

    def __iter__(self) -> Any:
        for frame, _, logits in self.model.propagate_in_video(self.state):
            yield frame, (logits[:, 0] > 0).cpu().numpy()
