"""Multi-octave noise: coarse random grids, enlarged and summed."""

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.sample_data.draw import Draw


def octaves(draw: Draw, slope_b: Tensor, channels: int, size: int, coarsest: int = 3) -> Tensor:
    """Noise fields with zero mean and about unit spread.

    Parameters
    ----------
    draw
        Random source.
    slope_b
        How fast amplitudes fall from octave to octave: 0 is white noise, 1 is cloud-like, 2 is smooth.
    channels, size
        Shape of the result, `size` a side.
    coarsest
        Side of the coarsest random grid.

    Returns
    -------
    Tensor
        (b, channels, size, size).
    """
    batch = len(slope_b)
    total = torch.zeros(batch, channels, size, size, device=draw.device)
    power_b = torch.zeros_like(slope_b)
    side, octave = coarsest, 0
    while True:
        side = min(side, size)
        amplitude_b = 2.0 ** (-slope_b * octave)
        grid = draw.normal(batch, channels, side, side) * amplitude_b[:, None, None, None]
        if side < size:
            grid = F.interpolate(grid, size=(size, size), mode="bilinear", align_corners=False)
        total += grid
        # bilinear enlargement averages neighbours: about 4/9 of the variance is left
        power_b += amplitude_b**2 * (0.45 if side < size else 1.0)
        if side == size:
            return total / power_b.sqrt()[:, None, None, None]
        side, octave = side * 2, octave + 1


def sample(atlas_bchw: Tensor, coords_bhwc: Tensor) -> Tensor:
    """Read fields at coordinates, repeating them by mirror images outside.

    Parameters
    ----------
    atlas_bchw
        The fields; one unit of coordinate is one side of the atlas.
    coords_bhwc
        (b, h, w, 2) as (y, x).

    Returns
    -------
    Tensor
        (b, c, h, w).
    """
    grid = coords_bhwc.flip(-1) * 2.0
    return F.grid_sample(atlas_bchw, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
