"""Clips, through the memory path that the tracker uses."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from napari_sam2.models.network.sam2 import Decoded, Found, ImageFeatures, Sam2
from napari_sam2.models.training.losses import answer_loss
from napari_sam2.models.training.masks import coverage
from napari_sam2.models.training.prompting import (
    Targets,
    choose_targets,
    leaving,
    redrawn,
    sample_corrections,
)
from napari_sam2.models.training.stills import (
    REDRAWN_BOXED,
    REDRAWN_CLICKED,
    DenseHead,
    chance,
    chosen_logits,
    dense_loss,
    first_prompts,
    normalise,
)

CORRECTION_CHANCE = 0.35
"""Share of clips in which one later frame is corrected by a click."""
STRIDE = 4
"""Input pixels for one mask logit."""


@dataclass
class Bank:
    """What the objects of one batch of clips remember: memory, pointer and frame of each.

    Attributes
    ----------
    longest_offset : int
        The pointer offset that counts as 1: less in a stack that is shorter than the pointers reach.
    """

    longest_offset: int
    conditioning: list[tuple[Tensor, Tensor, int]] = field(default_factory=list)
    recent: list[tuple[Tensor, Tensor, int]] = field(default_factory=list)

    def read(self, model: Sam2, coarse_nchw: Tensor, frame: int) -> Tensor:
        """The frame's features conditioned on all that is remembered of earlier frames."""
        reach = model.config.num_maskmem - 1
        recent = self.recent[-reach:]
        held = self.conditioning + recent
        n, device = len(coarse_nchw), coarse_nchw.device
        ages = [0] * len(self.conditioning) + [frame - at for _, _, at in recent]
        offsets = [frame - at for _, _, at in held]
        return model.read_memory(
            coarse_nchw,
            torch.stack([memory for memory, _, _ in held], dim=1),
            torch.tensor(ages, device=device).expand(n, -1),
            torch.stack([pointer for _, pointer, _ in held], dim=1),
            torch.tensor(offsets, device=device).expand(n, -1),
            self.longest_offset,
        )

    def remember(
        self, model: Sam2, features: ImageFeatures, found: Found, frame: int, *, conditioning: bool
    ) -> None:
        """Keep what was found on a frame; `conditioning` for a frame with a prompt."""
        mask_n1hw = functional.interpolate(
            found.logits_nhw[:, None].float(), scale_factor=STRIDE, mode="bilinear", align_corners=False
        )
        memory = model.write_memory(
            features.coarse_bchw, mask_n1hw, found.object_score_n, binary=conditioning
        )
        (self.conditioning if conditioning else self.recent).append((memory, found.pointer_nc, frame))

    def recall(self, model: Sam2, features: ImageFeatures, frame: int) -> tuple[Decoded, Tensor]:
        """The answer of memory alone, and the conditioned features that it was decoded from."""
        conditioned_nchw = self.read(model, features.coarse_bchw, frame)
        n = len(conditioned_nchw)
        no_points = conditioned_nchw.new_zeros(n, 0, 2)
        no_labels = torch.zeros(n, 0, dtype=torch.long, device=conditioned_nchw.device)
        return model.decode(conditioned_nchw, features, no_points, no_labels), conditioned_nchw


def follow(
    model: Sam2,
    features: list[ImageFeatures],
    targets: Targets,
    masks_tnhw: Tensor,
    how: str,
    *,
    plain: float,
    score_weight: float,
) -> Tensor:
    """Prompt the objects on the first frame and follow them over the others.

    Parameters
    ----------
    model : Sam2
        In training.
    features : list of ImageFeatures
        Of every frame, one item an object.
    targets : Targets
        The objects on the first frame.
    masks_tnhw : bool Tensor
        The objects on every frame; all False where one is absent.
    how : "click", "box" or "mask"
        What all objects are prompted with.
    plain, score_weight : float
        See `losses.answer_loss`.

    Returns
    -------
    Tensor
        A scalar: the mean over the frames.
    """
    frames = len(features)
    corrected = int(torch.randint(1, frames, ())) if chance(CORRECTION_CHANCE) else -1
    yes_n = torch.ones_like(targets.weight_n, dtype=torch.bool)
    longest = model.config.max_pointers - 1
    bank = Bank(frames - 1 if chance(0.3) else longest)
    losses = []

    def learn(answer: Decoded, mask_nhw: Tensor, ambiguous: bool) -> None:
        wanted_nhw = coverage(mask_nhw, STRIDE)
        losses.append(
            answer_loss(
                answer,
                wanted_nhw,
                yes_n if ambiguous else ~yes_n,
                targets.weight_n,
                plain=plain,
                score_weight=score_weight,
            )
        )

    if how == "mask":
        found = model.given(features[0], masks_tnhw[0].float())
    else:
        points_nk2, labels_nk = first_prompts(masks_tnhw[0], how == "box")
        conditioned_nchw = model.without_memory(features[0].coarse_bchw)
        answer = model.decode(conditioned_nchw, features[0], points_nk2, labels_nk)
        learn(answer, masks_tnhw[0], how == "click")
        found = model.choose(answer, multimask=how == "click")
    bank.remember(model, features[0], found, 0, conditioning=True)
    for frame in range(1, frames):
        answer, conditioned_nchw = bank.recall(model, features[frame], frame)
        learn(answer, masks_tnhw[frame], True)
        if frame == corrected:
            shown_n1hw = chosen_logits(answer, True)
            points_n2, labels_n = sample_corrections(shown_n1hw[:, 0], masks_tnhw[frame])
            answer = model.decode(
                conditioned_nchw, features[frame], points_n2[:, None], labels_n[:, None], shown_n1hw
            )
            learn(answer, masks_tnhw[frame], True)
        found = model.choose(answer, multimask=True)
        bank.remember(model, features[frame], found, frame, conditioning=frame == corrected)
    return torch.stack(losses).mean()


def clips_loss(
    model: Sam2,
    head: DenseHead,
    images_btchw: Tensor,
    labels_bthw: Tensor,
    *,
    per_clip: int,
    plain: float,
    dense_weight: float,
    score_weight: float = 1.0,
) -> Tensor:
    """The loss of one batch of clips; all its objects are prompted the same way.

    Parameters
    ----------
    model : Sam2
        In training.
    head : DenseHead
        The training aid.
    images_btchw : float Tensor
        0..1.
    labels_bthw : int64 Tensor
        An id is one object in all frames of its clip.
    per_clip : int
        Objects followed in each clip, chosen on its first frame.
    plain, dense_weight, score_weight : float
        See `stills.stills_loss` and `losses.answer_loss`.

    Returns
    -------
    Tensor
        A scalar.
    """
    t = labels_bthw.shape[1]
    encoded = model.encode_image(normalise(images_btchw.flatten(0, 1)))
    # Few objects leave their clip, and absence is learned from them alone.
    targets = choose_targets(labels_bthw[:, 0], per_clip, preferred_bm=leaving(labels_bthw))
    features = [encoded.take(targets.image_n * t + frame) for frame in range(t)]
    how = "click" if chance(0.4) else "box" if chance(0.6) else "mask"
    labels_nthw = labels_bthw[targets.image_n]
    masks_nthw = redrawn(
        labels_nthw == targets.label_n[:, None, None, None],
        labels_nthw,
        REDRAWN_CLICKED if how == "click" else REDRAWN_BOXED,
    )
    masks_tnhw = masks_nthw.transpose(0, 1)
    followed = follow(model, features, targets, masks_tnhw, how, plain=plain, score_weight=score_weight)
    return followed + dense_weight * dense_loss(head(encoded), labels_bthw.flatten(0, 1))
