"""Where the parts of a scene lie and how they move: cells around one, tissue without gaps, instruments."""

import math

import torch
from torch import Tensor

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.motion import drift, smoothstep, wander
from napari_sam2.sample_data.outlines import outlines, taper
from napari_sam2.sample_data.parts import Parts
from napari_sam2.sample_data.ranges import Settings

# parts of a scene of cells or tissue: enough to fill a window whose objects are a tenth of it
_COUNT = 64


def _lattice(draw: Draw, batch: int, k: int) -> Tensor:
    """The k points of a hexagonal lattice nearest to 0, jittered and turned; unit spacing; (b, k, 2)."""
    rows = torch.arange(-6, 7, device=draw.device, dtype=torch.float32)
    y, x = torch.meshgrid(rows, rows, indexing="ij")
    points = torch.stack([y * math.sqrt(0.75), x + 0.5 * (y % 2)], -1).reshape(-1, 2)
    # a hair of asymmetry makes the order the same on every device
    points = points[(points.square().sum(1) + 1e-4 * points[:, 1] + 1e-5 * points[:, 0]).argsort()[:k]]
    turn = draw.uniform(0, 2 * math.pi, batch, 1)
    cos, sin = turn.cos(), turn.sin()
    y, x = points[:, 0], points[:, 1]
    return torch.stack([y * cos + x * sin, x * cos - y * sin], -1) + 0.2 * draw.normal(batch, k, 2)


def _travel(draw: Draw, frames: int, speed_bk: Tensor) -> Tensor:
    """Offsets (b, k, frames, 2): a steady velocity plus a wander, 0 at a random frame of each part."""
    b, k = speed_bk.shape
    t = torch.arange(frames, device=draw.device, dtype=torch.float32)
    anchor = (draw.unit(b, k, 1) * frames).floor()
    steady = draw.normal(b, k, 2, 1) * 0.7 * (t - anchor)[:, :, None]
    path = steady + 2.0 * drift(draw, frames, b, k, 2)
    return (path * speed_bk[..., None, None]).transpose(2, 3)


def _lifetimes(draw: Draw, frames: int, b: int, k: int, s: Settings) -> tuple[Tensor, Tensor]:
    """Which parts are there when (b, k, frames), and the factor on their size (a body's cross-section)."""
    if frames == 1:
        ones = torch.ones(b, k, 1, device=draw.device)
        return ones > 0, ones
    t = torch.arange(frames, device=draw.device, dtype=torch.float32)
    gone = draw.chance(s["vanish"][:, None], b, k)[..., None]
    start = draw.uniform(0.0, frames, b, k, 1).floor()
    length = draw.uniform(1.0, 0.6 * frames + 1, b, k, 1).floor()
    present = ~(gone & (t >= start) & (t < start + length))
    # a ball cut at height z has radius sqrt(1 - z^2): depth stacks begin and end as balls do
    level = draw.uniform(-0.2, 1.2, b, k, 1)
    level[:, 0] = level[:, 0].clamp(0.15, 0.85)
    height = (t / frames - level) / draw.uniform(0.35, 1.2, b, k, 1)
    ball = (1.0 - height.square()).clamp_min(0.0).sqrt()
    deep = s["deep"][:, None, None] > 0
    return present & (~deep | (ball > 0.25)), torch.where(deep, ball, 1.0)


def _excursions(draw: Draw, frames: int, b: int, k: int, s: Settings) -> Tensor:
    """Offsets that carry some parts out of the window and back; (b, k, frames, 2)."""
    if frames == 1:
        return torch.zeros(b, k, 1, 2, device=draw.device)
    t = torch.arange(frames, device=draw.device, dtype=torch.float32)
    middle = draw.uniform(0.2 * frames, 0.9 * frames, b, k, 1)
    half = draw.uniform(0.15 * frames, 0.4 * frames, b, k, 1) + 1.0
    away = smoothstep(1.4 * (1.0 - (t - middle).abs() / half))
    away = away * draw.chance(s["leave"][:, None], b, k)[..., None]
    direction = draw.uniform(0, 2 * math.pi, b, k, 1)
    distance = draw.uniform(0.6, 1.3, b, k, 1) * away
    return torch.stack([distance * direction.sin(), distance * direction.cos()], -1)


