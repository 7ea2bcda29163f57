"""From parts to pixels: which part wins each pixel, and where in that part the pixel lies.

Each part is evaluated on a square patch around it only, patches of like size as one batch; the best
part of each pixel is kept by a minimum over packed integers, which is exact and the same on every run.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_sam2.sample_data.parts import ANGLES, MAX_PARTS, Parts, diamond, outline_slope

# how far outside its outline a part is still felt (halos), in window sides
MARGIN = 0.1
# how far a part of a tissue reaches, in outline radii
TILE_REACH = 2.2

_NOTHING = 1 << 30
_RATIO_STEPS = 1 << 14
_FAR = 4.0


@dataclass
class Fields:
    """What every pixel knows about the part it belongs to, or is nearest to (n = b * t frames).

    Attributes
    ----------
    part_nhw
        Index of that part among the b * k parts of the batch.
    near_nhw
        1 where any part reaches the pixel, else 0.
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
    near_nhw: Tensor
    owner_nhw: Tensor
    depth_nhw: Tensor
    rho_nhw: Tensor
    along_nhw: Tensor
    across_nhw: Tensor


def _place(rows: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixel coordinates in a part's own frame: along, across, along beyond the segment, radius."""
    centre_y, centre_x, cos, sin, stretch, bend = (rows[..., i] for i in range(6))
    dy, dx = y - centre_y, x - centre_x
    along = dx * cos + dy * sin
    across = dy * cos - dx * sin
    # a parabola through the middle is near enough to an arc; straight beyond the segment
    held = along.clamp(-stretch, stretch)
    across = across - bend * held * (2.0 * along - held)
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

    def frames_first(value_bkt: Tensor) -> Tensor:
        return value_bkt.transpose(1, 2).reshape(n * k)

    def each_frame(value_bk: Tensor) -> Tensor:
        return value_bk[:, None].expand(b, t, k).reshape(n * k)

    size = frames_first(parts.size_bkt).clamp_min(1e-4)
    angle, stretch = frames_first(parts.angle_bkt), frames_first(parts.stretch_bkt)
    bend = frames_first(parts.bend_bkt)
    centre = parts.centre_bktc.transpose(1, 2).reshape(n * k, 2)
    rows = torch.stack([centre[:, 0], centre[:, 1], angle.cos(), angle.sin(), stretch, bend], -1)
    radii = parts.outline_bkta.transpose(1, 2).reshape(n * k, ANGLES) * size[:, None]
    tile_n = parts.tile_b.repeat_interleave(t)
    tile = tile_n.repeat_interleave(k)
    front = each_frame(parts.order_bk) * parts.occlude_b.repeat_interleave(t * k)
    owner = each_frame(parts.owner_bk)

    # where the patches lie
    reach = size * (1.0 + (TILE_REACH - 1.0) * tile) + bend.abs() * stretch.square() + MARGIN * ~tile
    extent = torch.stack([(stretch * rows[:, 3]).abs(), (stretch * rows[:, 2]).abs()], -1).amax(-1) + reach
    origin_n2 = coords_nhwc[:, 0, 0]
    scale_n2 = (coords_nhwc[:, -1, -1] - origin_n2) / torch.tensor([h - 1, w - 1], device=device)
    frame_of = torch.arange(n, device=device).repeat_interleave(k)
    middle = (centre - origin_n2[frame_of]) / scale_n2[frame_of]
    half = extent[:, None] / scale_n2[frame_of]
    seen = ((middle + half > 0) & (middle - half < middle.new_tensor([h, w]))).all(1)
    seen &= frames_first(parts.present_bkt)
    need = 2.0 * half.amax(1) + 2.0
    side_limit = min(h, w)
    sides = sorted({min(side, side_limit) for side in _SIDES if side <= max(h, w)} | {side_limit})

    coords = coords_nhwc.reshape(n * pixels, 2)
    coord_y, coord_x = coords[:, 0].contiguous(), coords[:, 1].contiguous()
    best = torch.full((n * pixels,), _NOTHING, dtype=torch.int32, device=device)
    patches = []
    smaller = 0
    for side in sides:
        last = side == sides[-1]
        which = (seen & (need > smaller) & ((need <= side) | last)).nonzero()[:, 0]
        smaller = side
        if len(which) == 0:
            continue
        height, width = (h, w) if last else (side, side)
        corner = middle[which] - middle.new_tensor([height / 2, width / 2])
        corner = corner.round().long()
        top = corner[:, 0].clamp(0, h - height)
        left = corner[:, 1].clamp(0, w - width)
        start = frame_of[which] * pixels + top * w + left
        inner = (
            torch.arange(height, device=device)[:, None] * w + torch.arange(width, device=device)
        ).flatten()
        index = start[:, None] + inner
        y = coord_y.index_select(0, index.flatten()).view(index.shape)
        x = coord_x.index_select(0, index.flatten()).view(index.shape)
        _, across, beyond, radius = _place(rows[which][:, None], y, x)
        table = radii.index_select(0, which)
        ratio = radius / table.gather(1, diamond(across, beyond))
        packed = (ratio.clamp_max(_FAR - 0.01) * (_RATIO_STEPS / _FAR)).to(torch.int32)
        # parts in front come before all others, but only where they are
        ahead = (ratio < 1.0).to(torch.int32) * (front[which].to(torch.int32) << 14)[:, None]
        local = (which % k).to(torch.int32)[:, None]
        packed = ((packed - ahead) << 6) | local
        best.scatter_reduce_(0, index.flatten(), packed.flatten(), "amin")
        patches.append((which, index, ratio))

    near = best < _NOTHING
    part = (best & (MAX_PARTS - 1)).long() * near
    part = part + torch.arange(0, n * k, k, device=device).repeat_interleave(pixels)
    won_owner = owner.index_select(0, part)
    rival = torch.full((n * pixels,), _FAR, device=device)
    for which, index, ratio in patches:
        own = won_owner.index_select(0, index.flatten()).view(index.shape) == owner[which][:, None]
        rival.scatter_reduce_(0, index.flatten(), (ratio + own * _FAR).flatten(), "amin")

    along, across, beyond, radius = _place(rows.index_select(0, part), coord_y, coord_x)
    entry = part * ANGLES + diamond(across, beyond)
    won_reach = radii.flatten().index_select(0, entry)
    slope = outline_slope(radii).flatten().index_select(0, entry)
    rho = radius / won_reach
    normal = won_reach * slope
    free = (1.0 - rho) * normal
    # a boundary that two objects share lies half way between them
    shared = 0.5 * (rival - rho) * normal
    tiled = tile_n.repeat_interleave(pixels)
    occludes = parts.occlude_b.repeat_interleave(t * pixels)
    depth = torch.minimum(free + tiled * _FAR, shared + (occludes | (free < 0) & ~tiled) * _FAR)
    depth = depth * near - (~near) * 1.0
    inside = near & ((rho < 1.0) | (tiled & (rho < TILE_REACH)))

    def image(value: Tensor) -> Tensor:
        return value.view(n, h, w)

    # parts of a scene are the same in all its frames
    whole = part % k + torch.arange(0, b * k, k, device=device).repeat_interleave(t * pixels)
    return Fields(
        part_nhw=image(whole),
        near_nhw=image(near),
        owner_nhw=image(won_owner * inside),
        depth_nhw=image(depth),
        rho_nhw=image(rho),
        along_nhw=image(along),
        across_nhw=image(across),
    )


_SIDES = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
