"""Outlines of single parts: ellipses with bumps, cells with spikes, polygons, tapering jaws."""

import math

import torch
from torch import Tensor

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.motion import wander
from napari_sam2.sample_data.parts import outline_angles


def outlines(
    draw: Draw,
    frames: int,
    aspect_bk: Tensor,
    bumps_b: Tensor,
    spikes_b: Tensor,
    corners_b: Tensor,
    liveliness_b: Tensor,
) -> Tensor:
    """Radius tables whose largest entry is 1.

    Parameters
    ----------
    draw, frames
        Random source; length of the clip.
    aspect_bk
        Long over short axis.
    bumps_b
        Amplitude of smooth irregularity, 0..0.3.
    spikes_b
        0: none; 1: the body between the spikes is thin.
    corners_b
        0: round; 1: a polygon.
    liveliness_b
        How much the outline changes along the clip, 0..1.

    Returns
    -------
    Tensor
        (b, k, frames, ANGLES).
    """
    b, k = aspect_bk.shape
    theta = outline_angles(draw.device)
    aspect = aspect_bk[..., None]
    ellipse_bka = (theta.cos() ** 2 + (aspect * theta.sin()) ** 2).rsqrt()

    sides = draw.uniform(3.0, 7.99, b, k, 1).floor()
    sector = 2 * math.pi / sides
    turned = (theta + draw.uniform(0, 2 * math.pi, b, k, 1)).remainder(sector)
    polygon_bka = (sector / 2).cos() / (turned - sector / 2).cos()
    polygon_bka = polygon_bka / polygon_bka.amax(-1, keepdim=True)
    corners = corners_b[:, None, None]
    base_bka = ellipse_bka * (1 - corners + corners * polygon_bka)

    waves = torch.arange(2, 8, device=draw.device, dtype=torch.float32)
    m = len(waves)
    amplitude = draw.normal(b, k, m) * (1.3 / waves) * bumps_b[:, None, None]
    swing = wander(draw, frames, b, k, m) * liveliness_b[:, None, None, None]
    phase_bkmt = draw.uniform(0, 2 * math.pi, b, k, m, 1) + swing
    cosine = amplitude[..., None] * phase_bkmt.cos()
    sine = amplitude[..., None] * phase_bkmt.sin()
    harmonics_ma = waves[:, None] * theta
    wave_bkta = cosine.transpose(2, 3) @ harmonics_ma.cos() + sine.transpose(2, 3) @ harmonics_ma.sin()

    body = base_bka[:, :, None].expand(-1, -1, frames, -1)
    spiky = (spikes_b > 0).nonzero()[:, 0]
    if len(spiky):
        amount = 0.65 * spikes_b[spiky][:, None, None, None]
        spikes = _spikes(draw, frames, k, liveliness_b[spiky])
        body = body.index_copy(0, spiky, body[spiky] * (1 - amount) + amount * spikes)
    table = (body * (1 + wave_bkta)).clamp_min(0.08)
    return table / table.amax((2, 3), keepdim=True)


def _spikes(draw: Draw, frames: int, k: int, liveliness_b: Tensor) -> Tensor:
    """Up to six pointed processes that grow and shrink, (b, k, frames, ANGLES)."""
    b, count = len(liveliness_b), 6
    theta = outline_angles(draw.device)
    length = draw.uniform(0.15, 1.0, b, k, count) * draw.chance(0.7, b, k, count)
    length[..., 0] = 1.0
    at = draw.uniform(0, 2 * math.pi, b, k, count)
    # the two main processes of a migrating cell lie near its long axis
    at[..., 0], at[..., 1] = 0.25 * draw.normal(b, k), math.pi + 0.4 * draw.normal(b, k)
    width = draw.uniform(0.18, 0.6, b, k, count)
    alive = liveliness_b[:, None, None, None]
    reach = length[..., None] * (1 + 0.4 * alive * wander(draw, frames, b, k, count)).clamp_min(0)
    apart = (theta - at[..., None] + math.pi).remainder(2 * math.pi) - math.pi
    shape = (-(apart.abs() / width[..., None])).exp()
    return (reach[..., None] * shape[..., None, :]).amax(2)


def taper(draw: Draw, frames: int, sharp_bk: Tensor, aspect_bk: Tensor) -> Tensor:
    """A long drop pointing along +: blunt behind, pointed in front; (b, k, frames, ANGLES)."""
    theta = outline_angles(draw.device)
    ellipse = (theta.cos() ** 2 + (aspect_bk[..., None] * theta.sin()) ** 2).rsqrt()
    front = 0.5 * (1 + theta.cos())
    table = ellipse * (1 - sharp_bk[..., None] * 0.5 * front * theta.sin().abs())
    return table[:, :, None].expand(-1, -1, frames, -1)
