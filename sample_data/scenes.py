"""Procedural stills and clips with instance masks: `generate`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_sam2.sample_data.camera import (
    blurred,
    exposed,
    exposure,
    field_of_view,
    looking_at,
    recorded,
)
from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import cells, instruments, tissue
from napari_sam2.sample_data.looks import FAMILIES, draw_settings
from napari_sam2.sample_data.parts import Parts, pixel_grid
from napari_sam2.sample_data.ranges import Settings
from napari_sam2.sample_data.raster import rasterise
from napari_sam2.sample_data.render import radiance
from napari_sam2.sample_data.textures import octaves, sample, wrapped
from napari_sam2.sample_data.visibility import bearable_noise

__all__ = ["FAMILIES", "GENERATOR_VERSION", "Clip", "generate"]

GENERATOR_VERSION = 5

_PIXELS_AT_ONCE = {"cpu": 1 << 18, "gpu": 1 << 25}
Layout = Callable[[Draw, int, Settings], Parts]
# in the order of the weights of a look
_LAYOUTS = (cells, tissue, instruments)


@dataclass(frozen=True)
class Clip:
    """A batch of windows.

    Attributes
    ----------
    images_btchw
        float32 (b, t, 3, h, w) in 0..1; grey images have three equal channels.
    labels_bthw
        int32 (b, t, h, w): the visible pixels of each object, 0 is background. An id means the same
        object in every frame of its clip: it may vanish and come back. A mother that divides ends,
        and her daughters have new ids. Ids need not be consecutive.
    family
        Appearance family of each window.
    """

    images_btchw: Tensor
    labels_bthw: Tensor
    family: tuple[str, ...]


def generate(
    batch: int,
    *,
    frames: int = 1,
    size: int = 128,
    seed: int,
    families: Sequence[str] | None = None,
    device: torch.device | str = "cpu",
    absent: float = 0.0,
) -> Clip:
    """Make a batch of windows, the same for the same arguments and `GENERATOR_VERSION` on one device.

    Parameters
    ----------
    batch
        Number of windows.
    frames
        Length of each clip; 1 makes stills.
    size
        Side in pixels.
    seed
        Any integer.
    families
        Families to draw from; all of `FAMILIES` by default. A name that comes twice is twice as likely.
    device
        Where to compute, and where the result lies.
    absent
        Least share of the objects that vanish for some frames of a clip, and of those that leave it; a
        scene may draw more.

    Returns
    -------
    Clip
        The windows, with families in random order.

    Raises
    ------
    ValueError
        For an unknown family.
    """
    pool = tuple(families or FAMILIES)
    for name in pool:
        if name not in FAMILIES:
            raise ValueError(f"There is no family '{name}'; the families are {', '.join(FAMILIES)}.")
    draw = Draw(seed, device)
    picks = torch.randint(len(pool), (batch,), generator=torch.Generator().manual_seed(seed)).tolist()
    chosen = tuple(pool[i] for i in picks)
    with torch.no_grad():
        settings = draw_settings(draw, chosen)
        for name in ("vanish", "leave"):
            settings[name] = settings[name].clamp_min(absent)
        colour = settings["colour"] > 0
        images = torch.zeros(batch, frames, 3, size, size, device=draw.device)
        labels = torch.zeros(batch, frames, size, size, dtype=torch.int32, device=draw.device)
        # on a CPU, as many at a time as stay in its cache; on a GPU, as fit its memory with ease
        pixels = _PIXELS_AT_ONCE["cpu" if draw.device.type == "cpu" else "gpu"]
        at_once = max(1, pixels // (frames * size * size))
        for index, layout in enumerate(_LAYOUTS):
            for channels in (1, 3):
                rows = ((settings["layout"] == index) & (colour == (channels == 3))).nonzero()[:, 0]
                for some in rows.split(at_once) if len(rows) else ():
                    group = {name: value[some] for name, value in settings.items()}
                    image, label = _group(draw, group, layout, channels, frames, size)
                    images[some] = image
                    labels[some] = label
    return Clip(images, labels, chosen)


def _group(
    draw: Draw, s: Settings, layout: Layout, channels: int, frames: int, size: int
) -> tuple[Tensor, Tensor]:
    """Scenes of one layout: (b, t, 3 or 1, h, w) and (b, t, h, w)."""
    b = len(s["span"])
    parts = layout(draw, frames, s)
    grid_hwc = pixel_grid(draw, size, size)
    coords = looking_at(draw, s, grid_hwc, frames).view(b * frames, size, size, 2)
    view = field_of_view(draw, s, grid_hwc).repeat_interleave(frames, 0)
    fields = rasterise(parts, coords + _warp(draw, coords, s, frames))
    light, organelle = radiance(draw, parts, fields, coords, s, channels)
    light = exposed(draw, light, *exposure(light, s), s, frames)
    light = blurred(draw, light, s, frames)
    whole = (s["inner"] == 0).repeat_interleave(frames)[:, None, None]
    labels = (fields.owner_nhw * ((view > 0.5) & (whole | organelle))).to(torch.int32)
    photons, read = bearable_noise(light, fields.depth_nhw, parts.tile, s, frames)
    images = recorded(draw, light, photons, read, s, frames) * view[:, None]
    return images.view(b, frames, channels, size, size), labels.view(b, frames, size, size)


def _warp(draw: Draw, coords_nhwc: Tensor, s: Settings, frames: int) -> Tensor:
    """A smooth displacement field: outlines that no single part can have."""
    n, h, w, _ = coords_nhwc.shape
    b = n // frames
    flat = torch.full((b,), 1.5, device=draw.device)
    fields = wrapped(octaves(draw, flat, 0 * flat, 2, 16))
    y, x = (0.7 * coords_nhwc).view(b, frames * h, w, 2).unbind(-1)
    wobble = sample(fields, y, x).view(b, 2, frames, h, w).permute(0, 2, 3, 4, 1).reshape(n, h, w, 2)
    return wobble * s["warp"].repeat_interleave(frames)[:, None, None, None]
