"""What a scene is made of: parts, each a star-shaped outline swept along a bent segment, moving in time.

Lengths are in window sides, coordinates are (y, x) with 0 at the window's middle. Several parts may
belong to one object (an instrument is a shaft, a wrist and two jaws).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

ANGLES = 256


@dataclass
class Parts:
    """`b` scenes of `k` parts over `t` frames.

    Attributes
    ----------
    centre_bktc
        Middle of each part, (y, x).
    angle_bkt
        Direction of the part's long axis, radians.
    size_bkt
        Radius of the outline where its table says 1.
    stretch_bkt
        Half the length of the segment along which the outline is swept; 0 for a blob, long for a rod.
    bend_bkt
        Curvature of that segment, in 1 / window side.
    outline_bkta
        Radius of the outline at equally spaced angles from its long axis, about 1.
    present_bkt
        Whether the part is there at all in a frame.
    order_bk
        Depth: in scenes that occlude, the larger number is in front.
    owner_bk
        Id of the object the part belongs to, from 1; 0 is never labelled.
    occlude_b
        True: parts lie over each other by depth. False: touching parts share the space between them.
    tile_b
        True: every pixel belongs to the nearest part (tissue, membranes); there is no background.
    """

    centre_bktc: Tensor
    angle_bkt: Tensor
    size_bkt: Tensor
    stretch_bkt: Tensor
    bend_bkt: Tensor
    outline_bkta: Tensor
    present_bkt: Tensor
    order_bk: Tensor
    owner_bk: Tensor
    occlude_b: Tensor
    tile_b: Tensor


@dataclass
class Fields:
    """What every pixel knows about the part it belongs to, or is nearest to (n = b * t frames).

    Attributes
    ----------
    part_nhw
        Index of that part.
    owner_nhw
        Its object where the pixel is inside, else 0.
    depth_nhw
        Distance to the boundary, window sides: positive inside, negative outside.
    rho_nhw
        Radius over the outline's radius: 0 at the middle, 1 at the outline.
    local_nhwc
        (along, across) the part's long axis, from its middle, window sides.
    across_nhw
        Position across the part over its half-width, -1..1.
    """

    part_nhw: Tensor
    owner_nhw: Tensor
    depth_nhw: Tensor
    rho_nhw: Tensor
    local_nhwc: Tensor
    across_nhw: Tensor


def _pseudo_angle(y: Tensor, x: Tensor) -> Tensor:
    """Monotone in the angle, 0..4 over a turn, without a trigonometric function."""
    ratio = y / (x.abs() + y.abs()).clamp_min(1e-9)
    return torch.where(x >= 0, ratio, 2.0 - ratio) % 4.0


def outline_angles(device: torch.device) -> Tensor:
    """The true angle of each entry of an outline table, which is equally spaced in pseudo-angle."""
    p = torch.arange(ANGLES, device=device, dtype=torch.float32) * (4.0 / ANGLES)
    # invert y / (|x| + |y|) on each quarter of the unit diamond
    y = torch.where(p <= 1, p, torch.where(p <= 3, 2 - p, p - 4))
    x = torch.where(p <= 2, 1 - p, p - 3)
    return torch.atan2(y, x)


def rasterise(parts: Parts, coords_nhwc: Tensor) -> Fields:
    """Evaluate every part at every pixel and keep, for each pixel, the part that wins it.

    Parameters
    ----------
    parts
        b scenes of k parts over t frames.
    coords_nhwc
        (b * t, h, w, 2) scene coordinates (y, x) of the pixels.

    Returns
    -------
    Fields
        n = b * t frames, scene by scene.
    """
    b, k, t = parts.angle_bkt.shape
    n, h, w, _ = coords_nhwc.shape

    def per_frame(value_bkt: Tensor) -> Tensor:
        return value_bkt.transpose(1, 2).reshape(n, k, 1)

    def over_time(value_bk: Tensor) -> Tensor:
        return value_bk[:, None].expand(b, t, *value_bk.shape[1:]).reshape(n, *value_bk.shape[1:])

    angle = per_frame(parts.angle_bkt)
    cos, sin = angle.cos(), angle.sin()
    size, stretch, bend = (per_frame(v) for v in (parts.size_bkt, parts.stretch_bkt, parts.bend_bkt))
    pixels_nc = coords_nhwc.reshape(n, 1, h * w, 2)
    dy = pixels_nc[..., 0] - per_frame(parts.centre_bktc[..., 0])
    dx = pixels_nc[..., 1] - per_frame(parts.centre_bktc[..., 1])
    along = dx * cos + dy * sin
    across = dy * cos - dx * sin
    # a parabola through the middle: near enough to an arc, and one multiplication
    across = across - bend * along * (along.clamp(-1.0, 1.0))
    beyond = along - torch.maximum(torch.minimum(along, stretch), -stretch)
    radius = (beyond * beyond + across * across).sqrt_()

    turn = _pseudo_angle(across, beyond)
    index = (turn * (ANGLES / 4)).to(torch.int64).clamp_(max=ANGLES - 1)
    outline_nka = parts.outline_bkta.transpose(1, 2).reshape(n, k, ANGLES) * size
    reach = outline_nka.gather(2, index)
    ratio = radius / reach.clamp_min(1e-6)
    ratio = ratio.masked_fill(~per_frame(parts.present_bkt), 1e6)

    order = torch.where(
        over_time(parts.occlude_b[:, None].expand(b, k)), over_time(parts.order_bk) + 1.0, 0.0
    )
    contest = torch.where(ratio < 1.0, ratio - 4.0 * order[..., None], ratio)
    part = contest.argmin(1, keepdim=True)
    owners_nk = over_time(parts.owner_bk)
    owner = owners_nk.gather(1, part[:, 0])
    rival = ratio.masked_fill(owners_nk[..., None] == owner[:, None], 1e6).amin(1)

    def won(value_nkp: Tensor) -> Tensor:
        return value_nkp.gather(1, part)[:, 0]

    rho, reach, along, across, radius = won(ratio), won(reach), won(along), won(across), won(radius)
    won_index = won(index)
    slope_nka = _slope(parts.outline_bkta).transpose(1, 2).reshape(n, k * ANGLES)
    slope = slope_nka.gather(1, part[:, 0] * ANGLES + won_index)
    depth = (reach - radius) * slope
    # where two objects share a boundary it lies half way between them
    shared = 0.5 * (rival - rho) * reach * slope
    tile = over_time(parts.tile_b)[:, None]
    occlude = over_time(parts.occlude_b)[:, None]
    touching = torch.where(depth > 0, torch.minimum(depth, shared), depth)
    depth = torch.where(tile, shared, torch.where(occlude, depth, touching))
    inside = (rho < 1.0) | tile
    half_width = won((size * outline_nka.new_ones(1)).expand(n, k, h * w))

    def image(value: Tensor) -> Tensor:
        return value.reshape(n, h, w)

    return Fields(
        part_nhw=image(part[:, 0]),
        owner_nhw=image(torch.where(inside, owner, 0)),
        depth_nhw=image(depth),
        rho_nhw=image(rho),
        local_nhwc=torch.stack([image(along), image(across)], dim=-1),
        across_nhw=image(across / half_width.clamp_min(1e-6)),
    )


def _slope(outline_bkta: Tensor) -> Tensor:
    """Turns a radial distance into a distance along the outline's normal."""
    angles = outline_angles(outline_bkta.device)
    step = (angles.roll(-1) - angles.roll(1)).remainder(2 * torch.pi)
    rate = (outline_bkta.roll(-1, -1) - outline_bkta.roll(1, -1)) / step / outline_bkta.clamp_min(1e-3)
    return (1.0 + rate * rate).rsqrt()
