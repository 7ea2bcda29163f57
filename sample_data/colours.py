"""Colour scenes: stained tissue, things of any colour, instruments over wet tissue."""

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.motion import wander
from napari_sam2.sample_data.ranges import Settings

HISTOLOGY, THINGS, SURGICAL = 1, 2, 3

# ground, second ground, rare ground, object, second object: rows of RGB from which a scene takes one each
_STAINS = (
    ((1.1, 0.85, 1.05), (1.05, 1.0, 1.1), (1.15, 0.8, 0.95), (1.05, 1.03, 1.0)),
    ((1.1, 0.6, 0.9), (0.9, 0.8, 1.1), (1.0, 1.0, 1.05)),
    ((1.15, 0.45, 0.8), (1.1, 1.05, 1.1), (0.8, 0.6, 1.1)),
    ((0.9, 0.35, 1.2), (0.75, 0.6, 1.3), (1.15, 0.5, 0.9), (0.7, 0.8, 1.2)),
    ((0.6, 0.3, 0.9), (0.5, 0.3, 1.0)),
)
_BODY = (
    ((1.35, 0.5, 0.38), (1.25, 0.38, 0.36), (1.4, 0.75, 0.45), (1.2, 0.6, 0.55)),
    ((0.85, 0.15, 0.12), (1.35, 0.95, 0.35), (1.0, 0.35, 0.32), (1.1, 0.8, 0.75)),
    ((0.55, 0.04, 0.05), (1.4, 1.1, 0.5), (0.8, 0.1, 0.1)),
    ((1.0, 1.0, 1.0), (0.9, 0.95, 1.02), (0.4, 0.4, 0.43), (1.1, 1.05, 0.95), (0.75, 0.78, 0.85)),
    ((1.0, 1.0, 1.05), (0.35, 0.35, 0.38), (1.1, 0.95, 0.55), (0.6, 0.7, 0.9)),
)


def _scene_colours(draw: Draw, kind_b: Tensor, t: int) -> list[Tensor]:
    """Five colours a scene, each (n, 3, 1, 1), by the scene's kind."""
    b = len(kind_b)

    def from_rows(rows: tuple[tuple[float, ...], ...]) -> Tensor:
        pick = (draw.unit(b) * len(rows)).long().clamp_max(len(rows) - 1)
        return (draw.tensor(rows)[pick] + 0.08 * draw.normal(b, 3)).clamp(0.02, 1.5)

    colours = []
    for stains, body in zip(_STAINS, _BODY, strict=True):
        free = draw.uniform(0.1, 1.2, b, 3)
        chosen = torch.stack([free, from_rows(stains), free, from_rows(body)])
        colour = chosen[kind_b.long(), torch.arange(b, device=draw.device)]
        colours.append(colour.repeat_interleave(t, 0)[:, :, None, None])
    return colours


def coloured(
    draw: Draw,
    light_nhw: Tensor,
    inside_nhw: Tensor,
    gloss_nhw: Tensor,
    tone_nhw: Tensor,
    tint_n3hw: Tensor,
    own_nhw: Tensor,
    ground_nchw: Tensor,
    s: Settings,
    t: int,
) -> Tensor:
    """Colour of every pixel, (n, 3, h, w).

    The light scales a colour that goes from the ground's to the object's; the ground wavers between two
    colours with patches of a third, each object has a tone between two colours, and a tint of its own.
    """
    b = len(s["colour"])
    ground_1, ground_2, ground_3, thing_1, thing_2 = _scene_colours(draw, s["colour"], t)

    def each(value_b: Tensor) -> Tensor:
        return value_b.repeat_interleave(t)[:, None, None, None]

    # from clouds to patches with edges of their own, as organs and walls have
    sharp = each(draw.log_uniform(0.8, 25.0, b))
    waver = torch.sigmoid(sharp * (ground_nchw[:, 1:2] + each(draw.uniform(-1.0, 1.0, b))))
    rare = torch.sigmoid(sharp * (ground_nchw[:, 2:3] - each(draw.uniform(0.6, 2.5, b))))
    colour = ground_1 + (ground_2 - ground_1) * waver
    colour = colour + (ground_3 - colour) * rare
    mix = torch.sigmoid(4.0 * tone_nhw + 0.5 * own_nhw)[:, None]
    inside = inside_nhw[:, None]
    colour = colour + (thing_1 + (thing_2 - thing_1) * mix + tint_n3hw - colour) * inside
    colour = colour.clamp_min(0.02)
    grey = colour.mean(1, keepdim=True)
    colour = grey + (colour - grey) * each(draw.uniform(0.3, 1.2, b))
    image = light_nhw[:, None].clamp_min(0.0) * colour + gloss_nhw[:, None]
    if bool((s["wet"] + s["blood"] + s["smoke"] + s["vessels"] > 0).any()):
        image = _theatre(draw, image, inside, ground_nchw, s, t)
    return image


def _theatre(draw: Draw, image: Tensor, inside: Tensor, ground_nchw: Tensor, s: Settings, t: int) -> Tensor:
    """What lies between the camera and the tissue in surgery: reflections, blood, smoke."""
    b = len(s["wet"])

    def each(value_b: Tensor) -> Tensor:
        return value_b.repeat_interleave(t)[:, None, None, None]

    pools = ground_nchw[:, 1:2] + 0.3 * ground_nchw[:, :1] - each(draw.uniform(0.3, 1.8, b))
    cover = each(s["blood"]) * torch.sigmoid(8.0 * pools) * (1.0 - 0.75 * inside)
    blood = draw.tensor((0.42, 0.02, 0.02))[:, None, None] * (0.5 + image.mean(1, keepdim=True))
    image = image + (blood - image) * cover.clamp_max(0.92)
    branching = torch.exp(-(7.0 * ground_nchw[:, 2:3]).square()) * torch.sigmoid(3.0 * ground_nchw[:, :1])
    vessel = draw.tensor((0.6, 0.05, 0.06))[:, None, None] * image.mean(1, keepdim=True)
    image = image + (vessel - image) * each(s["vessels"]) * branching * (1.0 - inside)
    mirror = torch.sigmoid(9.0 * (ground_nchw[:, :1] + 0.5 * ground_nchw[:, 2:3] - 2.4))
    image = image + each(s["wet"]) * mirror * (1.0 - inside)
    # smoke drifts and thins on its own, whatever the camera does
    puffs = wander(draw, t, b, 1, 4, 4).permute(0, 4, 1, 2, 3).reshape(b * t, 1, 4, 4)
    puffs = F.interpolate(puffs, size=image.shape[-2:], mode="bicubic", align_corners=False)
    veil = each(s["smoke"]) * torch.sigmoid(2.0 * puffs)
    return image + (0.75 - image) * veil
