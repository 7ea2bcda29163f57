"""What a microscope or a camera does to a scene: blur, noise, coarse sampling, gamma, compression."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import Settings


def blur(images_nchw: Tensor, sigma_n: Tensor) -> Tensor:
    """Gaussian blur, `sigma_n` in pixels (up to 3), one for each image."""
    n, c, h, w = images_nchw.shape
    taps = torch.arange(-5, 6, device=images_nchw.device, dtype=torch.float32)
    kernel_nk = torch.exp(-0.5 * (taps / sigma_n.clamp_min(0.05)[:, None]) ** 2)
    kernel_nk = (kernel_nk / kernel_nk.sum(1, keepdim=True)).repeat_interleave(c, 0)
    flat = F.pad(images_nchw.reshape(1, n * c, h, w), (5, 5, 5, 5), mode="replicate")
    flat = F.conv2d(flat, kernel_nk[:, None, :, None], groups=n * c)
    return F.conv2d(flat, kernel_nk[:, None, None, :], groups=n * c).reshape(n, c, h, w)


def noise(draw: Draw, images_nchw: Tensor, photons_n: Tensor, read_n: Tensor) -> Tensor:
    """Photon and read noise; photons in Gaussian approximation, its variance being the light."""
    light = images_nchw.clamp_min(0.0)
    spread = (light / photons_n[:, None, None, None] + read_n[:, None, None, None] ** 2).sqrt_()
    return images_nchw + spread * draw.normal(*images_nchw.shape)


def enlarged(images_nchw: Tensor, factor: float) -> Tensor:
    """What a coarser detector sees, enlarged back to the same size."""
    h, w = images_nchw.shape[-2:]
    coarse = F.interpolate(images_nchw, scale_factor=1 / factor, mode="area", recompute_scale_factor=True)
    return F.interpolate(coarse, size=(h, w), mode="bicubic", align_corners=False)


def blocks(images_nchw: Tensor, strength_n: Tensor) -> Tensor:
    """The 8-pixel blocks of strong compression: fine detail coarsely rounded."""
    h, w = images_nchw.shape[-2:]
    coarse = F.avg_pool2d(images_nchw, 8, ceil_mode=True)
    coarse = F.interpolate(coarse, size=(h, w), mode="nearest")
    step = 0.02 + 0.12 * strength_n[:, None, None, None]
    return coarse + ((images_nchw - coarse) / step).round() * step


def expose(draw: Draw, images_nchw: Tensor, settings: Settings, frames: int) -> Tensor:
    """Scene radiance to picture: blur, noise (before or after coarse sampling), gamma, contrast, inversion.

    Parameters
    ----------
    draw
        Random source; noise is new in every frame.
    images_nchw
        n = b * frames scenes, about 0..1.
    settings
        (b,) tensors.
    frames
        Length of a clip.

    Returns
    -------
    Tensor
        (n, c, h, w) within 0..1.
    """

    def each(name: str) -> Tensor:
        return settings[name].repeat_interleave(frames)

    images = blur(images_nchw, each("blur"))
    # one factor for all scenes of a call that are enlarged: sizes must agree within a batch
    factor = float(draw.log_uniform(1.2, 5.0, 1))
    coarse_n = each("enlarge") > 0
    if bool(coarse_n.any()):
        chosen = coarse_n.nonzero()[:, 0]
        photons, read = each("photons")[chosen], each("read")[chosen]
        h, w = images.shape[-2:]
        small_size = (max(8, round(h / factor)), max(8, round(w / factor)))
        small = F.interpolate(images[chosen], size=small_size, mode="area")
        small = noise(draw, small, photons, read)
        images = images.index_copy(
            0, chosen, F.interpolate(small, size=(h, w), mode="bicubic", align_corners=False)
        )
    fine = (~coarse_n).nonzero()[:, 0]
    if len(fine):
        images = images.index_copy(
            0, fine, noise(draw, images[fine], each("photons")[fine], each("read")[fine])
        )
    blocky = (each("blocks") > 0).nonzero()[:, 0]
    if len(blocky):
        images = images.index_copy(0, blocky, blocks(images[blocky], each("blocks")[blocky]))
    images = images.clamp(0.0, 1.0)
    gamma = each("gamma")[:, None, None, None]
    images = images.clamp_min(1e-4).pow(gamma)
    invert = each("invert")[:, None, None, None] > 0
    return torch.where(invert, 1.0 - images, images)


def shake(draw: Draw, settings: Settings, frames: int) -> Tensor:
    """Where the camera looks, (b, frames, 2) in window sides, 0 on average over clips."""
    from napari_sam2.sample_data.motion import drift

    b = len(settings["pan"])
    t = torch.arange(frames, device=draw.device, dtype=torch.float32)
    direction = draw.uniform(0, 2 * math.pi, b, 1)
    steady = torch.stack([direction.sin(), direction.cos()], -1) * (t - frames / 2)[:, None]
    slow = drift(draw, frames, b, 2).transpose(1, 2) * 4
    jitter = draw.normal(b, frames, 2)
    pan, shaking = settings["pan"][:, None, None], settings["shake"][:, None, None]
    return pan * (0.5 * steady + slow) + shaking * jitter
