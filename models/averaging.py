"""A first answer averaged over several views of its object, and over what a click may mean.

A small network answers a little differently when it sees an object at another size or the other way
round. The mean of four such answers is better than each of them, and a prompt comes once, where
following comes once a frame. Their views differ in both ways at once: four of them do as much as all
twelve combinations of three sizes and four mirrorings.

A click may mean a part or the whole, and so may what is remembered of an object; the network gives a
mask for each. Which of them is best it knows badly: what may be expected of all of them together is
nearer, on average, than the one that it would choose, and does not jump from frame to frame. In a box
the four masks are four answers to one question, and their mean is better than the first of them.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.models.network.sam2 import Decoded
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.views import View, whole

OTHERS = ((0.8, (False, True)), (1.25, (True, False)), (1.0, (True, True)))
"""Size against the first view's, and mirroring of rows and columns."""
CLICKED, FOLLOWED, BOXED = (0.35, 0.1), (0.5, 0.1), (0.5, 1.0)
"""What counts after a click, with a memory, and in a box: first the chance to belong to the object from which
a pixel is taken, then how much more IoU a mask must be predicted to have to be e times as likely meant.

An IoU gains by what is a little less likely than not: a pixel that is left out wrongly costs it more than one
that is taken wrongly. Where there is a memory, a mask that is wide today would be wider tomorrow, and in a
box all four masks mean the same object: they are trusted nearly alike, and the box says how far they go."""
_NEVER = 1e-6


def other_views(view: View, prompt: Prompt, shape: tuple[int, int]) -> list[View]:
    """The views whose answers are averaged with that of the first one; all of them show the prompt."""
    shown = list(prompt.points)
    if prompt.box is not None:
        shown += [prompt.box[:2], prompt.box[2:]]
    views = []
    for scale, mirrored in OTHERS:
        other = view if view == whole(shape) else _scaled(view, scale)
        if not all(other.holds(y, x) for y, x in shown):
            other = view
        views.append(replace(other, mirrored=mirrored))
    return views


def _scaled(view: View, scale: float) -> View:
    """A square view with the same centre."""
    side = round(view.height * scale)
    return View(view.top + (view.height - side) // 2, view.left + (view.width - side) // 2, side, side)


def averaged(
    first: Decoded, views: Sequence[View], others: Sequence[tuple[Sequence[View], Decoded]]
) -> Decoded:
    """The mean answer, on the grid of the first views.

    Parameters
    ----------
    first : Decoded
        n answers.
    views : sequence of View
        The view of each.
    others : sequence of (sequence of View, Decoded)
        The same n objects in other views.

    Returns
    -------
    Decoded
        Mean logits, each pixel's over the views that show it, mean predicted IoU and mean object score;
        mask tokens of the first.
    """
    total_n4hw, count_n1hw = first.logits_n4hw.float(), torch.ones_like(first.logits_n4hw[:, :1])
    for other_of, answer in others:
        logits_n4hw, shown_n1hw = onto(answer.logits_n4hw.float(), other_of, views)
        total_n4hw = total_n4hw + logits_n4hw * shown_n1hw
        count_n1hw = count_n1hw + shown_n1hw
    answers = [first, *(answer for _, answer in others)]
    return Decoded(
        total_n4hw / count_n1hw,
        torch.stack([answer.iou_n4 for answer in answers]).mean(0),
        first.tokens_n4c,
        torch.stack([answer.object_score_n for answer in answers]).mean(0),
    )


def expected(answer: Decoded, taken: float, trust: float) -> Decoded:
    """One mask for all that a prompt may mean.

    Parameters
    ----------
    answer : Decoded
        n answers.
    taken : float
        Chance to belong to the object from which a pixel is taken, between 0 and 1.
    trust : float
        How much more IoU a mask must be predicted to have to be e times as likely the one that was meant.

    Returns
    -------
    Decoded
        In place of each mask the one that is to be expected: its logits are above 0 where the object
        is with a chance of more than `taken`, all masks counted by how likely they are meant.
    """
    likely_n4 = (answer.iou_n4.float() / trust).softmax(1)
    chance_nhw = (answer.logits_n4hw.float().sigmoid() * likely_n4[..., None, None]).sum(1)
    logits_nhw = chance_nhw.logit(eps=_NEVER) - math.log(taken / (1 - taken))
    return replace(answer, logits_n4hw=logits_nhw[:, None].expand_as(answer.logits_n4hw))


def onto(logits_nkhw: Tensor, views: Sequence[View], wanted: Sequence[View]) -> tuple[Tensor, Tensor]:
    """Logits of some views on the grids of others.

    Returns
    -------
    Tensor (n, k, h, w), Tensor (n, 1, h, w)
        The logits, and 1 where the view shows the place and 0 elsewhere.
    """
    steps = [_step(view, onto_view) for view, onto_view in zip(views, wanted, strict=True)]
    theta_n23 = torch.tensor(steps, dtype=torch.float32, device=logits_nkhw.device)
    grid_nhw2 = F.affine_grid(theta_n23, list(logits_nkhw.shape), align_corners=False)
    moved = F.grid_sample(logits_nkhw, grid_nhw2, padding_mode="border", align_corners=False)
    return moved, (grid_nhw2.abs() <= 1).all(-1)[:, None].to(logits_nkhw.dtype)


def _step(view: View, wanted: View) -> list[list[float]]:
    """From a place in the wanted view to the place in the view, both -1 to 1 across, (x, y)."""
    rows = _line(view.top, view.height, wanted.top, wanted.height, view.mirrored[0])
    columns = _line(view.left, view.width, wanted.left, wanted.width, view.mirrored[1])
    return [[columns[0], 0.0, columns[1]], [0.0, rows[0], rows[1]]]


def _line(
    start: int, length: int, wanted_start: int, wanted_length: int, reverse: bool
) -> tuple[float, float]:
    slope = wanted_length / length
    shift = (wanted_start + wanted_length / 2 - start - length / 2) / (length / 2)
    return (-slope, -shift) if reverse else (slope, shift)
