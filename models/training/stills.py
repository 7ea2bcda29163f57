"""Stills: single windows, several prompts for each encoded image, corrections from the error."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_sam2.models.network.sam2 import Decoded, ImageFeatures, Sam2
from napari_sam2.models.training.losses import answer_loss
from napari_sam2.models.training.masks import coverage
from napari_sam2.models.training.prompting import (
    BOTTOM_RIGHT,
    INSIDE,
    PADDING,
    TOP_LEFT,
    Targets,
    choose_targets,
    degrade,
    redrawn,
    sample_boxes,
    sample_clicks,
    sample_corrections,
    sample_depths,
)
from napari_sam2.models.views import IMAGE_MEAN, IMAGE_STD

CLICKED_AGAIN, BOXED_AGAIN = 0.5, 0.25
"""After each round of prompts, the chance of one more with a correction; at most `MOST_ROUNDS`."""
MOST_ROUNDS = 4
REDRAWN_CLICKED, REDRAWN_BOXED = 0.15, 0.3
"""Share of objects that someone else has outlined."""
LOGIT_LIMIT, HINT_LOGIT = 32.0, 10.0
"""Logits that come back as a mask prompt are cut to the first, as SAM 2 does; a mask that comes back
without its logits has the second."""


def normalise(images_bchw: Tensor) -> Tensor:
    """Images of 0..1 as the encoder expects them."""
    mean, std = (torch.tensor(x, device=images_bchw.device).view(3, 1, 1) for x in (IMAGE_MEAN, IMAGE_STD))
    return (images_bchw - mean) / std


def chance(share: float) -> bool:
    """One random decision of the host, from torch's generator."""
    return bool(torch.rand(()) < share)