def cells(draw: Draw, frames: int, s: Settings) -> Parts:
    """One part in the middle and its neighbours: nuclei, rods, stellate cells, long bodies, any blobs."""
    b, k = len(s["span"]), _COUNT
    alike = 1.0 + s["size_jitter"][:, None] * draw.normal(b, k).clamp(-1.5, 2.5)
    aspect_bk = 1.0 + (s["aspect"][:, None] - 1.0) * draw.uniform(0.4, 1.3, b, k)
    rod_bk = s["rod"][:, None] * draw.uniform(0.6, 1.3, b, k)
    span_bk = s["span"][:, None] * alike.clamp_min(0.35)
    size_bk = 0.5 * span_bk / (1.0 + rod_bk)
    place = _lattice(draw, b, k)
    middle = 0.12 * draw.normal(b, 1, 2).clamp(-2.5, 2.5) * draw.chance(0.6, b, 1, 1)
    # rods pack side by side: their spacing follows the geometric mean of length and width
    spacing = s["spacing"] * s["span"] / (1.0 + 0.5 * s["rod"]).pow(0.4)
    # most windows are crops of a field that goes on to their borders
    spacing = torch.maximum(spacing, draw.uniform(0.04, 0.14, b))
    centre_bk = middle + (place - place[:, :1]) * spacing[:, None, None]
    shared_angle = draw.uniform(0, 2 * math.pi, b, 1)
    angle_bk = shared_angle + s["disorder"][:, None] * draw.uniform(-math.pi, math.pi, b, k)

    outline = outlines(draw, frames, aspect_bk, s["bumps"], s["spikes"], s["corners"], s["lively"])
    present, ball = _lifetimes(draw, frames, b, k, s)
    filled = draw.chance(s["fill"][:, None], b, k)
    filled[:, 0] = True
    present = present & filled[..., None]

    speed_bk = s["speed"][:, None] * span_bk * draw.uniform(0.3, 1.5, b, k)
    centre = centre_bk[:, :, None] + _travel(draw, frames, speed_bk) + _excursions(draw, frames, b, k, s)
    spin = s["spin"][:, None, None] * drift(draw, frames, b, k)
    swell = (0.25 * s["lively"][:, None, None] * drift(draw, frames, b, k)).exp().clamp(0.6, 1.6)
    bend = s["bend"][:, None] * draw.normal(b, k) / span_bk
    flex = s["lively"][:, None, None] * s["bend"][:, None, None] * drift(draw, frames, b, k)
    size = size_bk[..., None] * swell * ball
    itself = torch.arange(k, device=draw.device).expand(b, k)
    parts = Parts(
        centre_bktc=centre,
        angle_bkt=angle_bk[..., None] + spin,
        size_bkt=size,
        stretch_bkt=size * rod_bk[..., None],
        bend_bkt=bend[..., None] + flex / span_bk[..., None],
        taper_bk=s["taper"][:, None] * draw.uniform(-1.0, 1.0, b, k) / (size_bk * rod_bk).clamp_min(0.01),
        outline_bkta=outline,
        present_bkt=present,
        order_bk=draw.unit(b, k).argsort(1).float(),
        owner_bk=itself + 1,
        look_bk=itself.clone(),
        occlude_b=draw.chance(s["occlude"], b),
    )
    limbed_b = draw.chance(s["limbs"], b)
    _add_limbs(draw, parts, limbed_b)
    if frames > 1:
        _divide(draw, parts, draw.chance(s["divide"], b) & ~limbed_b)
    return parts


def _add_limbs(draw: Draw, parts: Parts, limbed_b: Tensor) -> None:
    """Make every fourth part of some scenes a trunk, and the three after it limbs that swing from it."""
    _, k, t = parts.angle_bkt.shape
    rows = limbed_b.nonzero()[:, 0]
    if len(rows) == 0:
        return
    trunk = torch.arange(0, k, 4, device=draw.device)
    for limb in (1, 2, 3):
        slot = trunk + limb
        shape = (len(rows), len(trunk))
        bearing = parts.angle_bkt[rows][:, trunk] + draw.uniform(0, 2 * math.pi, *shape, 1)
        bearing = bearing + 0.5 * drift(draw, t, *shape)
        size = parts.size_bkt[rows][:, trunk]
        share = draw.uniform(0.35, 0.9, *shape, 1)
        stretch = parts.stretch_bkt[rows][:, trunk] * draw.unit(*shape, 1) + size * draw.uniform(
            0, 0.8, *shape, 1
        )
        away = size * draw.uniform(0.5, 0.9, *shape, 1) + stretch * 0.6
        offset = torch.stack([bearing.sin(), bearing.cos()], -1) * away[..., None]
        there = draw.chance(0.75, *shape)[..., None]
        place = rows[:, None], slot
        parts.centre_bktc[place] = parts.centre_bktc[rows][:, trunk] + offset
        parts.angle_bkt[place] = bearing
        parts.size_bkt[place] = size * share
        parts.stretch_bkt[place] = stretch
        parts.present_bkt[place] = parts.present_bkt[rows][:, trunk] & there
        parts.order_bk[place] = parts.order_bk[rows][:, trunk]
        parts.owner_bk[place] = parts.owner_bk[rows][:, trunk]
        parts.look_bk[place] = parts.look_bk[rows][:, trunk]


