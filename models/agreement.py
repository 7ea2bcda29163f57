"""Answers that agree with what was said.

A box says how far an object reaches, a click what belongs to it and what does not. A small network
takes both for advice: its masks often end inside their boxes, and a corrected mask may still miss the
click that corrected it. So the level at which a boxed mask is cut is chosen such that the mask reaches
as far as its box, and logits near a click are raised or lowered until the click is heeded.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.models.network.prompt_encoder import BOX_FIRST, BOX_SECOND, INSIDE, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sam2.models.views import View

LEVELS = (-8.0, 3.0, 45)
"""Lowest and highest level at which a boxed mask may be cut, and how many to try."""
RELUCTANCE = 0.04
"""By how much the IoU of mask and box, as rectangles, must gain for each unit that the level moves from 0:
boxes are drawn by hand."""
HEEDED = 1.0
"""The logit that a click has at least, inside or outside."""
WIDTH = 0.3
"""How far a click reaches: standard deviation against the root of the mask's area."""
ROUNDS = 3
"""A click may undo what its neighbour did; after so many rounds both are heeded, or as good as."""
_FINER = 4
"""Cells of the grid are cut so much finer to see how far a mask reaches."""


def agreeing(
    logits_nkhw: Tensor,
    points_np2: Tensor,
    labels_np: Tensor,
    views: "Sequence[View]",
    size: int,
) -> Tensor:
    """Logits changed so that the masks above 0 agree with their prompts.

    Parameters
    ----------
    logits_nkhw : float Tensor
        k masks of each object.
    points_np2, labels_np : Tensor
        Clicks and corners of boxes as the prompt encoder takes them: (x, y) in input pixels, and what
        each is. An object's box comes first.
    views : sequence of View
        What each object was seen in.
    size : int
        Side of the input.

    Returns
    -------
    float Tensor (n, k, h, w)
    """
    if not labels_np.shape[1]:
        return logits_nkhw
    if labels_np.shape[1] > 1:
        boxed_n = (labels_np[:, 0] == BOX_FIRST) & (labels_np[:, 1] == BOX_SECOND)
        # A corner is the centre of a pixel of the frame that belongs to the object.
        half_n2 = points_np2.new_tensor([(size / view.width / 2, size / view.height / 2) for view in views])
        first_n2, last_n2 = points_np2[:, 0] - half_n2, points_np2[:, 1] + half_n2
        boxes_n4 = ((torch.cat((first_n2, last_n2), dim=1) + 0.5) / size).clamp(0, 1)
        level_nk = filling_level(logits_nkhw, boxes_n4) * boxed_n[:, None]
        logits_nkhw = logits_nkhw - level_nk[..., None, None]
    wanted_np = (labels_np == INSIDE).float() - (labels_np == OUTSIDE).float()
    return heeding(logits_nkhw, (points_np2 + 0.5) / size, wanted_np)


def filling_level(logits_nkhw: Tensor, boxes_n4: Tensor) -> Tensor:
    """The level at which each mask, cut there, reaches as far as its box.

    Parameters
    ----------
    logits_nkhw : float Tensor
        k masks of each object, on any grid.
    boxes_n4 : float Tensor
        Left, upper, right and lower edge of each box as shares of the grid's width and height.

    Returns
    -------
    float Tensor (n, k)
        Of `LEVELS`, the one with the highest IoU of the mask's extent and the box, less `RELUCTANCE`.
    """
    levels_l = torch.linspace(*LEVELS, device=logits_nkhw.device)
    fine_nkhw = F.interpolate(logits_nkhw, scale_factor=float(_FINER), mode="bilinear", align_corners=False)
    # A mask reaches a column where the column's highest logit is above the level.
    left_nkl, right_nkl = _reach(fine_nkhw.amax(2)[:, :, None] > levels_l[:, None])
    upper_nkl, lower_nkl = _reach(fine_nkhw.amax(3)[:, :, None] > levels_l[:, None])
    x0_n11, y0_n11, x1_n11, y1_n11 = boxes_n4[:, :, None, None].unbind(1)
    width_nkl = (torch.minimum(right_nkl, x1_n11) - torch.maximum(left_nkl, x0_n11)).clamp_min(0)
    height_nkl = (torch.minimum(lower_nkl, y1_n11) - torch.maximum(upper_nkl, y0_n11)).clamp_min(0)
    both_nkl = width_nkl * height_nkl
    either_nkl = (
        (right_nkl - left_nkl) * (lower_nkl - upper_nkl) + (x1_n11 - x0_n11) * (y1_n11 - y0_n11) - both_nkl
    )
    worth_nkl = both_nkl / either_nkl.clamp_min(1e-6) - RELUCTANCE * levels_l.abs()
    return levels_l[worth_nkl.argmax(-1)]


def _reach(over_nkls: Tensor) -> tuple[Tensor, Tensor]:
    """First and last edge of what is True along the last axis, as shares of it; equal where nothing is."""
    length = over_nkls.shape[-1]
    first = over_nkls.byte().argmax(-1) / length
    last = 1 - over_nkls.flip(-1).byte().argmax(-1) / length
    return first, torch.where(over_nkls.any(-1), last, first)


def heeding(logits_nkhw: Tensor, places_np2: Tensor, wanted_np: Tensor) -> Tensor:
    """Logits with a smooth hill or hollow at every click that the mask goes against.

    Parameters
    ----------
    logits_nkhw : float Tensor
        k masks of each object.
    places_np2 : float Tensor
        Clicks (x, y) as shares of the grid's width and height.
    wanted_np : float Tensor
        1 inside, -1 outside, 0 for what is no click.

    Returns
    -------
    float Tensor (n, k, h, w)
    """
    h, w = logits_nkhw.shape[2:]
    y_h1, x_1w = (
        (torch.arange(length, device=logits_nkhw.device) + 0.5).view(shape)
        for length, shape in ((h, (h, 1)), (w, (1, w)))
    )
    area_nk = (logits_nkhw > 0).flatten(2).sum(2).clamp_min(1)
    for _ in range(ROUNDS):
        for place_n2, wanted_n in zip(places_np2.unbind(1), wanted_np.unbind(1), strict=True):
            at_nk = F.grid_sample(
                logits_nkhw, (2 * place_n2 - 1)[:, None, None], padding_mode="border", align_corners=False
            )[:, :, 0, 0]
            lacking_nk = (HEEDED - at_nk * wanted_n[:, None]).clamp_min(0) * wanted_n[:, None]
            x_n11, y_n11 = (place_n2 * place_n2.new_tensor([w, h]))[:, :, None, None].unbind(1)
            away_nhw = (x_1w - x_n11).square() + (y_h1 - y_n11).square()
            reach_nk11 = (2 * WIDTH**2 * area_nk)[..., None, None]
            logits_nkhw = logits_nkhw + lacking_nk[..., None, None] * torch.exp(
                -away_nhw[:, None] / reach_nk11
            )
    return logits_nkhw
