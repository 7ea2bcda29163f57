"""A whole propagated clip equals `transformers`' Sam2VideoModel: same random weights, same answers.

Twelve frames and two objects: one clicked on frame 0, one boxed on frame 3 and followed in both
directions; then a mask prompt; a correction on a later frame; and a stretch where the object is
judged hidden. The reference is driven one object at a time, as it works itself.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from transformers import Sam2VideoConfig, Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from napari_sam2.models.checkpoints.huggingface import to_meta_names
from napari_sam2.models.config import Sam2Config
from napari_sam2.models.memory import MemoryBank
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.scene import Scene
from napari_sam2.models.solver import Solver, Task
from napari_sam2.models.views import IMAGE_MEAN, IMAGE_STD, whole

SIZE, FRAMES = 128, 12
CONFIG = Sam2Config(
    embed_dim=16,
    blocks=(1, 2, 3, 1),
    global_blocks=(4, 5),
    windows=(8, 4, 4, 2),
    background_size=7,
    image_size=SIZE,
    hidden_dim=128,
    decoder_heads=8,
    decoder_mlp=64,
    iou_hidden=32,
    memory_layers=2,
    memory_mlp=64,
)


def reference_config() -> Sam2VideoConfig:
    dims = list(CONFIG.stage_dims)
    grids = [[SIZE // s, SIZE // s] for s in (4, 8, 16)]
    return Sam2VideoConfig(
        vision_config={
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": dims[0],
                "image_size": [SIZE, SIZE],
                "blocks_per_stage": list(CONFIG.blocks),
                "embed_dim_per_stage": dims,
                "num_attention_heads_per_stage": [1, 2, 4, 8],
                "window_size_per_stage": list(CONFIG.windows),
                "global_attention_blocks": list(CONFIG.global_blocks),
            },
            "backbone_channel_list": dims[::-1],
            "backbone_feature_sizes": grids,
            "fpn_hidden_size": CONFIG.hidden_dim,
        },
        prompt_encoder_config={"hidden_size": CONFIG.hidden_dim, "image_size": SIZE},
        mask_decoder_config={
            "hidden_size": CONFIG.hidden_dim,
            "mlp_dim": CONFIG.decoder_mlp,
            "num_attention_heads": CONFIG.decoder_heads,
            "iou_head_hidden_dim": CONFIG.iou_hidden,
        },
        image_size=SIZE,
        memory_attention_hidden_size=CONFIG.hidden_dim,
        memory_attention_num_layers=CONFIG.memory_layers,
        memory_attention_feed_forward_hidden_size=CONFIG.memory_mlp,
        memory_attention_rope_feat_sizes=[CONFIG.grid, CONFIG.grid],
        memory_encoder_hidden_size=CONFIG.hidden_dim,
        mask_downsampler_embed_dim=CONFIG.hidden_dim,
        memory_fuser_embed_dim=CONFIG.hidden_dim,
        memory_fuser_intermediate_dim=4 * CONFIG.hidden_dim,
    )


@pytest.fixture(scope="module")
def models() -> tuple[Sam2VideoModel, Sam2]:
    """The reference and ours with the same weights, random but lively enough to make real masks."""
    torch.manual_seed(1)
    reference = Sam2VideoModel(reference_config()).eval()
    with torch.no_grad():
        for name, value in reference.named_parameters():
            if value.ndim > 1:
                value.normal_(std=1.2 / np.sqrt(value[0].numel()))
            elif "norm" in name and name.endswith("weight"):
                value.normal_(1.0, 0.1)
            else:
                value.normal_(std=0.1)
        # Random weights would hide the object on most frames; hiding has its own test.
        reference.mask_decoder.pred_obj_score_head.proj_out.bias.add_(10.0)
        # SAM 2 has one positional matrix; the reference's random start gives its two copies different ones.
        reference.shared_image_embedding.positional_embedding.copy_(
            reference.prompt_encoder.shared_embedding.positional_embedding
        )
    ours = Sam2(CONFIG).eval()
    ours.load_state_dict(to_meta_names(reference.state_dict()))
    return reference, ours


@dataclass
class Stack:
    """Twelve frames of a drifting texture."""

    shape: tuple[int, int, int] = (FRAMES, SIZE, SIZE)
    seed: int = 0
    values: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        coarse = torch.from_numpy(rng.random((1, 3, 12, 12), dtype=np.float32))
        big = torch.nn.functional.interpolate(coarse, size=(192, 192), mode="bicubic").clamp(0, 1)[0].numpy()
        self.values = np.stack([big[:, 2 * t : 2 * t + SIZE, 3 * t : 3 * t + SIZE] for t in range(FRAMES)])

    def rgb(self, index: int) -> np.ndarray:
        return self.values[index]


class Reference:
    """One object in the reference, its low-resolution logits by frame."""

    def __init__(self, model: Sam2VideoModel, stack: Stack) -> None:
        self.model = model
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGE_MEAN, IMAGE_STD))
        video = torch.stack([(torch.from_numpy(stack.rgb(i)) - mean) / std for i in range(FRAMES)])
        self.session = Sam2VideoInferenceSession(
            video=video, video_height=SIZE, video_width=SIZE, dtype=torch.float32
        )
        self.index = self.session.obj_id_to_idx(1)
        self.score: dict[int, float] = {}

    def prompt(self, frame: int, points=None, labels=None, mask=None) -> np.ndarray:
        if mask is not None:
            self.session.add_mask_inputs(self.index, frame, torch.from_numpy(mask)[None, None].float())
        else:
            inputs = {
                "point_coords": torch.tensor(points, dtype=torch.float32)[None, None],
                "point_labels": torch.tensor(labels, dtype=torch.int32)[None, None],
            }
            self.session.add_point_inputs(self.index, frame, inputs)
        self.session.obj_with_new_inputs.append(1)
        return self.run(frame)

    def run(self, frame: int, reverse: bool = False) -> np.ndarray:
        output = self.model(self.session, frame_idx=frame, reverse=reverse)
        self.score[frame] = float(output.object_score_logits)
        return output.pred_masks[0, 0].numpy()


class Ours:
    """One object in our solver, with a memory bank that this test keeps itself."""

    def __init__(self, network: Sam2, stack: Stack) -> None:
        self.solver = Solver(network, torch.device("cpu"), FRAMES)
        self.stack, self.bank = stack, MemoryBank()

    def run(self, frame: int, prompt: Prompt | None = None, direction: int = 1, first: bool = False):
        network = self.solver.network
        scene = Scene(network, self.stack, frame, torch.device("cpu"))
        reading = None if first else self.bank.read(frame, direction, FRAMES, network.config)
        task = Task(1, whole((SIZE, SIZE)), reading, prompt)
        (seen,) = self.solver.solve(scene, [task])
        self.bank.write(frame, seen.memory, conditioning=first)
        return seen


def assert_same(ours, theirs: np.ndarray, where: str) -> float:
    logits = ours.logits_hw.numpy()
    spread = max(float(np.ptp(theirs)), 1.0)
    difference = float(np.abs(logits - theirs).max()) / spread
    assert difference < 1e-3, f"{where}: logits differ by {difference:.2e} of their range"
    # A logit within rounding of 0 may fall on either side.
    decided = np.abs(theirs) > 1e-4 * spread
    assert np.array_equal((logits > 0)[decided], (theirs > 0)[decided]), where
    return difference


@pytest.fixture
def pair(models) -> tuple[Ours, Reference]:
    stack = Stack()
    return Ours(models[1], stack), Reference(models[0], stack)


def lively(theirs: list[np.ndarray]) -> None:
    """The clip is worth comparing: on most frames the mask is neither empty nor everything."""
    shares = [float((x > 0).mean()) for x in theirs]
    assert sum(0.001 < share < 0.999 for share in shares) >= len(shares) // 2, shares


def test_click_followed_forward(pair, record_property):
    ours, theirs = pair
    seen = [theirs.prompt(0, [(40.0, 52.0)], [1])]
    worst = assert_same(ours.run(0, Prompt(((52.0, 40.0),), (1,)), first=True), seen[0], "frame 0")
    for frame in range(1, FRAMES):
        seen.append(theirs.run(frame))
        worst = max(worst, assert_same(ours.run(frame), seen[-1], f"frame {frame}"))
    lively(seen)
    record_property("largest_difference", worst)


def test_box_followed_forward_then_backward(pair):
    ours, theirs = pair
    seen = [theirs.prompt(3, [(20.0, 30.0), (80.0, 90.0)], [2, 3])]
    assert_same(ours.run(3, Prompt(box=(30.0, 20.0, 90.0, 80.0)), first=True), seen[0], "frame 3")
    for frame in range(4, FRAMES):
        seen.append(theirs.run(frame))
        assert_same(ours.run(frame), seen[-1], f"frame {frame}")
    for frame in range(2, -1, -1):
        seen.append(theirs.run(frame, reverse=True))
        assert_same(ours.run(frame, direction=-1), seen[-1], f"frame {frame}, backward")
    lively(seen)


def test_mask_prompt_followed(pair):
    ours, theirs = pair
    mask = np.zeros((SIZE, SIZE), bool)
    mask[30:90, 40:100] = True
    seen = [theirs.prompt(0, mask=mask)]
    assert_same(ours.run(0, Prompt(mask=mask), first=True), seen[0], "frame 0")
    for frame in range(1, FRAMES):
        seen.append(theirs.run(frame))
        assert_same(ours.run(frame), seen[-1], f"frame {frame}")
    lively(seen)


def test_correction_on_a_later_frame(pair):
    ours, theirs = pair
    theirs.prompt(0, [(40.0, 52.0), (90.0, 20.0)], [1, 0])
    ours.run(0, Prompt(((52.0, 40.0), (20.0, 90.0)), (1, 0)), first=True)
    for frame in range(1, FRAMES):
        theirs.run(frame)
        ours.run(frame)
    seen = [theirs.prompt(6, [(60.0, 60.0), (100.0, 100.0)], [1, 0])]
    assert_same(ours.run(6, Prompt(((60.0, 60.0), (100.0, 100.0)), (1, 0))), seen[0], "correction")
    for frame in range(7, FRAMES):
        seen.append(theirs.run(frame))
        assert_same(ours.run(frame), seen[-1], f"frame {frame} after the correction")
    lively(seen)


def test_hidden_stretch(models):
    """With the visibility head shifted, some frames are judged hidden, and memory carries that on."""
    reference, network = models
    heads = (
        reference.mask_decoder.pred_obj_score_head.proj_out,
        network.sam_mask_decoder.pred_obj_score_head,
    )
    with torch.no_grad():
        before = heads[0].bias.clone()
    try:
        stack = Stack()
        ours, theirs = Ours(network, stack), Reference(reference, stack)
        theirs.prompt(0, [(40.0, 52.0)], [1])
        ours.run(0, Prompt(((52.0, 40.0),), (1,)), first=True)
        for frame in range(1, FRAMES):
            hide = 4 <= frame <= 6
            with torch.no_grad():
                shift = -1000.0 if hide else 1000.0
                heads[0].bias.copy_(before + shift)
                heads[1].layers[2].bias.copy_(before + shift)
            logits = theirs.run(frame)
            assert (theirs.score[frame] < 0) == hide
            assert_same(ours.run(frame), logits, f"frame {frame}")
    finally:
        with torch.no_grad():
            heads[0].bias.copy_(before)
            heads[1].layers[2].bias.copy_(before)


def test_two_objects_in_one_batch_equal_two_single_runs(models):
    """Batching over objects changes nothing: each object's answer is that of a run of its own."""
    network, stack = models[1], Stack()
    prompts = [Prompt(((52.0, 40.0),), (1,)), Prompt(((90.0, 80.0),), (1,))]
    alone = [Ours(network, stack) for _ in prompts]
    solver, banks = Solver(network, torch.device("cpu"), FRAMES), [MemoryBank(), MemoryBank()]
    for frame in range(FRAMES):
        scene = Scene(network, stack, frame, torch.device("cpu"))
        tasks = [
            Task(
                i + 1,
                whole((SIZE, SIZE)),
                *((None, prompts[i]) if frame == 0 else (bank.read(frame, 1, FRAMES, CONFIG), None)),
            )
            for i, bank in enumerate(banks)
        ]
        for i, seen in enumerate(solver.solve(scene, tasks)):
            banks[i].write(frame, seen.memory, conditioning=frame == 0)
            single = alone[i].run(frame, prompts[i] if frame == 0 else None, first=frame == 0)
            assert_same(seen, single.logits_hw.numpy(), f"object {i + 1}, frame {frame}")
