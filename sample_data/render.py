"""From geometry to light: profiles of the boundary distance, textures that move with their object."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.sample_data.colours import coloured
from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.motion import drift
from napari_sam2.sample_data.parts import Parts
from napari_sam2.sample_data.ranges import Settings
from napari_sam2.sample_data.raster import MARGIN, Fields
from napari_sam2.sample_data.textures import octaves, sample, wrapped
from napari_sam2.sample_data.visibility import contrast


def radiance(
    draw: Draw, parts: Parts, fields: Fields, coords_nhwc: Tensor, s: Settings, channels: int
) -> tuple[Tensor, Tensor]:
    """Light of every pixel before the camera, and which pixels lie in a nucleus or organelle.

    Parameters
    ----------
    draw
        Random source.
    parts, fields
        b scenes over t frames; n = b * t.
    coords_nhwc
        Scene coordinates of the pixels.
    s
        (b,) tensors.
    channels
        1 for grey scenes, 3 for colour.

    Returns
    -------
    tuple
        Light (n, channels, h, w), about 0..1, and bool (n, h, w).
    """
    b, k, t = parts.angle_bkt.shape
    n, h, w = fields.part_nhw.shape
    pixel = 1.0 / max(h, w)
    part = fields.part_nhw.flatten()

    def each(name: str) -> Tensor:
        return s[name].repeat_interleave(t)[:, None, None]

    def by_part(value_bk: Tensor) -> Tensor:
        return value_bk.flatten().index_select(0, part).view(n, h, w)

    frame_part = part + torch.arange(0, n * k, k, device=part.device).repeat_interleave(h * w)
    frame_part = frame_part - (part // k) * k

    def by_frame(value_bkt: Tensor) -> Tensor:
        return value_bkt.transpose(1, 2).flatten().index_select(0, frame_part).view(n, h, w)

    def read(atlas: Tensor, y: Tensor, x: Tensor) -> Tensor:
        field = sample(atlas, y.reshape(b, t * h, w), x.reshape(b, t * h, w))
        return field.view(b, -1, t, h, w).transpose(1, 2).reshape(n, -1, h, w)

    size = by_frame(parts.size_bkt).clamp_min_(0.02)
    # focus differs from object to object; a few are far out of it
    focus_bk = s["edge"][:, None] * (0.35 * draw.normal(b, k)).exp()
    focus_bk = focus_bk * (1.0 + s["defocus"][:, None] * draw.chance(0.15, b, k))
    depth = fields.depth_nhw / pixel
    inside = torch.sigmoid(2.5 * depth / by_part(focus_bk))
    outside = 1.0 - inside
    rho = fields.rho_nhw.clamp_max(1.0)
    u, v = fields.along_nhw / size, fields.across_nhw / size

    side = 1 << (max(h, w) - 1).bit_length()
    atlas = wrapped(octaves(draw, s["texture_slope"], s["texture_peak"], 2, min(side, 256)))
    scale, shift_bk, stretch = each("texture_scale"), draw.unit(b, k), each("texture_stretch")
    own = read(atlas[:, :1], u * scale + by_part(shift_bk), v * scale * stretch + by_part(draw.unit(b, k)))
    own = _styled(own[:, 0], each("ridge"), each("blotch"))
    ground = _ground(draw, read, coords_nhwc, s, t, min(side, 256))

    def of_object(value_bk: Tensor) -> Tensor:
        return by_part(value_bk.gather(1, parts.look_bk))

    amplitude_bk = (1.0 + s["body_jitter"][:, None] * draw.normal(b, k)).clamp(0.3, 2.2)
    shift = 0.2 * s["body_jitter"][:, None] * draw.uniform(-1.0, 1.0, b, k)
    fading = (torch.sigmoid(2.5 + 3.0 * drift(draw, t, b, k)) / 0.924).clamp(0.3, 1.0)
    fading = torch.where(s["fade"][:, None, None] > 0, fading, 1.0)
    dome = (1.0 - rho.square()).clamp_min_(0.0).sqrt()
    across = v.clamp(-1, 1)
    tube = (1.0 - across.square()).clamp_min(0).sqrt()
    profile = (1.0 + each("dome") * (dome - 0.8)) * (1.0 + each("tube") * (tube - 0.7))
    body = of_object(s["body"][:, None] * amplitude_bk + shift) * profile

    detail = each("texture") * own
    if bool((s["grain"] != 0).any()):
        fine = 2.7 * scale
        grain = read(atlas[:, 1:], u * fine + by_part(shift_bk), v * fine)[:, 0]
        detail = detail + each("grain") * torch.sigmoid(6.0 * (grain - each("grain_rare")))
    organelle = torch.zeros_like(inside, dtype=torch.bool)
    if bool((s["nucleus"] != 0).any()):
        place = 0.2 * draw.normal(b, k, 2)
        nucleus = torch.hypot(u - by_part(place[..., 0]), 1.4 * v - by_part(place[..., 1]))
        beneath = (each("nucleus_size") - nucleus) * size / pixel
        organelle = beneath > 0
        envelope = torch.exp(-(beneath * 0.7).square())
        detail = detail + each("nucleus") * torch.sigmoid(1.5 * beneath) + each("envelope") * envelope
    if bool((s["ripple"] != 0).any()):
        wave = each("ripple_scale") * u + 0.2 * own
        detail = detail + each("ripple") * (2 * math.pi * wave).sin().clamp(-0.6, 0.6)
    slant = draw.uniform(0, 2 * math.pi, b, k)
    detail = detail + each("slant") * (by_part(slant.cos()) * u + by_part(slant.sin()) * v).clamp(-1, 1)

    rim = each("rim") * torch.exp(-((depth - each("rim_at")) / each("rim_width")).square())
    felt = (1.0 + fields.depth_nhw.clamp_max(0.0) / MARGIN).clamp_min_(0.0)
    halo_at = (-depth - 0.6 * each("halo_width")) / each("halo_width")
    halo = each("halo") * torch.exp(-halo_at.square()) * felt * outside

    faded = by_frame(fading)
    light = each("background") + faded * (inside * (body + detail) + felt * rim + halo)
    light = light + outside * (each("ground") * ground[:, 0] + ground[:, 3])
    relief = s["relief"]
    if bool((relief != 0).any()):
        height = (dome + 1.5 * each("texture") * own) * inside * faded + 0.15 * each(
            "ground_relief"
        ) * ground[:, 0] * outside
        light = light + _shade(draw, height * max(h, w) / 16.0, relief, t)
    light = light + _lacking_contrast(light, depth, inside, parts, s, t)
    light = light + each("shading") * _unevenness(draw, t, coords_nhwc, s)
    light = light * _pool(draw, t, coords_nhwc, s)
    tone = of_object(draw.uniform(-1.0, 1.0, b, k))
    if channels == 3:
        shine_at = by_part(draw.uniform(-0.6, 0.6, b, k))
        gloss = (
            each("gloss")
            * torch.exp(-((across - shine_at) / 0.16).square())
            * (0.8 + 2.0 * each("texture") * own).clamp_min(0)
        )
        tint = each("tint")[:, None] * torch.stack([of_object(draw.normal(b, k)) for _ in range(3)], 1)
        image = coloured(draw, light, inside, gloss * inside * faded, tone, tint, own, ground, s, t)
    else:
        image = light[:, None]
    return _glow(image, s["glow"].repeat_interleave(t)), organelle


def _lacking_contrast(
    light: Tensor, depth: Tensor, inside: Tensor, parts: Parts, s: Settings, t: int
) -> Tensor:
    """What must be added so that an outline can be seen at all against the scene's own texture."""
    seen, spread = contrast(light, depth, parts.tile, t)
    # the longer an outline, the more texture it can stand
    span = s["span"] * max(light.shape[-2:])
    needed = 0.06 + spread * (4.5 / span.sqrt()).clamp(0.6, 1.5)
    lack = (needed - seen).clamp_min(0.0) * torch.where(s["body"] < 0, -1.0, 1.0)
    # between cells of a tissue, a membrane that the camera's blur leaves visible
    width = (1.2 + s["blur"] + 0.7 * s["enlarge"]).repeat_interleave(t)[:, None, None]
    where = torch.exp(-(depth / width).square()) if parts.tile else inside
    return lack.repeat_interleave(t)[:, None, None] * where