def _divide(draw: Draw, parts: Parts, divides_b: Tensor) -> None:
    """Let the middle part of some scenes divide: it ends, and the last two parts begin in its place."""
    b, k, t = parts.angle_bkt.shape
    time = torch.arange(t, device=draw.device, dtype=torch.float32)
    moment = 1.0 + (draw.unit(b, 1) * (t - 1)).floor()
    after_bt = time >= moment
    near = smoothstep(1.0 - (moment - time).clamp_min(0) / 3.0)
    mother_size = parts.size_bkt[:, 0].clone()
    squeeze = torch.where(divides_b[:, None], 1.0 - 0.25 * near, 1.0)
    parts.size_bkt[:, 0] = mother_size * squeeze
    parts.stretch_bkt[:, 0] = parts.stretch_bkt[:, 0] + mother_size * (1 - squeeze) * 2.5
    parts.present_bkt[:, 0] &= ~(divides_b[:, None] & after_bt)
    apart = mother_size * (0.62 + 0.35 * (time - moment).clamp_min(0).sqrt())
    angle = parts.angle_bkt[:, 0]
    for slot, side in ((k - 2, -1.0), (k - 1, 1.0)):
        offset = torch.stack([angle.sin(), angle.cos()], -1) * (side * apart)[..., None]
        replaced = divides_b[:, None]
        daughter = parts.centre_bktc[:, 0] + offset
        parts.centre_bktc[:, slot] = torch.where(replaced[..., None], daughter, parts.centre_bktc[:, slot])
        parts.size_bkt[:, slot] = torch.where(replaced, 0.68 * mother_size, parts.size_bkt[:, slot])
        parts.stretch_bkt[:, slot] = torch.where(replaced, 0.0, parts.stretch_bkt[:, slot])
        parts.angle_bkt[:, slot] = torch.where(replaced, angle + 1.57, parts.angle_bkt[:, slot])
        parts.present_bkt[:, slot] = torch.where(replaced, after_bt, parts.present_bkt[:, slot])


