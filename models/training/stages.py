"""The plan of a run: its stages, and the windows and clips that each of them learns from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_sam2.models.training.clips import clips_loss
from napari_sam2.models.training.initialise import geometry_loss
from napari_sam2.models.training.matching import matching_loss
from napari_sam2.models.training.pictures import Pictures
from napari_sam2.models.training.replay import Replay
from napari_sam2.models.training.run import Run
from napari_sam2.models.training.stills import chance, stills_loss
from napari_sam2.sample_data.scenes import FAMILIES, generate


@dataclass(frozen=True)
class Stage:
    """One part of a run.

    Attributes
    ----------
    name : str
    share : float
        Of the whole run.
    size : int
        Of the windows, in pixels.
    windows : int
        In a batch of stills on a processor.
    prompts : int
        Objects clicked, and objects boxed, in each window.
    frames : int
        Of the clips that the stage learns from; 0 where it learns from no images at all, 1 for stills.
    clips : int
        In a batch of clips on a processor.
    followed : int
        Objects followed in each clip.
    following : float
        Share of batches that are clips; the others are stills, single frames of the same clips.
    matching : bool
        Whether stills teach memory attention to find places again, instead of the masks.
    real : float
        Share of windows that show real images, where there are any; the others are procedural.
    gpu_batch : int
        How many times larger batches are on a GPU.
    """

    name: str
    share: float
    size: int
    windows: int
    prompts: int = 3
    frames: int = 1
    clips: int = 0
    followed: int = 4
    following: float = 0.0
    matching: bool = False
    real: float = 0.5
    gpu_batch: int = 12


PLAN = (
    Stage("geometry", 0.025, size=128, windows=32, frames=0),
    Stage("stills", 0.1, size=128, windows=8),
    Stage("matching", 0.02, size=256, windows=6, matching=True),
    Stage("clips", 0.18, size=128, windows=8, frames=8, clips=2, following=0.7),
    Stage("large", 0.675, size=256, windows=4, frames=5, clips=2, following=0.3),
)
"""Learn where prompts point; learn objects; learn to find places again, and to follow; then see all of it
at the full size."""

REPLAYS = 5
DRAWN = (*FAMILIES, "things", "surgical")
"""Of the colour scenes there are no real images to learn from besides."""
ABSENT = 0.2
"""Least share of the objects of a procedural clip that vanish, and of those that leave."""
DENSE_WEIGHT = 0.3
_CHUNK_PIXELS = 64 * 128 * 128
_CAPACITY_PIXELS = 5000 * 128 * 128


def make_chunk(
    stage: Stage, clips: int, seed: int, real: Pictures | None, device: torch.device
) -> Callable[[int], tuple[Tensor, Tensor]]:
    """A function from a chunk's number to its windows; every number gives the same ones each time."""

    def make(number: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([seed, stage.size, stage.frames, number])
        own_seed = int(rng.integers(1 << 31))
        # By turns rather than by chance, so that a small store holds both.
        if real is not None and int((number + 1) * stage.real) > int(number * stage.real):
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                torch.manual_seed(own_seed)
                if stage.frames > 1:
                    return real.clips(clips, stage.frames, stage.size, rng)
                images, labels = real.windows(clips, stage.size, rng)
                return images[:, None], labels[:, None]
        clip = generate(
            clips,
            frames=stage.frames,
            size=stage.size,
            seed=own_seed,
            families=DRAWN,
            device=device,
            absent=ABSENT,
        )
        return (clip.images_btchw * 255).round().byte(), clip.labels_bthw.short()

    return make


def replay_for(stage: Stage, run: Run, real: Pictures | None, scale: int) -> Replay | None:
    """The store of windows that a stage draws from, for batches `scale` times those of a processor."""
    if not stage.frames:
        return None
    pixels = stage.frames * stage.size**2
    clips = max(1, _CHUNK_PIXELS * scale // pixels)
    drawn = scale * (stage.following * stage.clips + (1 - stage.following) * stage.windows / stage.frames)
    return Replay(
        make_chunk(stage, clips, run.seed, real, run.device),
        capacity=_CAPACITY_PIXELS // _CHUNK_PIXELS,
        first=8,
        every=clips * REPLAYS / drawn,
        device=run.device,
    )


def stage_at(share: float, plan: tuple[Stage, ...] = PLAN) -> Stage:
    """Which stage a run is in when so much of it is done; the shares count against their sum."""
    end, share = 0.0, share * sum(stage.share for stage in plan)
    for stage in plan:
        end += stage.share
        if share < end:
            return stage
    return plan[-1]


def draw_batch(stage: Stage, run: Run, store: Replay, scale: int) -> tuple[Tensor, Tensor]:
    """Clips for one step, or stills as clips of one frame."""
    if chance(stage.following):
        return store.batch(run.stage_step, stage.clips * scale)
    return store.batch(run.stage_step, stage.windows * scale, single=True)


def stage_loss(
    stage: Stage, run: Run, clips: tuple[Tensor, Tensor] | None, scale: int, share: float
) -> Tensor:
    """The loss of one batch.

    Parameters
    ----------
    stage : Stage
        Where the run is.
    run : Run
        With the model.
    clips : tuple of Tensor, or None
        Images and labels from `draw_batch`; None where the stage needs no images.
    scale : int
        Size of a batch against one on a processor.
    share : float
        How much of the whole run is done.
    """
    model, head = run.model, run.head
    if clips is None:
        return geometry_loss(model, stage.windows * scale, stage.size, run.device)
    images_btchw, labels_bthw = clips
    # Contours matter once objects are found: over the first half of a run from nothing.
    plain = 1.0 if run.trained else min(1.0, 2 * share)
    # The aid teaches the encoder early and leaves it to the prompts in the end.
    dense_weight = DENSE_WEIGHT * (1 - share) * (run.part == "all")
    if stage.matching:
        return matching_loss(model, images_btchw[:, 0], labels_bthw[:, 0])
    if images_btchw.shape[1] == 1:
        return stills_loss(
            model,
            head,
            images_btchw[:, 0],
            labels_bthw[:, 0],
            per_kind=stage.prompts,
            plain=plain,
            dense_weight=dense_weight,
            # A trained model knows absence; stills would make it forget.
            score_weight=0.0 if run.trained and not stage.following else 0.05,
        )
    return clips_loss(
        model,
        head,
        images_btchw,
        labels_bthw,
        per_clip=stage.followed,
        plain=plain,
        dense_weight=dense_weight,
    )
