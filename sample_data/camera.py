"""What a microscope or a camera does to a scene: movement, exposure, blur, noise, coarse sampling."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.motion import drift
from napari_sam2.sample_data.ranges import Settings


def looking_at(draw: Draw, s: Settings, grid_hwc: Tensor, frames: int) -> Tensor:
    """Scene coordinates of the pixels in every frame, (b, frames, h, w, 2): the camera pans, floats,
    shakes, rolls and zooms."""
    b = len(s["pan"])
    t = torch.arange(frames, device=draw.device, dtype=torch.float32)
    direction = draw.uniform(0, 2 * math.pi, b, 1)
    steady = torch.stack([direction.sin(), direction.cos()], -1) * (t[:, None] - (frames - 1) / 2)
    floating = 4.0 * drift(draw, frames, b, 2).transpose(1, 2)
    pan, shaking = s["pan"][:, None, None], s["shake"][:, None, None]
    offset = pan * (0.5 * steady + floating) + shaking * draw.normal(b, frames, 2)
    angle, zoom = s["roll"][:, None] * drift(draw, frames, b), s["zoom"][:, None] * drift(draw, frames, b)
    scale = zoom.clamp(-0.5, 0.5).exp()
    cos, sin = (scale * angle.cos())[..., None, None], (scale * angle.sin())[..., None, None]
    y, x = grid_hwc.unbind(-1)
    return torch.stack([y * cos + x * sin, x * cos - y * sin], -1) + offset[:, :, None, None]


def field_of_view(draw: Draw, s: Settings, grid_hwc: Tensor) -> Tensor:
    """1 where the picture is, 0 beyond the image's border or an endoscope's circle; (b, h, w)."""
    b = len(s["scope"])
    y, x = grid_hwc.unbind(-1)
    pixel = 1.0 / max(grid_hwc.shape[:2])
    middle = 0.15 * draw.normal(b, 2, 1, 1)
    radius = s["scope"][:, None, None]
    distance = torch.hypot(y - middle[:, 0], x - middle[:, 1])
    circle = ((radius - distance) / pixel + 0.5).clamp(0.0, 1.0)
    view = torch.where(radius > 0, circle, 1.0)
    # a window near the image's border is filled up with black
    side = draw.chance(0.5, b)[:, None, None]
    sign = torch.where(draw.chance(0.5, b), 1.0, -1.0)[:, None, None]
    across = sign * torch.where(side, y, x)
    beyond = (across > 0.5 - s["beyond"][:, None, None]) & (s["beyond"][:, None, None] > 0)
    return view.masked_fill(beyond, 0.0)


def blurred(draw: Draw, images_nchw: Tensor, s: Settings, frames: int) -> Tensor:
    """Gaussian blur of each clip's own width, which for some wanders as the focus does."""
    focus = (s["refocus"][:, None] * drift(draw, frames, len(s["blur"]))).exp()
    sigma_n = (s["blur"][:, None] * focus).clamp(0.15, 3.0).flatten()
    n, c, h, w = images_nchw.shape
    taps = torch.arange(-5, 6, device=images_nchw.device, dtype=torch.float32)
    kernel_nk = torch.exp(-0.5 * (taps / sigma_n.clamp_min(0.05)[:, None]).square())
    kernel_nk = (kernel_nk / kernel_nk.sum(1, keepdim=True)).repeat_interleave(c, 0)
    flat = F.pad(images_nchw.reshape(1, n * c, h, w), (5, 5, 5, 5), mode="replicate")
    flat = F.conv2d(flat, kernel_nk[:, None, :, None], groups=n * c)
    return F.conv2d(flat, kernel_nk[:, None, None, :], groups=n * c).reshape(n, c, h, w)