def tissue(draw: Draw, frames: int, s: Settings) -> Parts:
    """Cells without gaps: every pixel belongs to its nearest site, by weighted distance."""
    b, k = len(s["span"]), _COUNT
    # fewer than _COUNT sites must fill the window
    spacing = s["span"][:, None].clamp_min(0.15)
    place = _lattice(draw, b, k) + 0.25 * draw.normal(b, k, 2)
    centre_bk = place * spacing[..., None] + 0.3 * spacing[..., None] * draw.normal(b, 1, 2)
    weight = (s["size_jitter"][:, None] * 1.2 * draw.normal(b, k)).exp()
    size_bk = 0.6 * spacing * weight
    aspect_bk = 1.0 + (s["aspect"][:, None] - 1.0) * draw.uniform(0.4, 1.5, b, k)
    bumps = 0.5 * s["bumps"]
    none = torch.zeros_like(bumps)
    outline = outlines(draw, frames, aspect_bk, bumps, none, none, s["lively"])
    speed = s["speed"][:, None] * spacing * 0.7
    shared_angle = draw.uniform(0, 2 * math.pi, b, 1)
    angle_bk = shared_angle + s["disorder"][:, None] * draw.uniform(-math.pi, math.pi, b, k)
    # sites that share an owner make bodies that no single site can: concave, branching
    owner = torch.arange(1, k + 1, device=draw.device).expand(b, k).clone()
    joined = draw.chance(s["join"][:, None], b, k // 2)
    owner[:, 1 : 2 * (k // 2) : 2] = torch.where(
        joined, owner[:, 0 : 2 * (k // 2) : 2], owner[:, 1 : 2 * (k // 2) : 2]
    )
    size = size_bk[..., None] * (0.35 * s["lively"][:, None, None] * drift(draw, frames, b, k)).exp()
    # in depth, bodies of a tissue end where their neighbours close over them
    present, ball = _lifetimes(draw, frames, b, k, {**s, "vanish": torch.zeros(b, device=draw.device)})
    size = size * ball.clamp_min(0.05)
    return Parts(
        centre_bktc=centre_bk[:, :, None] + _travel(draw, frames, speed),
        angle_bkt=angle_bk[..., None] + 0.3 * s["spin"][:, None, None] * drift(draw, frames, b, k),
        size_bkt=size,
        stretch_bkt=size * 0.5 * s["rod"][:, None, None] * draw.unit(b, k, 1),
        bend_bkt=(s["bend"][:, None, None] * draw.normal(b, k, 1) / spacing[..., None]).expand_as(size),
        taper_bk=torch.zeros(b, k, device=draw.device),
        outline_bkta=outline,
        present_bkt=present,
        order_bk=torch.zeros(b, k, device=draw.device),
        owner_bk=owner,
        look_bk=owner - 1,
        occlude_b=torch.zeros(b, dtype=torch.bool, device=draw.device),
        tile=True,
    )


def instruments(draw: Draw, frames: int, s: Settings) -> Parts:
    """Up to three instruments: a shaft from beyond the border, a wrist and two jaws that open and close."""
    b, tools = len(s["span"]), 3
    width = s["span"][:, None] * draw.log_uniform(0.07, 0.45, b, tools)
    tip = 0.3 * draw.normal(b, tools, 2).clamp(-1.3, 1.3)
    tip[:, 0] *= 0.6
    heading = draw.uniform(0, 2 * math.pi, b, tools, 1)
    heading = heading + 0.12 * (1 + s["spin"][:, None, None]) * drift(draw, frames, b, tools)
    speed = s["speed"][:, None] * draw.uniform(0.05, 0.5, b, tools)
    tip = tip[:, :, None] + _travel(draw, frames, speed) + _excursions(draw, frames, b, tools, s)
    axis = torch.stack([heading.sin(), heading.cos()], -1)
    width = width[..., None].expand(b, tools, frames)
    reach = 1.1
    wrist = width * draw.uniform(0.7, 3.0, b, tools, 1)
    jaw = width * draw.uniform(1.0, 4.0, b, tools, 1)
    opening = (0.25 * (1 + wander(draw, frames, b, tools))).clamp(0.0, 0.9)
    opening = opening * draw.chance(0.75, b, tools, 1)

    def at(distance: Tensor) -> Tensor:
        return tip - axis * distance[..., None]

    shaft_middle = at(wrist + reach)
    centres, angles, sizes, stretches = (
        [shaft_middle],
        [heading],
        [width / 2],
        [torch.full_like(width, reach)],
    )
    centres.append(at(0.6 * wrist))
    angles.append(heading)
    sizes.append(width * draw.uniform(0.28, 0.5, b, tools, 1))
    stretches.append(0.6 * wrist)
    for side in (-1.0, 1.0):
        turned = heading + side * opening
        forward = torch.stack([turned.sin(), turned.cos()], -1)
        centres.append(tip + forward * (0.5 * jaw)[..., None])
        angles.append(turned)
        sizes.append(0.55 * jaw)
        stretches.append(torch.zeros_like(jaw))
    round_end = torch.ones(b, tools, device=draw.device)
    shaft_table = taper(draw, frames, 0 * round_end, round_end)
    jaw_table = taper(draw, frames, draw.unit(b, tools), draw.uniform(2.8, 7.0, b, tools))
    present, _ = _lifetimes(draw, frames, b, tools, s)
    there = draw.chance(s["fill"][:, None], b, tools)
    there[:, 0] = True
    present = present & there[..., None]

    def merge(values: list[Tensor]) -> Tensor:
        return torch.stack(values, 2).flatten(1, 2)

    # a shaft that comes towards the camera widens away from its tip
    perspective = draw.uniform(0.0, 0.5, b, tools, 1) * draw.chance(0.6, b, tools, 1)
    count = tools * 4
    return Parts(
        centre_bktc=merge(centres),
        angle_bkt=merge(angles),
        size_bkt=merge(sizes),
        stretch_bkt=merge(stretches),
        bend_bkt=torch.zeros(b, count, frames, device=draw.device),
        taper_bk=torch.cat([perspective, torch.zeros_like(perspective).repeat(1, 1, 3)], 2).flatten(1),
        outline_bkta=merge([shaft_table, shaft_table, jaw_table, jaw_table]),
        present_bkt=merge([present] * 4),
        order_bk=torch.arange(tools, device=draw.device).repeat_interleave(4).float().expand(b, count),
        owner_bk=torch.arange(1, tools + 1, device=draw.device).repeat_interleave(4).expand(b, count),
        look_bk=torch.arange(count, device=draw.device).expand(b, count),
        occlude_b=torch.ones(b, dtype=torch.bool, device=draw.device),
    )
