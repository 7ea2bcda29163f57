"""From parts to pixels: which part wins each pixel, and where in that part the pixel lies.

Each part is evaluated on a square patch around it only, patches of like size as one batch; the best
part of each pixel is kept by a minimum over packed integers, which is exact and the same on every run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_sam2.sample_data.parts import ANGLES, MAX_PARTS, Parts, diamond, outline_slope

# how far outside its outline a part is still felt (halos), in window sides
MARGIN = 0.1

# the bits of a packed integer: depth order, ratio, part; together less than 31
_RATIO_BITS = 14
_PART_BITS = (MAX_PARTS - 1).bit_length()
_NOTHING = 1 << 30
_RATIO_STEPS = (1 << _RATIO_BITS) - 1
_FAR = 8.0
# the coarse grid of tissue: a point every so many pixels, and at least so many points a side
_STRIDE, _POINTS = 8, 16
_SIDES = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# numbers at a time on a CPU: what stays in its cache
_CHUNK = 1 << 17


@dataclass
class Fields:
    """What every pixel knows about the part it belongs to, or is nearest to (n = b * t frames).

    Attributes
    ----------
    part_nhw
        Index of that part among the b * k parts of the batch.
    owner_nhw
        The object whose pixel it is, 0 outside.
    depth_nhw
        Distance to the boundary, window sides: positive inside, negative outside.
    rho_nhw
        Radius over the outline's radius: 0 in the middle, 1 on the outline.
    along_nhw, across_nhw
        Position from the part's middle on its long axis and across it, window sides.
    """

    part_nhw: Tensor
    owner_nhw: Tensor
    depth_nhw: Tensor
    rho_nhw: Tensor
    along_nhw: Tensor
    across_nhw: Tensor


def _place(rows: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixel coordinates in a part's own frame: along, across, along beyond the segment, radius."""
    centre_y, centre_x, cos, sin, stretch, bend, taper = rows.unbind(-1)
    dy, dx = y - centre_y, x - centre_x
    along = dx * cos + dy * sin
    across = dy * cos - dx * sin
    # a parabola through the middle is near enough to an arc; straight beyond the segment
    held = along.clamp(-stretch, stretch)
    across = (across - bend * held * (2.0 * along - held)) * (1.0 + taper * held)
    beyond = along - held
    radius = torch.hypot(beyond, across)
    return along, across, beyond, radius


