"""Colour scenes: stained tissue, objects of any colour, instruments over wet tissue."""

import torch
from torch import Tensor

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import Settings

HISTOLOGY, OBJECTS, SURGICAL = 1, 2, 3


def palette(
    draw: Draw,
    light_nhw: Tensor,
    inside_nhw: Tensor,
    gloss_nhw: Tensor,
    tone_nhw: Tensor,
    own_nhw: Tensor,
    ground_nchw: Tensor,
    s: Settings,
    t: int,
) -> Tensor:
    """Colour of every pixel, (n, 3, h, w).

    Light scales a colour that goes from the ground's to the object's; the ground wavers between two
    colours, each object has its own shift.
    """
    b = len(s["colour"])
    kind = s["colour"][:, None]

    def drawn(stain: list[list[float]], spread: float) -> Tensor:
        base = draw.tensor(stain)
        chosen = base[(draw.unit(b) * len(base)).long().clamp_max(len(base) - 1)]
        return (chosen + spread * draw.normal(b, 3)).clamp(0.02, 1.2)

    free = [draw.uniform(0.1, 1.1, b, 3) for _ in range(4)]
    stain = [
        drawn([[1.1, 0.85, 1.05], [1.05, 1.0, 1.1], [1.15, 0.8, 0.95]], 0.06),
        drawn([[1.1, 0.6, 0.9], [0.9, 0.8, 1.1], [1.0, 1.0, 1.05]], 0.08),
        drawn([[0.9, 0.35, 1.2], [0.75, 0.6, 1.3], [1.15, 0.5, 0.9], [0.7, 0.8, 1.2]], 0.1),
        drawn([[0.6, 0.3, 0.9], [0.5, 0.3, 1.0]], 0.1),
    ]
    body = [
        drawn([[1.3, 0.45, 0.35], [1.2, 0.4, 0.4], [1.4, 0.8, 0.35], [1.1, 0.55, 0.5]], 0.1),
        drawn([[0.8, 0.15, 0.12], [1.3, 0.85, 0.45], [0.9, 0.3, 0.3]], 0.1),
        drawn([[1.0, 1.0, 1.0], [0.9, 0.95, 1.0], [0.35, 0.35, 0.38], [1.1, 1.05, 0.9]], 0.05),
        drawn([[1.0, 1.0, 1.05], [0.4, 0.4, 0.42], [1.1, 0.95, 0.5]], 0.05),
    ]
    first, second, thing, other = (
        torch.where(
            kind == HISTOLOGY, stain[i], torch.where(kind == SURGICAL, body[i], free[i])
        ).repeat_interleave(t, 0)[:, :, None, None]
        for i in range(4)
    )
    waver = torch.sigmoid(1.5 * ground_nchw[:, 1:2])
    ground_colour = first + (second - first) * waver
    mix = torch.sigmoid(3.0 * (tone_nhw + 0.2 * own_nhw))[:, None]
    object_colour = thing + (other - thing) * mix
    inside = inside_nhw[:, None]
    colour = ground_colour + (object_colour - ground_colour) * inside
    # vivid only as far as the scene is: an overall saturation
    grey = colour.mean(1, keepdim=True)
    vivid = draw.uniform(0.4, 1.2, b).repeat_interleave(t)[:, None, None, None]
    colour = grey + (colour - grey) * vivid
    return light_nhw[:, None].clamp_min(0.0) * colour + gloss_nhw[:, None]