def _styled(field: Tensor, ridge: Tensor, blotch: Tensor) -> Tensor:
    """Clouds, ridges (fibres, folds) or blotches from the same noise."""
    field = field + ridge * (1.2 - 1.8 * field.abs() - field)
    return field + blotch * (1.2 * torch.tanh(4.0 * field) - field)


def _ground(
    draw: Draw,
    read: Callable[[Tensor, Tensor, Tensor], Tensor],
    coords_nhwc: Tensor,
    s: Settings,
    t: int,
    side: int,
) -> Tensor:
    """Three fields that lie still in the scene, or flow slowly: light, colour, rare things."""
    b = len(s["ground"])
    fields = octaves(draw, s["ground_slope"], s["ground_peak"], 3, side)
    turn = draw.uniform(0, 2 * math.pi, b)
    scale, stretch = s["ground_scale"], s["ground_stretch"]
    flow = s["flow"][:, None] * drift(draw, t, 2, b)
    cos, sin = (turn.cos() * scale), (turn.sin() * scale)

    def each(value_b: Tensor) -> Tensor:
        return value_b.repeat_interleave(t)[:, None, None]

    y, x = coords_nhwc.unbind(-1)
    y_at = y * each(cos) + x * each(sin) + flow[0].reshape(-1, 1, 1)
    x_at = (x * each(cos) - y * each(sin)) * each(stretch) + flow[1].reshape(-1, 1, 1)
    out = read(wrapped(fields), y_at, x_at)
    light = _styled(out[:, 0], each(s["ground_ridge"]), each(s["ground_blotch"]))
    if bool((s["bars"] != 0).any()):
        beat = draw.uniform(1.0, 6.0, b) * torch.where(draw.chance(0.5, b), 1.0, 0.3)
        bars = each(s["bars"]) * torch.tanh(5.0 * (2 * math.pi * each(beat) * y_at).sin())
        light = light + bars / each(s["ground"]).clamp_min(0.02)
    debris = each(s["debris"]) * torch.sigmoid(8.0 * (out[:, 2] - 2.3))
    return torch.stack([light, out[:, 1], out[:, 2], debris], 1)