def rasterise(parts: Parts, coords_nhwc: Tensor) -> Fields:
    """Find for each pixel of each frame the part that wins it.

    Parameters
    ----------
    parts
        b scenes of k parts over t frames.
    coords_nhwc
        (b * t, h, w, 2) scene coordinates (y, x) of the pixels, about one window wide.

    Returns
    -------
    Fields
        n = b * t frames, scene by scene.
    """
    b, k, t = parts.angle_bkt.shape
    n, h, w, _ = coords_nhwc.shape
    pixels = h * w
    device = coords_nhwc.device
    rows, radii = _rows(parts)
    owner = parts.owner_bk[:, None].expand(b, t, k).reshape(n * k)
    front = (parts.order_bk * parts.occlude_b[:, None])[:, None].expand(b, t, k).reshape(n * k)
    front = front.to(torch.int32) << _RATIO_BITS
    present = parts.present_bkt.transpose(1, 2).reshape(n * k)
    boxes = _nearest_boxes if parts.tile else _reach_boxes
    middle, half, seen = boxes(parts, rows, radii, present, coords_nhwc)

    coord_y, coord_x = (c.flatten() for c in coords_nhwc.unbind(-1))
    best = torch.full((n * pixels,), _NOTHING, dtype=torch.int32, device=device)
    patches = []
    for which, start, inner in _patches(middle, half, seen, k, h, w):
        index = (start[:, None] + inner).flatten()
        y = coord_y.index_select(0, index).view(len(which), -1)
        x = coord_x.index_select(0, index).view(len(which), -1)
        _, across, beyond, radius = _place(rows[which][:, None], y, x)
        ratio = radius / radii.index_select(0, which).gather(1, diamond(across, beyond))
        ratio = ratio.clamp_max_(_FAR)
        packed = (ratio * (_RATIO_STEPS / _FAR)).to(torch.int32)
        # parts in front come before all others, but only where they are
        packed = packed - (ratio < 1.0) * front[which][:, None]
        packed = (packed << _PART_BITS) | (which % k).to(torch.int32)[:, None]
        best.scatter_reduce_(0, index, packed.flatten(), "amin")
        patches.append((which, start, inner, ratio))

    near = best < _NOTHING
    part = (best & (MAX_PARTS - 1)).long() * near
    part = part + torch.arange(0, n * k, k, device=device).repeat_interleave(pixels)
    won_owner = owner.index_select(0, part)
    rival = torch.full((n * pixels,), _FAR, device=device)
    for which, start, inner, ratio in patches:
        index = (start[:, None] + inner).flatten()
        own = won_owner.index_select(0, index).view(ratio.shape) == owner[which][:, None]
        rival.scatter_reduce_(0, index, (ratio + own * _FAR).flatten(), "amin")

    along, across, beyond, radius = _place(rows.index_select(0, part), coord_y, coord_x)
    entry = part * ANGLES + diamond(across, beyond)
    won_reach = radii.flatten().index_select(0, entry)
    normal = won_reach * outline_slope(radii).flatten().index_select(0, entry)
    rho = radius / won_reach
    # a boundary that two objects share lies half way between them
    shared = 0.5 * (rival - rho) * normal
    if parts.tile:
        inside, depth = near, shared
    else:
        inside = near & (rho < 1.0)
        free = (1.0 - rho) * normal
        alone = parts.occlude_b.repeat_interleave(t * pixels) | (free < 0)
        depth = torch.minimum(free, shared + alone * _FAR)
    depth = depth * near - (~near) * 1.0

    def image(value: Tensor) -> Tensor:
        return value.view(n, h, w)

    # parts of a scene are the same in all its frames
    whole = part % k + torch.arange(0, b * k, k, device=device).repeat_interleave(t * pixels)
    return Fields(
        part_nhw=image(whole),
        owner_nhw=image(won_owner * inside),
        depth_nhw=image(depth),
        rho_nhw=image(rho),
        along_nhw=image(along),
        across_nhw=image(across),
    )


def _rows(parts: Parts) -> tuple[Tensor, Tensor]:
    """Geometry of every part in every frame: (n * k, 7) for `_place`, and outlines (n * k, ANGLES)."""

    def flat(value_bkt: Tensor) -> Tensor:
        return value_bkt.transpose(1, 2).reshape(-1)

    angle, stretch = flat(parts.angle_bkt), flat(parts.stretch_bkt)
    # no part may narrow to a line
    most = 0.6 / stretch.clamp_min(1e-3)
    taper = flat(parts.taper_bk[..., None].expand_as(parts.stretch_bkt)).clamp(-most, most)
    columns = [
        flat(parts.centre_bktc[..., 0]),
        flat(parts.centre_bktc[..., 1]),
        angle.cos(),
        angle.sin(),
        stretch,
        flat(parts.bend_bkt),
        taper,
    ]
    outline = parts.outline_bkta.transpose(1, 2).reshape(-1, ANGLES)
    return torch.stack(columns, -1), outline * flat(parts.size_bkt).clamp_min(1e-4)[:, None]


