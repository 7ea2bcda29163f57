"""What the decoder's four masks, their predicted IoU and the object score are trained with."""

import torch
from torch import Tensor
from torch.nn import functional

from napari_sam2.models.network.sam2 import Decoded
from napari_sam2.models.training.masks import intersection_over_union

PLAIN_SCALE = 4.0
IOU_WEIGHT = 0.5
REGRET_WEIGHT = 0.5
DECISIVE = 0.05
"""How much more IoU a mask must be predicted to have to be chosen e times as often."""


def mask_loss(logits_nkhw: Tensor, target_nhw: Tensor, plain: float) -> Tensor:
    """Dice plus binary cross-entropy of every mask.

    The cross-entropy starts balanced between object and background, which finds small objects, and
    ends as the plain mean, which finds contours.

    Parameters
    ----------
    logits_nkhw : Tensor
        k masks of each object.
    target_nhw : Tensor
        Covered share of each cell, 0..1.
    plain : float
        0 for balanced, 1 for plain.

    Returns
    -------
    float32 Tensor (n, k)
    """
    logits = logits_nkhw.float()
    target = target_nhw[:, None].float()
    probability = logits.sigmoid()
    overlap = (probability * target).sum((2, 3))
    dice = 1 - (2 * overlap + 1) / (probability.sum((2, 3)) + target.sum((2, 3)) + 1)
    entropy = functional.binary_cross_entropy_with_logits(logits, target.expand_as(logits), reduction="none")
    inside = (entropy * target).sum((2, 3)) / target.sum((2, 3)).clamp_min(1)
    outside = (entropy * (1 - target)).sum((2, 3)) / (1 - target).sum((2, 3)).clamp_min(1)
    balanced = (inside + outside) / 2
    return dice + (1 - plain) * balanced + plain * PLAIN_SCALE * entropy.mean((2, 3))


def regret(predicted_nk: Tensor, iou_nk: Tensor) -> Tensor:
    """IoU that is lost, on average, when masks are chosen by what they are predicted to have.

    Predictions that are right on average may still name the wrong one of three masks; this teaches
    their order. The choice is drawn, not the highest, so that it has a gradient.

    Parameters
    ----------
    predicted_nk, iou_nk : Tensor
        Predicted and true IoU of k masks of each object.

    Returns
    -------
    float32 Tensor (n,)
        0 where the best mask is chosen for sure.
    """
    chosen_nk = (predicted_nk.float() / DECISIVE).softmax(1)
    return (chosen_nk * (iou_nk.amax(1, keepdim=True) - iou_nk)).sum(1)


def answer_loss(
    answer: Decoded,
    target_nhw: Tensor,
    ambiguous_n: Tensor,
    weight_n: Tensor,
    *,
    plain: float,
    score_weight: float,
    spread: float = 0.3,
) -> Tensor:
    """The loss of one decoder answer.

    An ambiguous prompt (one click, or memory alone) trains the best of the three masks of the
    multimask answer, and half the single one; any other trains the single one, and a little the best
    of the three. An object that is not in the picture trains the object score only.

    Parameters
    ----------
    answer : Decoded
        Four masks an object.
    target_nhw : Tensor
        Covered share of each cell; all zero where the object is absent.
    ambiguous_n : bool Tensor
        Whether the prompt may mean several things.
    weight_n : float32 Tensor
        0 for entries that do not count.
    plain : float
        See `mask_loss`.
    score_weight : float
        Weight of the object score.
    spread : float
        Weight of the best of three where the prompt is not ambiguous.

    Returns
    -------
    Tensor
        A scalar.
    """
    present_n = target_nhw.amax((1, 2)) > 0
    loss_nk = mask_loss(answer.logits_n4hw, target_nhw, plain)
    single_n, best_n = loss_nk[:, 0], loss_nk[:, 1:].amin(1)
    masks_n = torch.where(ambiguous_n, best_n + 0.5 * single_n, single_n + spread * best_n)
    with torch.no_grad():
        iou_nk = intersection_over_union(answer.logits_n4hw > 0, target_nhw[:, None] >= 0.5)
    iou_n = (answer.iou_n4.float() - iou_nk).abs().mean(1)
    regret_n = torch.where(ambiguous_n, regret(answer.iou_n4[:, 1:], iou_nk[:, 1:]), 0.0)
    score_n = functional.binary_cross_entropy_with_logits(
        answer.object_score_n.float(), present_n.float(), reduction="none"
    )
    counted_n = weight_n * present_n
    each_n = masks_n + IOU_WEIGHT * iou_n + REGRET_WEIGHT * regret_n
    seen = (each_n * counted_n).sum() / counted_n.sum().clamp_min(1)
    return seen + score_weight * (score_n * weight_n).sum() / weight_n.sum().clamp_min(1)
