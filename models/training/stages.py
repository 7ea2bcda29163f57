"""The plan of a run: its stages, and the windows and clips that each of them learns from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_sam2.models.training.clips import clips_loss
from napari_sam2.models.training.initialise import geometry_loss
from napari_sam2.models.training.real_data import RealData
from napari_sam2.models.training.replay import Replay
from napari_sam2.models.training.run import Run
from napari_sam2.models.training.stills import stills_loss
from napari_sam2.sample_data import generate


@dataclass(frozen=True)
class Stage:
    """One part of a run.

    Attributes
    ----------
    name : str
    share : float
        Of the whole run.
    kind : "geometry", "stills" or "clips"
    size : int
        Of the windows, in pixels.
    batch : int
        Windows, or clips, in a batch on a processor; a GPU takes `GPU_BATCH` times as many.
    frames : int
        Of a clip.
    prompts : int
        Objects clicked and objects boxed in each window; objects followed in each clip.
    """

    name: str
    share: float
    kind: str
    size: int
    batch: int
    frames: int = 1
    prompts: int = 3


PLAN = (
    Stage("geometry", 0.025, "geometry", size=128, batch=32),
    Stage("stills", 0.555, "stills", size=128, batch=8),
    Stage("clips", 0.24, "clips", size=128, batch=3, frames=5),
    Stage("large stills", 0.1, "stills", size=256, batch=3),
    Stage("large clips", 0.08, "clips", size=256, batch=2, frames=4),
)
"""Learn where prompts point; learn objects; learn to follow; then see all of it at the full size."""

GPU_BATCH = 12
REAL_SHARE = 0.5
REPLAYS = 3
DENSE_WEIGHT = 0.3
_CHUNK_PIXELS = 64 * 128 * 128
_CAPACITY_PIXELS = 5000 * 128 * 128


def make_chunk(
    stage: Stage, clips: int, seed: int, real: RealData | None, device: torch.device
) -> Callable[[int], tuple[Tensor, Tensor]]:
    """A function from a chunk's number to its windows; every number gives the same ones each time."""

    def make(number: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([seed, stage.size, stage.frames, number])
        own_seed = int(rng.integers(1 << 31))
        # By turns rather than by chance, so that a small store holds both.
        if real is not None and int((number + 1) * REAL_SHARE) > int(number * REAL_SHARE):
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                torch.manual_seed(own_seed)
                if stage.frames > 1:
                    return real.clips(clips, stage.frames, stage.size, rng)
                images, labels = real.windows(clips, stage.size, rng)
                return images[:, None], labels[:, None]
        clip = generate(clips, frames=stage.frames, size=stage.size, seed=own_seed, device=device)
        return (clip.images_btchw * 255).round().byte(), clip.labels_bthw.short()

    return make


def replay_for(stage: Stage, run: Run, real: RealData | None, batch: int) -> Replay:
    """The store of windows that a stage draws from."""
    pixels = stage.frames * stage.size**2
    clips = max(1, min(_CHUNK_PIXELS * (batch // stage.batch), _CAPACITY_PIXELS) // pixels)
    capacity = max(4, _CAPACITY_PIXELS * (batch // stage.batch) // (clips * pixels))
    return Replay(
        make_chunk(stage, clips, run.seed, real, run.device),
        capacity=capacity,
        first=min(8, capacity),
        every=clips * REPLAYS / batch,
        device=run.device,
    )


def stage_at(share: float, plan: tuple[Stage, ...] = PLAN) -> Stage:
    """Which stage a run is in when so much of it is done."""
    end = 0.0
    for stage in plan:
        end += stage.share
        if share < end:
            return stage
    return plan[-1]


def stage_loss(stage: Stage, run: Run, store: Replay | None, batch: int, share: float) -> Tensor:
    """The loss of one new batch; `share` is how much of the whole run is done."""
    model, head = run.model, run.head
    model.sam_prompt_encoder.image_size = stage.size
    if store is None:
        return geometry_loss(model, batch, stage.size, run.device)
    images_btchw, labels_bthw = store.batch(run.stage_step, batch)
    # Contours matter once objects are found: over the first half of the run.
    plain = min(1.0, 2 * share)
    # The aid teaches the encoder early and leaves it to the prompts in the end.
    dense_weight = DENSE_WEIGHT * (1 - share)
    if stage.kind == "stills":
        return stills_loss(
            model,
            head,
            images_btchw[:, 0],
            labels_bthw[:, 0],
            per_kind=stage.prompts,
            plain=plain,
            dense_weight=dense_weight,
        )
    return clips_loss(
        model, head, images_btchw, labels_bthw, per_clip=stage.prompts, plain=plain, dense_weight=dense_weight
    )
