"""Cheap batched changes of windows and clips, on the device they are on."""

import torch
from torch import Tensor
from torch.nn import functional


def dihedral_crop(images_btchw: Tensor, labels_bthw: Tensor, *, least: float = 0.6) -> tuple[Tensor, Tensor]:
    """A random part of each clip, mirrored and turned by quarter turns, and its frames in either order.

    In half of the clips the part is elsewhere in every frame, more or less so: objects are fast, and
    windows lag behind them. It stays inside the clip, so nothing has to be made up beyond the border.

    Parameters
    ----------
    images_btchw : float Tensor
        Clips; t is 1 for stills.
    labels_bthw : integer Tensor
        Their labels.
    least : float
        Smallest side of the part as a share of the window; drawn uniformly up to 1.
    """
    b, t, c, h, w = images_btchw.shape
    device = images_btchw.device
    side_b = least + (1 - least) * torch.rand(b, device=device)
    away_b11 = torch.rand(b, 1, 1, device=device) * (torch.rand(b, 1, 1, device=device) < 0.5)
    place_bt2 = torch.lerp(torch.rand(b, 1, 2, device=device), torch.rand(b, t, 2, device=device), away_b11)
    centre_bt2 = (2 * place_bt2 - 1) * (1 - side_b)[:, None, None]
    sign_b2 = torch.where(torch.rand(b, 2, device=device) < 0.5, -1.0, 1.0)
    transposed_b = torch.rand(b, device=device) < 0.5
    diagonal_b22 = torch.diag_embed(sign_b2 * side_b[:, None])
    linear_b22 = torch.where(transposed_b[:, None, None], diagonal_b22.flip(1), diagonal_b22)
    theta_bt23 = torch.cat([linear_b22[:, None].expand(b, t, 2, 2), centre_bt2[..., None]], dim=3)
    grid_nhw2 = functional.affine_grid(theta_bt23.flatten(0, 1), [b * t, 1, h, w], align_corners=False)
    moved = functional.grid_sample(
        images_btchw.flatten(0, 1), grid_nhw2, mode="bilinear", padding_mode="border", align_corners=False
    )
    labels = functional.grid_sample(
        labels_bthw.flatten(0, 1)[:, None].float(), grid_nhw2, mode="nearest", align_corners=False
    ).view(b, t, h, w)
    order_bt = torch.arange(t, device=device).expand(b, t)
    order_bt = torch.where(torch.rand(b, 1, device=device) < 0.5, order_bt.flip(1), order_bt)
    index_b1 = torch.arange(b, device=device)[:, None]
    return moved.view(b, t, c, h, w)[index_b1, order_bt], labels.round().long()[index_b1, order_bt]


