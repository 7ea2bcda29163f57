"""Which objects to ask for, and how: clicks, boxes and corrections sampled from labels in one batch.

Everything has a fixed shape and stays on the device, so that a GPU is never asked for a number.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from napari_sam2.models.training.masks import boxes_of, distance_inside, intersection_over_union

MAX_OBJECTS = 1024
"""Labels in one window are below this."""
PREFERENCE = 0.5
"""Of objects with a random order between 0 and 1."""
LATTICE = 64
"""Clicks are chosen on a lattice of about so many points a side."""
INSIDE, OUTSIDE, TOP_LEFT, BOTTOM_RIGHT, PADDING = 1, 0, 2, 3, -1
"""SAM's point labels."""
OUTLINE_CELL = 4
"""Outlines are redrawn on a grid of so many pixels, as fine as the decoder's."""
LEAST_ALIKE = 0.6
"""IoU of the outlines that two people draw of one object."""
DEEP, OFF_CENTRE, ANYWHERE = 0.75, 0.25, 0.0
"""Least depth of a click, as a share of the object's largest depth."""


@dataclass(frozen=True)
class Targets:
    """Objects chosen in a batch of windows.

    Attributes
    ----------
    image_n : int64 Tensor
        Which window each object is in.
    label_n : int64 Tensor
        Its label there.
    masks_nhw : bool Tensor
    weight_n : float32 Tensor
        1, or 0 where the window had nothing to choose and the entry only fills its place.
    """

    image_n: Tensor
    label_n: Tensor
    masks_nhw: Tensor
    weight_n: Tensor


def _extent(flat_bp: Tensor, position_p: Tensor) -> Tensor:
    """Per label, last minus first position plus one; negative for labels that do not occur."""
    b = len(flat_bp)
    position_bp = position_p.expand(b, -1)
    low_bm = torch.full((b, MAX_OBJECTS), 1e9, device=flat_bp.device)
    high_bm = torch.full((b, MAX_OBJECTS), -1.0, device=flat_bp.device)
    low_bm.scatter_reduce_(1, flat_bp, position_bp, "amin")
    high_bm.scatter_reduce_(1, flat_bp, position_bp, "amax")
    return high_bm - low_bm + 1


def leaving(labels_bthw: Tensor) -> Tensor:
    """Which labels are missing from a frame of their clip, bool (b, `MAX_OBJECTS`)."""
    b, t = labels_bthw.shape[:2]
    seen_btm = torch.zeros(b, t, MAX_OBJECTS, dtype=torch.bool, device=labels_bthw.device)
    seen_btm.scatter_(2, labels_bthw.flatten(2).long(), True)
    return ~seen_btm.all(1)


def choose_targets(
    labels_bhw: Tensor,
    per_image: int,
    *,
    span: tuple[float, float] = (0.08, 1.0),
    least_area: int = 20,
    preferred_bm: Tensor | None = None,
) -> Targets:
    """Draw objects of every window, each equally likely, among those of a fitting size.

    Parameters
    ----------
    labels_bhw : integer Tensor
        0 is background; the highest label is below `MAX_OBJECTS`.
    per_image : int
        How many to draw in each window; some come twice where there are fewer.
    span : (float, float)
        Least and largest extent (longer side of the box) as a share of the window.
    least_area : int
        In pixels.
    preferred_bm : bool Tensor, optional
        Labels that are drawn before the others more often than not.

    Returns
    -------
    Targets
        n = b * `per_image`, the objects of one window after each other.
    """
    b, h, w = labels_bhw.shape
    device = labels_bhw.device
    flat_bp = labels_bhw.flatten(1).long()
    rows_p = torch.arange(h, device=device, dtype=torch.float32).repeat_interleave(w)
    columns_p = torch.arange(w, device=device, dtype=torch.float32).repeat(h)
    ones_bp = torch.ones_like(columns_p).expand(b, -1)
    area_bm = torch.zeros(b, MAX_OBJECTS, device=device).scatter_add_(1, flat_bp, ones_bp)
    share_bm = torch.maximum(_extent(flat_bp, rows_p) / h, _extent(flat_bp, columns_p) / w)
    fits_bm = (area_bm >= least_area) & (share_bm >= span[0]) & (share_bm <= span[1])
    fits_bm[:, 0] = False

    order_bm = torch.rand(b, MAX_OBJECTS, device=device)
    if preferred_bm is not None:
        order_bm += PREFERENCE * preferred_bm
    order_bk = (order_bm + 2 * fits_bm).topk(per_image).indices
    count_b1 = fits_bm.sum(1, keepdim=True)
    slot_bk = torch.arange(per_image, device=device) % count_b1.clamp_min(1)
    label_n = order_bk.gather(1, slot_bk).flatten()
    image_n = torch.arange(b, device=device).repeat_interleave(per_image)
    weight_n = (count_b1 > 0).float().expand(-1, per_image).flatten()
    return Targets(image_n, label_n, labels_bhw[image_n] == label_n[:, None, None], weight_n)


