"""From geometry to light: profiles of the boundary distance, textures that move with their object, colour."""

import math

import torch
from torch import Tensor

from napari_sam2.sample_data.colours import palette
from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import Settings
from napari_sam2.sample_data.motion import drift
from napari_sam2.sample_data.parts import Fields, Parts
from napari_sam2.sample_data.textures import sample


def radiance(
    draw: Draw,
    parts: Parts,
    fields: Fields,
    coords_nhwc: Tensor,
    atlas_bchw: Tensor,
    s: Settings,
    channels: int,
) -> tuple[Tensor, Tensor]:
    """Light of every pixel before the camera, and the labels.

    Parameters
    ----------
    draw
        Random source.
    parts, fields
        b scenes over t frames; n = b * t.
    coords_nhwc
        Scene coordinates of the pixels.
    atlas_bchw
        Two noise fields: one rides on the objects, one lies on the ground.
    s
        (b,) tensors.
    channels
        1 for grey scenes, 3 for colour.

    Returns
    -------
    tuple
        (n, channels, h, w) about 0..1, and labels (n, h, w).
    """
    b, k, t = parts.angle_bkt.shape
    n, h, w = fields.part_nhw.shape
    pixel = 1.0 / max(h, w)

    def each(name: str) -> Tensor:
        return s[name].repeat_interleave(t)[:, None, None]

    def by_part(value_bk: Tensor) -> Tensor:
        flat = fields.part_nhw.view(b, t * h * w)
        return value_bk.gather(1, flat).view(n, h, w)

    def by_part_and_frame(value_bkt: Tensor) -> Tensor:
        return value_bkt.transpose(1, 2).reshape(n, k).gather(1, fields.part_nhw.view(n, -1)).view(n, h, w)

    depth = fields.depth_nhw / pixel
    inside = torch.sigmoid(2.0 * depth / each("edge"))
    rho = fields.rho_nhw.clamp(0.0, 1.5)

    # textures: the object's rides along with it, with its own place and scale in the atlas
    shift_bk2 = draw.uniform(-0.5, 0.5, b, k, 2)
    at_y = fields.local_nhwc[..., 0] * each("texture_scale") + by_part(shift_bk2[..., 0])
    at_x = fields.local_nhwc[..., 1] * each("texture_scale") + by_part(shift_bk2[..., 1])
    own = sample(atlas_bchw[:, :1], torch.stack([at_y, at_x], -1).view(b, t * h, w, 2)).view(n, h, w)
    on_ground = coords_nhwc * each("ground_scale")[..., None]
    ground = sample(atlas_bchw[:, 1:], on_ground.view(b, t * h, w, 2)).view(b, -1, t, h, w)
    ground = ground.transpose(1, 2).reshape(n, -1, h, w)

    amplitude_bk = 1.0 + s["body_jitter"][:, None] * draw.normal(b, k).clamp(-1.8, 1.8)
    tone = by_part(draw.uniform(-1.0, 1.0, b, k))
    fading = torch.sigmoid(2.5 + 3.0 * drift(draw, t, b, k)) / 0.924
    faded = by_part_and_frame(torch.where(s["fade"][:, None, None] > 0, fading.clamp(0.3, 1.0), 1.0))
    dome = (1.0 - rho.clamp_max(1.0).square()).sqrt()
    profile = 1.0 + each("dome") * (dome - 0.8)
    body = (
        each("body") * by_part(amplitude_bk.clamp_min(0.25)) + 0.15 * each("body_jitter") * tone
    ) * profile

    detail = each("texture") * own
    # grains: what exceeds a threshold in a finer reading of the same field
    fine = atlas_bchw[:, :1]
    grain_at = fields.local_nhwc * each("grain_scale")[..., None] + 0.37
    grain = sample(fine, grain_at.view(b, t * h, w, 2)).view(n, h, w)
    detail = detail + each("grain") * torch.sigmoid(5.0 * (grain - 1.2))
    offset_bk2 = 0.2 * draw.normal(b, k, 2)
    size = by_part_and_frame(parts.size_bkt).clamp_min(1e-3)
    nucleus_radius = (
        (fields.local_nhwc[..., 0] / size - by_part(offset_bk2[..., 0])).square()
        + (1.5 * fields.local_nhwc[..., 1] / size - by_part(offset_bk2[..., 1])).square()
    ).sqrt()
    nuclear = torch.sigmoid((each("nucleus_size") - nucleus_radius) * size / pixel)
    detail = detail + each("nucleus") * nuclear
    wave = each("ripple_scale") * fields.local_nhwc[..., 0] + 0.3 * own
    detail = detail + each("ripple") * (2 * math.pi * wave).sin()
    slant = by_part(draw.uniform(0, 2 * math.pi, b, k))
    detail = detail + each("slant") * (
        (slant.cos() * fields.local_nhwc[..., 0] + slant.sin() * fields.local_nhwc[..., 1]) / size
    ).clamp(-1, 1)

    across = fields.across_nhw.clamp(-1, 1)
    tube = (1.0 - across.square()).clamp_min(0).sqrt()
    body = body * (1 + each("tube") * (tube - 0.7))
    shine_at = by_part(draw.uniform(-0.6, 0.6, b, k))
    gloss = each("gloss") * torch.exp(-(((across - shine_at) / 0.18) ** 2)) * (0.5 + 0.5 * own).clamp(0, 1.2)

    rim = each("rim") * torch.exp(-(((depth - each("rim_at")) / each("rim_width")) ** 2))
    halo_depth = (-depth - 0.5 * each("halo_width")) / each("halo_width")
    halo = each("halo") * torch.exp(-(halo_depth**2)) * (1 - inside)
    glow = each("glow") * torch.exp(depth.clamp_max(0) / (6.0 * each("halo_width"))) * (1 - inside)

    light = each("background") + inside * faded * (body + detail) + faded * (rim + halo) + 0.4 * glow
    light = light + (1 - inside) * each("ground") * ground[:, 0]
    light = light + _relief(light, dome * inside + 0.3 * inside * own, s, draw, t)
    light = light + each("shading") * _slope(draw, b, t, coords_nhwc)
    labels = fields.owner_nhw.to(torch.int32)
    if channels == 1:
        return light[:, None], labels
    return palette(draw, light, inside, gloss * inside, tone, own, ground, s, t), labels


def _slope(draw: Draw, b: int, t: int, coords_nhwc: Tensor) -> Tensor:
    """A smooth unevenness of the light, -1..1 over the window."""
    direction = draw.uniform(0, 2 * math.pi, b).repeat_interleave(t)[:, None, None]
    curve = draw.uniform(-2.0, 2.0, b).repeat_interleave(t)[:, None, None]
    y, x = coords_nhwc.unbind(-1)
    return direction.cos() * y + direction.sin() * x + curve * (0.15 - y * y - x * x)


def _relief(light: Tensor, height: Tensor, s: Settings, draw: Draw, t: int) -> Tensor:
    """Shading of a height map lit from one side, as differential interference contrast shows it."""
    direction = draw.uniform(0, 2 * math.pi, len(s["relief"])).repeat_interleave(t)[:, None, None]
    dy = height.roll(-1, 1) - height.roll(1, 1)
    dx = height.roll(-1, 2) - height.roll(1, 2)
    dy[:, 0], dy[:, -1], dx[:, :, 0], dx[:, :, -1] = 0.0, 0.0, 0.0, 0.0
    shade = (direction.cos() * dy + direction.sin() * dx).clamp(-0.5, 0.5)
    return s["relief"].repeat_interleave(t)[:, None, None] * shade
