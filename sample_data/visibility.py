"""How well outlines can be seen: what keeps scenes from asking for what nobody could answer."""

from itertools import pairwise

import torch
from torch import Tensor

from napari_sam2.sample_data.ranges import Settings

# an object is worth labelling when its outline, averaged along it, exceeds the noise this many times
_TIMES = 2.5


def contrast(grey_nhw: Tensor, depth_px_nhw: Tensor, tile: bool, frames: int) -> tuple[Tensor, Tensor]:
    """What the eye can follow along the outlines of each clip, and what hides it there.

    Parameters
    ----------
    grey_nhw
        Brightness, n = b * frames.
    depth_px_nhw
        Distance to the boundary in pixels, positive inside.
    tile
        Whether there is no outside.
    frames
        Length of the clips.

    Returns
    -------
    tuple
        The range of the mean brightness over depths near the outline, and the spread within one depth;
        both (b,).
    """
    b = len(grey_nhw) // frames
    edges = (0.0, 2.0, 4.0, 8.0) if tile else (-4.0, -2.0, 0.0, 2.0, 4.0, 8.0)
    grey, depth = grey_nhw.reshape(b, -1), depth_px_nhw.reshape(b, -1)
    square = grey.square()
    means, spreads = [], []
    for low, high in pairwise(edges):
        band = ((depth >= low) & (depth < high)).float()
        count = band.sum(1).clamp_min(1.0)
        mean = (grey * band).sum(1) / count
        means.append(mean)
        spreads.append((square * band).sum(1) / count - mean.square())
    profile = torch.stack(means)
    spread = torch.stack(spreads).mean(0).clamp_min(0.0).sqrt()
    return profile.amax(0) - profile.amin(0), spread


def bearable_noise(
    images_nchw: Tensor, depth_nhw: Tensor, tile: bool, s: Settings, frames: int
) -> tuple[Tensor, Tensor]:
    """Photons and read noise of each image, no worse than lets a person still see the outlines.

    Parameters
    ----------
    images_nchw
        Noiseless images.
    depth_nhw
        Signed distance to the boundary, window sides.
    tile
        Whether there is no outside.
    s
        (b,) tensors: photons, read and span.
    frames
        Length of a clip.

    Returns
    -------
    tuple
        photons (n,) and read (n,).
    """
    side = max(images_nchw.shape[-2:])
    grey = images_nchw.mean(1)
    seen, _ = contrast(grey, depth_nhw * side, tile, frames)
    brightness = grey.reshape(len(seen), -1).mean(1)
    noise = (brightness.clamp_min(0.02) / s["photons"] + s["read"].square()).sqrt()
    # the eye averages along an outline and over its width
    most = seen * (s["span"] * side).sqrt() / _TIMES
    excess = (noise / most.clamp_min(1e-3)).clamp_min(1.0)
    photons, read = s["photons"] * excess.square(), s["read"] / excess
    return photons.repeat_interleave(frames), read.repeat_interleave(frames)