def relight(images_btchw: Tensor) -> Tensor:
    """Other contrast, gamma, colour, polarity, noise and focus; the same for all frames of a clip.

    Noise is drawn anew for every frame. Values stay in 0..1.
    """
    b, t, _, h, w = images_btchw.shape
    device = images_btchw.device

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, device=device)

    def some(share: float) -> Tensor:
        return draw(b, 1, 1, 1, 1) < share

    images = images_btchw
    gamma = torch.exp((draw(b, 1, 1, 1, 1) - 0.5) * 1.0)
    images = torch.where(some(0.4), images.clamp_min(1e-4) ** gamma, images)
    gain = 0.6 + 0.9 * draw(b, 1, 1, 1, 1)
    shift = (draw(b, 1, 1, 1, 1) - 0.5) * 0.3
    images = torch.where(some(0.6), (images - 0.5) * gain + 0.5 + shift, images)
    images = torch.where(some(0.1), 1 - images, images)
    tint = 0.6 + 0.5 * draw(b, 1, 3, 1, 1)
    images = torch.where(some(0.1), images * tint, images)
    grey = images.mean(2, keepdim=True)
    images = torch.where(some(0.1), grey, images)
    flat = images.flatten(0, 1)
    blurred = functional.avg_pool2d(functional.pad(flat, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = torch.where(some(0.12), blurred.view_as(images), images)
    level = draw(b, 1, 1, 1, 1) ** 2 * 0.12
    noise = torch.randn(b, t, 1, h, w, device=device) * level
    return torch.where(some(0.35), images + noise, images).clamp(0, 1)


def _drift(b: int, t: int, *size: int, device: torch.device) -> Tensor:
    """Smooth random motion from 0, (b, t, *size): a steady part and a random walk, about 1 in the end."""
    steady = torch.randn(b, 1, *size, device=device) / max(t - 1, 1)
    walk = torch.randn(b, t, *size, device=device) / max(t - 1, 1) ** 0.5
    walk[:, 0] = 0
    steps = 0.7 * steady + 0.7 * walk
    steps[:, 0] = 0
    path: Tensor = steps.cumsum(1)
    return path


def _warp_fields(b: int, t: int, size: int, motion: Tensor, device: torch.device) -> Tensor:
    """Sampling grids (b, t, size, size, 2) of smooth similarity motion with elastic deformation."""
    strength_b1 = motion[:, None]
    angle_bt = 0.35 * strength_b1 * _drift(b, t, device=device)
    zoom_bt = torch.exp(0.15 * strength_b1 * _drift(b, t, device=device))
    shift_bt2 = 0.25 * strength_b1[..., None] * _drift(b, t, 2, device=device)
    cos_bt, sin_bt = zoom_bt * angle_bt.cos(), zoom_bt * angle_bt.sin()
    theta = torch.stack(
        [
            torch.stack([cos_bt, -sin_bt, shift_bt2[..., 0]], -1),
            torch.stack([sin_bt, cos_bt, shift_bt2[..., 1]], -1),
        ],
        -2,
    )
    grid = functional.affine_grid(theta.flatten(0, 1), [b * t, 1, size, size], align_corners=False)
    elastic = 0.05 * strength_b1[..., None, None, None] * _drift(b, t, 2, 5, 5, device=device)
    bent = functional.interpolate(
        elastic.flatten(0, 1), size=(size, size), mode="bicubic", align_corners=True
    )
    fields: Tensor = (grid + bent.permute(0, 2, 3, 1)).view(b, t, size, size, 2)
    return fields


def _sample(values_bchw: Tensor, grid_bthw2: Tensor, mode: str) -> Tensor:
    """Frames (b, t, c, h, w) of each still at the grids; 0 beyond the border."""
    b, t, h, w, _ = grid_bthw2.shape
    sampled = functional.grid_sample(
        values_bchw, grid_bthw2.reshape(b, t * h, w, 2), mode=mode, align_corners=False
    )
    return sampled.view(b, -1, t, h, w).transpose(1, 2)


def animate(images_bchw: Tensor, labels_bhw: Tensor, frames: int, size: int) -> tuple[Tensor, Tensor]:
    """Clips from stills: move, turn, zoom and bend them, send strangers across, and change the light.

    The strangers are the objects of another still of the batch on a path of their own; they hide
    what they pass over. Half of them keep their labels (moved above those of the still), the others
    are occluders without one.

    Parameters
    ----------
    images_bchw : float Tensor
        0..1; larger than the clip by the margin that the camera may move in.
    labels_bhw : integer Tensor
        Below 512.
    frames, size : int
        Of the clips.

    Returns
    -------
    float Tensor (b, frames, c, size, size), int64 Tensor (b, frames, size, size)
    """
    b, _, height, _ = images_bchw.shape
    device = images_bchw.device
    share = size / height
    motion_b = 0.2 + 1.3 * torch.rand(b, device=device)
    grid = _warp_fields(b, frames, size, motion_b, device) * share
    images = _sample(images_bchw, grid, "bilinear")
    labels = _sample(labels_bhw[:, None].float(), grid, "nearest")

    other = torch.roll(torch.arange(b, device=device), 1)
    strange = _warp_fields(b, frames, size, motion_b * 1.5, device) * share
    path = (1.2 * share * torch.randn(b, 1, 1, 1, 2, device=device)) * torch.linspace(
        -1, 1, frames, device=device
    )[None, :, None, None, None]
    strange = strange + path + 0.5 * share * torch.randn(b, 1, 1, 1, 2, device=device)
    sparse = torch.rand(b, 512, device=device) < 0.4
    kept = labels_bhw[other].flatten(1).long().clamp_max(511)
    shown = torch.where(sparse.gather(1, kept).view_as(labels_bhw), labels_bhw[other], 0)
    strange_labels = _sample(shown[:, None].float(), strange, "nearest")
    crossed = (torch.rand(b, 1, 1, 1, 1, device=device) < 0.5).float()
    alpha = _sample((shown > 0)[:, None].float(), strange, "bilinear") * crossed
    images = torch.lerp(images, _sample(images_bchw[other], strange, "bilinear"), alpha)
    named = torch.rand(b, 1, 1, 1, 1, device=device) < 0.5
    over = torch.where(named & (strange_labels > 0), strange_labels + 512, 0.0)
    labels = torch.where(alpha > 0.5, over, labels)

    light = torch.exp(0.12 * _drift(b, frames, 1, 1, 1, device=device))
    offset = 0.04 * _drift(b, frames, 1, 1, 1, device=device)
    return (images * light + offset).clamp(0, 1), labels[:, :, 0].round().long()