def _unevenness(draw: Draw, t: int, coords_nhwc: Tensor, s: Settings) -> Tensor:
    """A smooth slope and bowl of the light over the window, about -1..1."""
    b = len(s["shading"])
    direction = draw.uniform(0, 2 * math.pi, b).repeat_interleave(t)[:, None, None]
    bowl = draw.uniform(-2.0, 2.0, b).repeat_interleave(t)[:, None, None]
    y, x = coords_nhwc.unbind(-1)
    return direction.cos() * y + direction.sin() * x + bowl * (0.15 - y * y - x * x)


def _pool(draw: Draw, t: int, coords_nhwc: Tensor, s: Settings) -> Tensor:
    """Light that falls off from a bright place: a lamp at the camera, an uneven illumination."""
    b = len(s["pool"])
    middle = 0.2 * draw.normal(b, 2, 1, 1)
    width = draw.uniform(0.3, 0.7, b, 1, 1)
    y, x = coords_nhwc.unbind(-1)

    def each(value: Tensor) -> Tensor:
        return value.repeat_interleave(t, 0)

    distance = (y - each(middle[:, 0])).square() + (x - each(middle[:, 1])).square()
    lamp = torch.exp(-0.5 * distance / each(width).square())
    return 1.0 + each(s["pool"])[:, None, None] * (lamp - 1.0)


def _shade(draw: Draw, height: Tensor, relief_b: Tensor, t: int) -> Tensor:
    """A height map lit from one side, as differential interference contrast shows it."""
    direction = draw.uniform(0, 2 * math.pi, len(relief_b)).repeat_interleave(t)[:, None, None]
    padded = F.pad(height[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    dy = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    dx = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    shade = (direction.cos() * dy + direction.sin() * dx).clamp(-0.5, 0.5)
    return relief_b.repeat_interleave(t)[:, None, None] * shade


def _glow(image_nchw: Tensor, strength_n: Tensor) -> Tensor:
    """Light from above and below the focus: a wide blur of the scene, added to it."""
    lit = (strength_n > 0).nonzero()[:, 0]
    if len(lit) == 0:
        return image_nchw
    coarse = F.avg_pool2d(image_nchw[lit], 8, ceil_mode=True)
    for _ in range(2):
        coarse = F.avg_pool2d(F.pad(coarse, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    haze = F.interpolate(coarse, size=image_nchw.shape[-2:], mode="bicubic", align_corners=False)
    return image_nchw.index_add(0, lit, haze * strength_n[lit][:, None, None, None])