def _reach_boxes(
    parts: Parts, rows: Tensor, radii: Tensor, present: Tensor, coords_nhwc: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where each part can be felt: middle (n * k, 2) and half side (n * k,) in pixels; whether in view."""
    n, h, w, _ = coords_nhwc.shape
    k = len(rows) // n
    cos, sin, stretch, bend, taper = rows[:, 2:].unbind(1)
    widest = 1.0 / (1.0 - (taper * stretch).abs())
    reach = radii.amax(1) * widest + bend.abs() * stretch.square() + MARGIN
    extent = stretch * torch.maximum(cos.abs(), sin.abs()) + reach
    # pixels of a scene position: the inverse of the affine map that the camera is, up to small warps
    origin_n2 = coords_nhwc[:, 0, 0]
    down = (coords_nhwc[:, -1, 0] - origin_n2) / (h - 1)
    right = (coords_nhwc[:, 0, -1] - origin_n2) / (w - 1)
    area = down[:, 0] * right[:, 1] - down[:, 1] * right[:, 0]
    inverse_n22 = torch.stack([right[:, 1], -right[:, 0], -down[:, 1], down[:, 0]], -1) / area[:, None]
    away = rows[:, :2] - origin_n2.repeat_interleave(k, 0)
    middle = (inverse_n22.view(n, 2, 2).repeat_interleave(k, 0) * away[:, None]).sum(-1)
    half = extent / area.sqrt().repeat_interleave(k)
    seen = (middle + half[:, None] > 0) & (middle - half[:, None] < middle.new_tensor([h, w]))
    return middle, half, seen.all(1) & present


def _nearest_boxes(
    parts: Parts, rows: Tensor, radii: Tensor, present: Tensor, coords_nhwc: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Like `_reach_boxes` for tissue: where a part is nearest, or nearly so, found on a coarse grid."""
    n = len(coords_nhwc)
    k = len(rows) // n
    stride = min(_STRIDE, max(1, min(coords_nhwc.shape[1:3]) // _POINTS))
    coarse = coords_nhwc[:, stride // 2 :: stride, stride // 2 :: stride]
    h, w = coarse.shape[1:3]
    y, x = coarse.reshape(n, 1, h * w, 2).unbind(-1)
    _, across, beyond, radius = _place(rows.view(n, k, 1, 7), y, x)
    ratio = radius / radii.view(n, k, ANGLES).gather(2, diamond(across, beyond))
    ratio = ratio + ~present.view(n, k, 1) * 1e3
    close = (ratio < 1.25 * ratio.amin(1, keepdim=True) + 0.15).view(n * k, h, w)
    lines = torch.arange(h, device=rows.device), torch.arange(w, device=rows.device)
    middles, halves = [], []
    for axis, line in enumerate(lines):
        hit = close.any(2 - axis)
        first = torch.where(hit, line, len(line)).amin(1)
        last = torch.where(hit, line, -1).amax(1)
        middles.append((first + last + 1) * (stride / 2))
        halves.append((last - first + 1).clamp_min(0) * (stride / 2))
    half = torch.stack(halves, -1).amax(1) + stride / 2
    return torch.stack(middles, -1), half, close.flatten(1).any(1)


def _patches(
    middle: Tensor, half: Tensor, seen: Tensor, k: int, h: int, w: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Parts in batches of like size: (rows, flat index of each patch's first pixel, offsets within)."""
    device = middle.device
    limit = min(h, w)
    sides = [side for side in _SIDES if side < limit] + [max(h, w)]
    need = 2.0 * half + 2.0
    smaller = 0
    for side in sides:
        last = side == sides[-1]
        fits = (need > smaller) if last else (need > smaller) & (need <= side)
        smaller = side
        height, width = (h, w) if last else (side, side)
        inner = torch.arange(height, device=device)[:, None] * w + torch.arange(width, device=device)
        inner = inner.flatten()
        at_once = max(1, (_CHUNK if device.type == "cpu" else 256 * _CHUNK) // len(inner))
        chosen = (seen & fits).nonzero()[:, 0]
        for which in chosen.split(at_once) if len(chosen) else ():
            corner = (middle[which] - middle.new_tensor([height / 2, width / 2])).round().long()
            top = corner[:, 0].clamp(0, h - height)
            left = corner[:, 1].clamp(0, w - width)
            yield which, which // k * (h * w) + top * w + left, inner