def exposure(images_nchw: Tensor, s: Settings) -> tuple[Tensor, Tensor]:
    """Gain and offset (b,) that bring each clip's own range of light to its `low` .. `high`.

    This is what a contrast window over a stack, or a camera's exposure, does.
    """
    pooled = F.avg_pool2d(images_nchw, 4).reshape(len(s["low"]), -1)
    low, high = pooled.amin(1), pooled.amax(1)
    gain = (s["high"] - s["low"]) / (high - low).clamp_min(0.15)
    return gain, s["low"] - low * gain


def exposed(
    draw: Draw, images_nchw: Tensor, gain_b: Tensor, offset_b: Tensor, s: Settings, frames: int
) -> Tensor:
    """Apply an exposure; for some clips it flickers from frame to frame."""

    def each(value_b: Tensor) -> Tensor:
        return value_b.repeat_interleave(frames)[:, None, None, None]

    flicker = 1.0 + s["flicker"][:, None] * draw.normal(len(gain_b), frames).clamp(-2, 2)
    return (images_nchw * each(gain_b) + each(offset_b)) * flicker.view(-1, 1, 1, 1)


def _noisy(draw: Draw, images_nchw: Tensor, photons_n: Tensor, read_n: Tensor) -> Tensor:
    """Photon and read noise in Gaussian approximation; in colour, mostly common to the channels."""
    variance = images_nchw.clamp_min(0.0) / photons_n[:, None, None, None] + read_n[:, None, None, None] ** 2
    n, c, h, w = images_nchw.shape
    grains = draw.normal(n, 1, h, w)
    if c > 1:
        grains = 0.8 * grains + 0.5 * draw.normal(n, c, h, w)
    return images_nchw + variance.sqrt() * grains


def _blocks(images_nchw: Tensor, strength_n: Tensor) -> Tensor:
    """The 8-pixel blocks of strong compression: detail around each block's mean coarsely rounded."""
    h, w = images_nchw.shape[-2:]
    mean = F.interpolate(F.avg_pool2d(images_nchw, 8, ceil_mode=True), scale_factor=8.0)[..., :h, :w]
    step = 0.02 + 0.1 * strength_n[:, None, None, None]
    return mean + ((images_nchw - mean) / step).round() * step


def recorded(
    draw: Draw, images_nchw: Tensor, photons_n: Tensor, read_n: Tensor, s: Settings, frames: int
) -> Tensor:
    """Noiseless images to recorded ones: noise, before enlargement for some, compression, gamma, inversion.

    Returns
    -------
    Tensor
        (n, c, h, w) within 0..1; the noise is new in every frame.
    """
    h, w = images_nchw.shape[-2:]

    def each(value_b: Tensor) -> Tensor:
        return value_b.repeat_interleave(frames)

    # an object keeps eight pixels before enlargement; sizes must agree within a batch: a few factors
    enlarge_b = torch.minimum(s["enlarge"], s["span"] * max(h, w) / 8.0)
    step_b = ((enlarge_b - 1.15) * 1.5).ceil().clamp(0, 6)
    images = torch.empty_like(images_nchw)
    for step in step_b.unique().tolist():
        rows = (each(step_b) == step).nonzero()[:, 0]
        scene = images_nchw[rows]
        factor = float(enlarge_b[step_b == step].mean()) if step else 1.0
        if factor > 1.0:
            coarse = (max(8, round(h / factor)), max(8, round(w / factor)))
            scene = F.interpolate(scene, size=coarse, mode="bilinear", antialias=True)
        scene = _noisy(draw, scene, photons_n[rows], read_n[rows])
        if factor > 1.0:
            scene = F.interpolate(scene, size=(h, w), mode="bicubic" if step % 2 else "bilinear")
        images[rows] = scene
    blocky = (each(s["blocks"]) > 0).nonzero()[:, 0]
    if len(blocky):
        images[blocky] = _blocks(images[blocky], each(s["blocks"])[blocky])
    images = images.clamp_(1e-4, 1.0).pow(each(s["gamma"])[:, None, None, None])
    invert = each(s["invert"])[:, None, None, None]
    return images + invert * (1.0 - 2.0 * images)
