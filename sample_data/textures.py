"""Multi-octave noise that repeats without a seam: coarse random grids, doubled and added to."""

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.sample_data.draw import Draw

_COARSEST = 4


def octaves(draw: Draw, slope_b: Tensor, peak_b: Tensor, channels: int, side: int) -> Tensor:
    """Periodic noise fields with zero mean and about unit spread.

    Parameters
    ----------
    draw
        Random source.
    slope_b
        How fast amplitudes fall away from the strongest octave: 0 is white, 1 is cloud-like.
    peak_b
        The strongest octave: 0 is the coarsest, four grains a side; each step halves the grain.
    channels, side
        Shape of the result; `side` is a power of two.

    Returns
    -------
    Tensor
        (b, channels, side, side).
    """
    b = len(slope_b)
    field = torch.zeros(b, channels, _COARSEST, _COARSEST, device=draw.device)
    power_b = torch.zeros_like(slope_b)
    octave = 0
    while True:
        amplitude_b = 2.0 ** (-slope_b * (peak_b - octave).abs())
        field = field + amplitude_b[:, None, None, None] * draw.normal(b, channels, *field.shape[2:])
        power_b = power_b + amplitude_b**2
        if field.shape[-1] == side:
            return field / power_b.sqrt()[:, None, None, None]
        octave += 1
        field = F.interpolate(F.pad(field, (1, 1, 1, 1), mode="circular"), scale_factor=2.0, mode="bilinear")
        field = field[:, :, 2:-2, 2:-2]
        # a doubling by bilinear interpolation leaves (5/8)^2 of the variance of its own octave
        power_b = power_b * (0.4 if octave == 1 else 0.7)


def wrapped(atlas_bchw: Tensor) -> Tensor:
    """The atlas with a rim of one pixel from its far side, as `sample` wants it."""
    return F.pad(atlas_bchw, (1, 1, 1, 1), mode="circular")


def sample(wrapped_bchw: Tensor, y_bhw: Tensor, x_bhw: Tensor) -> Tensor:
    """Read periodic fields at coordinates of which 1 is one period.

    Parameters
    ----------
    wrapped_bchw
        Fields from `wrapped`.
    y_bhw, x_bhw
        Where to read.

    Returns
    -------
    Tensor
        (b, c, h, w).
    """
    side = wrapped_bchw.shape[-1] - 2
    grid = torch.stack([x_bhw, y_bhw], -1)
    grid = (grid - grid.floor()) * (2.0 * side / (side + 2)) + (2.0 / (side + 2) - 1.0)
    return F.grid_sample(wrapped_bchw, grid, mode="bilinear", align_corners=False)