def lattice(masks_nhw: Tensor) -> tuple[Tensor, int, int]:
    """Every s-th pixel of the masks, s such that about `LATTICE` are left a side, from a random offset.

    Returns
    -------
    bool Tensor (n, h', w'), int, int
        The sampled masks, the step s and the offset (the same for both axes).
    """
    step = max(1, masks_nhw.shape[-1] // LATTICE)
    offset = int(torch.randint(step, ()))
    return masks_nhw[:, offset::step, offset::step], step, offset


def _draw_pixel(allowed_nhw: Tensor) -> Tensor:
    """One of the allowed pixels, each equally likely; (x, y) float32 (n, 2); any pixel where none is."""
    n, h, w = allowed_nhw.shape
    chosen_n = (torch.rand(n, h * w, device=allowed_nhw.device) + allowed_nhw.flatten(1)).argmax(1)
    return torch.stack([chosen_n % w, chosen_n // w], dim=1).float()


def sample_clicks(masks_nhw: Tensor, least_depth_n: Tensor) -> Tensor:
    """A click inside each mask, at least so deep as a share of the mask's largest depth.

    Parameters
    ----------
    masks_nhw : bool Tensor
        Objects.
    least_depth_n : float32 Tensor
        For example `DEEP`; 1 is the deepest point.

    Returns
    -------
    float32 Tensor (n, 2)
        (x, y) in pixels, (0, 0) at the centre of the first one.
    """
    sampled_nhw, step, offset = lattice(masks_nhw)
    depth_nhw = distance_inside(sampled_nhw)
    least_n11 = (least_depth_n * depth_nhw.amax((1, 2)))[:, None, None]
    return _draw_pixel(sampled_nhw & (depth_nhw >= least_n11 - 1e-4)) * step + offset


def sample_depths(n: int, device: torch.device | str) -> Tensor:
    """Least depths for `n` first clicks: 45 % deep, 35 % off-centre or deeper, 20 % anywhere."""
    draw_n = torch.rand(n, device=device)
    return torch.where(draw_n < 0.45, DEEP, torch.where(draw_n < 0.8, OFF_CENTRE, ANYWHERE))


def sample_boxes(masks_nhw: Tensor, *, jitter: float = 0.05, limit: float = 0.12) -> Tensor:
    """The boxes of the masks as a hasty person draws them.

    Every corner coordinate moves by a normal error of `jitter` times the side, at most `limit` times
    the side, and stays in the window.

    Returns
    -------
    float32 Tensor (n, 2, 2)
        Two corners (x, y): top left, bottom right.
    """
    _, h, w = masks_nhw.shape
    boxes_n22 = boxes_of(masks_nhw).view(-1, 2, 2)
    side_n12 = boxes_n22[:, 1:] - boxes_n22[:, :1] + 1
    error_n22 = (torch.randn_like(boxes_n22) * jitter).clamp(-limit, limit) * side_n12
    border_2 = torch.stack([boxes_n22.new_tensor(w - 1.0), boxes_n22.new_tensor(h - 1.0)])
    return (boxes_n22 + error_n22).clamp_min(0).minimum(border_2)


def sample_corrections(
    logits_nhw: Tensor, masks_nhw: Tensor, *, deepest: float = 0.5
) -> tuple[Tensor, Tensor]:
    """The next click of a person who sees what is wrong.

    Missed and surplus pixels are compared on the logits' own grid. The click goes to the deepest
    point of the kind of error that reaches deepest, or to a random point of it.

    Parameters
    ----------
    logits_nhw : float Tensor
        Present answers; the masks' size or a whole fraction of it.
    masks_nhw : bool Tensor
        What is wanted.
    deepest : float
        Share of clicks at the deepest point, the rest is random.

    Returns
    -------
    float32 Tensor (n, 2), int64 Tensor (n,)
        (x, y) in pixels of the mask and SAM's labels. An answer without an error gets a click in the
        object, or `PADDING` where there is no object.
    """
    n, height, _ = masks_nhw.shape
    stride = height // logits_nhw.shape[1]
    wanted_nhw = functional.avg_pool2d(masks_nhw[:, None].float(), stride)[:, 0] >= 0.5
    given_nhw = logits_nhw > 0
    both_nhw = torch.cat([wanted_nhw & ~given_nhw, ~wanted_nhw & given_nhw])
    depth_2nhw = distance_inside(both_nhw).view(2, n, *wanted_nhw.shape[1:])
    reach_2n = depth_2nhw.amax((2, 3))
    missed_n = reach_2n[0] >= reach_2n[1]
    depth_nhw = torch.where(missed_n[:, None, None], depth_2nhw[0], depth_2nhw[1])
    depth_nhw = torch.where((reach_2n.amax(0) > 0)[:, None, None], depth_nhw, wanted_nhw.float())
    least_n = torch.where(torch.rand(n, device=masks_nhw.device) < deepest, depth_nhw.amax((1, 2)), 1e-3)
    points_n2 = _draw_pixel(depth_nhw >= least_n[:, None, None]) * stride + (stride - 1) / 2
    labels_n = torch.where(missed_n, INSIDE, OUTSIDE)
    return points_n2, torch.where(depth_nhw.amax((1, 2)) > 0, labels_n, PADDING)


def redrawn(masks_nthw: Tensor, labels_nthw: Tensor, share: float) -> Tensor:
    """Some of the objects as other people outline them: rounder, wider or tighter, into free room only.

    Where an object ends is often a matter of taste, and a box says whose: it is drawn around the
    outline that is wanted.

    Parameters
    ----------
    masks_nthw : bool Tensor
        Objects on the frames of their clips, all of which are redrawn alike.
    labels_nthw : integer Tensor
        All objects of the same frames; 0 is free.
    share : float
        Of objects that are redrawn, on average.

    Returns
    -------
    bool Tensor (n, t, h, w)
    """
    n, _, h, w = masks_nthw.shape
    width = h // OUTLINE_CELL // 10 // 2 * 2 + 1
    soft_nthw = functional.avg_pool2d(masks_nthw.float(), OUTLINE_CELL)
    wide_nthw = functional.avg_pool2d(soft_nthw, width, stride=1, padding=width // 2, count_include_pad=False)
    wide_nthw = functional.interpolate(wide_nthw, size=(h, w), mode="bilinear", align_corners=False)
    level_n111 = 0.1 + 0.5 * torch.rand(n, 1, 1, 1, device=masks_nthw.device)
    other_nthw = (wide_nthw > level_n111) & ((labels_nthw == 0) | masks_nthw)
    # What is too thin for the blur keeps its outline.
    alike_nt = intersection_over_union(other_nthw, masks_nthw) > LEAST_ALIKE
    taken_nt = (torch.rand(n, 1, device=masks_nthw.device) < share) & alike_nt
    return torch.where(taken_nt[:, :, None, None], other_nthw, masks_nthw)


def degrade(masks_nhw: Tensor) -> Tensor:
    """Masks as an imperfect earlier answer leaves them: shifted, grown or shrunk, and dented.

    Returns
    -------
    float32 Tensor (n, h, w)
        Logits in -10..10.
    """
    n, h, w = masks_nhw.shape
    device = masks_nhw.device
    soft_nhw = functional.avg_pool2d(masks_nhw[:, None].float(), 5, stride=1, padding=2)
    coarse_n1hw = functional.interpolate(
        torch.randn(n, 1, 6, 6, device=device), size=(h, w), mode="bilinear", align_corners=False
    )
    strength_n111 = torch.rand(n, 1, 1, 1, device=device) * 0.35
    level_n111 = 0.5 + (torch.rand(n, 1, 1, 1, device=device) - 0.5) * 0.7
    return ((soft_nhw + coarse_n1hw * strength_n111 - level_n111) * 20).clamp(-10, 10)[:, 0]