class DenseHead(nn.Module):
    """A training aid that is thrown away: says of every pixel where its object's middle is.

    Every pixel of the window teaches the encoder then, not only the few prompted objects. Outputs at
    stride 4: object or not, contour or not, and the way to the middle of the object (y, x).
    """

    def __init__(self, hidden_dim: int, width: int = 64) -> None:
        super().__init__()
        self.coarse = nn.Conv2d(hidden_dim, width, 1)
        self.mid = nn.Conv2d(hidden_dim // 4, width, 1)
        self.fine = nn.Conv2d(hidden_dim // 8, width, 1)
        self.out = nn.Conv2d(width, 4, 1)

    def forward(self, features: ImageFeatures) -> Tensor:
        x = self.mid(features.mid_bchw) + functional.interpolate(
            self.coarse(features.coarse_bchw), scale_factor=2.0, mode="nearest"
        )
        x = self.fine(features.fine_bchw) + functional.interpolate(x, scale_factor=2.0, mode="nearest")
        output: Tensor = self.out(functional.gelu(x))
        return output


def dense_loss(output_b4hw: Tensor, labels_bhw: Tensor) -> Tensor:
    """What `DenseHead` is trained with; targets are made from the labels at stride 4."""
    b, height, width = labels_bhw.shape
    output = output_b4hw.float()
    fields = labels_bhw.float()[:, None]
    highest, lowest = functional.max_pool2d(fields, 4), -functional.max_pool2d(-fields, 4)
    contour_b1hw = (highest != lowest).float()
    inside_b1hw = functional.avg_pool2d((fields > 0).float(), 4)
    sampled_bhw = labels_bhw[:, 2::4, 2::4].long()
    rows_h, columns_w = (
        (torch.arange(n // 4, device=labels_bhw.device, dtype=torch.float32) + 0.5) * 4 / n
        for n in (height, width)
    )
    flat_bp = sampled_bhw.flatten(1)
    place_b2p = torch.stack(
        [rows_h[:, None].expand(-1, len(columns_w)).flatten(), columns_w.repeat(len(rows_h))]
    ).expand(b, 2, -1)
    index_b2p = flat_bp[:, None].expand(-1, 2, -1)
    count = torch.zeros(b, 2, 1024, device=labels_bhw.device).scatter_add_(
        2, index_b2p, torch.ones_like(place_b2p)
    )
    total = torch.zeros_like(count).scatter_add_(2, index_b2p, place_b2p)
    middle_b2p = (total / count.clamp_min(1)).gather(2, index_b2p)
    away_b2p = (middle_b2p - place_b2p) * 4
    held_b1p = (flat_bp > 0).float()[:, None]
    offset = functional.smooth_l1_loss(output[:, 2:].flatten(2), away_b2p, reduction="none", beta=0.1)
    entropy = functional.binary_cross_entropy_with_logits
    return (
        entropy(output[:, :1], inside_b1hw)
        + entropy(output[:, 1:2], contour_b1hw)
        + 2 * (offset * held_b1p).sum() / held_b1p.sum().clamp_min(1)
    )


def first_prompts(masks_nhw: Tensor, boxed: bool) -> tuple[Tensor, Tensor]:
    """A box, or a click, for every mask: points (n, k, 2) in (x, y) and SAM's labels (n, k)."""
    n, device = len(masks_nhw), masks_nhw.device
    if boxed:
        labels_nk = torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]], device=device).expand(n, 2)
        return sample_boxes(masks_nhw), labels_nk
    points_n12 = sample_clicks(masks_nhw, sample_depths(n, device))[:, None]
    return points_n12, torch.full((n, 1), INSIDE, device=device)


def chosen_logits(answer: Decoded, ambiguous: bool) -> Tensor:
    """The mask that a person would be shown, as it comes back as a prompt (n, 1, h, w), no gradient.

    Half the time with its logits, half the time as the bare mask that a tracker has kept.
    """
    logits_nhw = answer.logits_n4hw[:, 0].detach().float()
    if ambiguous:
        best_n = 1 + answer.iou_n4[:, 1:].argmax(1)
        item_n = torch.arange(len(best_n), device=best_n.device)
        logits_nhw = answer.logits_n4hw[item_n, best_n].detach().float()
    if chance(0.5):
        return logits_nhw[:, None].clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
    return torch.where(logits_nhw[:, None] > 0, HINT_LOGIT, -HINT_LOGIT)


def prompt_rounds(
    model: Sam2,
    conditioned_nchw: Tensor,
    features: ImageFeatures,
    targets: Targets,
    *,
    boxed: bool,
    plain: float,
    score_weight: float,
) -> list[Tensor]:
    """Losses of a first prompt and, by chance, of corrections after it."""
    stride = targets.masks_nhw.shape[-1] // features.fine_bchw.shape[-1]
    wanted_nhw = coverage(targets.masks_nhw, stride)
    points_nk2, labels_nk = first_prompts(targets.masks_nhw, boxed)
    prior_n1hw: Tensor | None = None
    losses = []
    for index in range(MOST_ROUNDS):
        ambiguous = points_nk2.shape[1] == 1
        answer = model.decode(conditioned_nchw, features, points_nk2, labels_nk, prior_n1hw)
        losses.append(
            answer_loss(
                answer,
                wanted_nhw,
                torch.full_like(targets.weight_n, ambiguous, dtype=torch.bool),
                targets.weight_n,
                plain=plain,
                score_weight=score_weight,
            )
        )
        if index + 1 == MOST_ROUNDS or not chance(BOXED_AGAIN if boxed else CLICKED_AGAIN):
            break
        shown_n1hw = chosen_logits(answer, ambiguous)
        if index == 0 and chance(0.2):
            # Corrections of masks that this model would not have made: an earlier frame's, a person's.
            shown_n1hw = functional.avg_pool2d(degrade(targets.masks_nhw)[:, None], stride)
        next_n2, kind_n = sample_corrections(shown_n1hw[:, 0], targets.masks_nhw)
        points_nk2 = torch.cat([points_nk2, next_n2[:, None]], dim=1)
        labels_nk = torch.cat([labels_nk, kind_n[:, None]], dim=1)
        prior_n1hw = shown_n1hw if chance(0.8) else None
        if chance(0.3):
            points_nk2 = functional.pad(points_nk2, (0, 0, 0, 1))
            labels_nk = functional.pad(labels_nk, (0, 1), value=PADDING)
    return losses


def stills_loss(
    model: Sam2,
    head: DenseHead,
    images_bchw: Tensor,
    labels_bhw: Tensor,
    *,
    per_kind: int,
    plain: float,
    dense_weight: float,
    score_weight: float = 0.05,
) -> Tensor:
    """The loss of one batch of windows: as many boxes as clicks in each, and the dense head.

    Parameters
    ----------
    model : Sam2
        In training.
    head : DenseHead
        The training aid.
    images_bchw : float Tensor
        0..1.
    labels_bhw : int64 Tensor
        Objects from 1.
    per_kind : int
        Objects clicked, and objects boxed, in each window.
    plain : float
        See `mask_loss`.
    dense_weight : float
        Weight of the dense head's loss.
    score_weight : float
        Weight of the object score: every object of a still is there, so that stills alone can only
        teach it to say yes.

    Returns
    -------
    Tensor
        A scalar.
    """
    features = model.encode_image(normalise(images_bchw))
    conditioned_bchw = model.without_memory(features.coarse_bchw)
    losses = []
    for boxed in (False, True):
        targets = choose_targets(labels_bhw, per_kind)
        share = REDRAWN_BOXED if boxed else REDRAWN_CLICKED
        masks_n1hw = redrawn(targets.masks_nhw[:, None], labels_bhw[targets.image_n, None], share)
        targets = replace(targets, masks_nhw=masks_n1hw[:, 0])
        rounds = prompt_rounds(
            model,
            conditioned_bchw[targets.image_n],
            features.take(targets.image_n),
            targets,
            boxed=boxed,
            plain=plain,
            score_weight=score_weight,
        )
        losses.append(torch.stack(rounds).mean())
    return torch.stack(losses).mean() + dense_weight * dense_loss(head(features), labels_bhw)
