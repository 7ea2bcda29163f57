"""How numbers change along a clip: smoothly."""

import math

import torch
from torch import Tensor

from napari_sam2.sample_data.draw import Draw


def wander(draw: Draw, frames: int, *shape: int) -> Tensor:
    """Smooth random curves that start anywhere near 0 with about unit spread.

    Returns
    -------
    Tensor
        (*shape, frames): a sum of three slow sinusoids of random phase, so any length stays bounded.
    """
    t = torch.arange(frames, device=draw.device, dtype=torch.float32)
    curve = torch.zeros(*shape, frames, device=draw.device)
    for longest, shortest in ((60.0, 20.0), (24.0, 10.0), (12.0, 6.0)):
        period = draw.log_uniform(shortest, longest, *shape, 1)
        phase = draw.uniform(0.0, 2 * math.pi, *shape, 1)
        amplitude = draw.normal(*shape, 1) * (period / 60.0).sqrt()
        curve += amplitude * torch.sin(2 * math.pi * t / period + phase)
    return curve


def drift(draw: Draw, frames: int, *shape: int) -> Tensor:
    """Like `wander`, but 0 at a random frame of each curve: an object is where it was placed, sometime."""
    curve = wander(draw, frames, *shape)
    anchor = (draw.unit(*shape, 1) * frames).long().clamp_(max=frames - 1)
    return curve - curve.gather(-1, anchor)


def smoothstep(x: Tensor) -> Tensor:
    """0 below 0, 1 above 1, smooth between."""
    x = x.clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
