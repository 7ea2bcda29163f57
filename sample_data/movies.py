"""Whole fields of view with ground truth, frame by frame: dividing cells, a stack of nuclei, instruments.

Where `scenes.generate` makes many small windows for training, these make one long movie for tests,
benchmarks and samples; memory does not grow with its length.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_sam2.sample_data import camera
from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.layouts import instruments
from napari_sam2.sample_data.looks import draw_settings
from napari_sam2.sample_data.outlines import outlines
from napari_sam2.sample_data.parts import Parts, pixel_grid
from napari_sam2.sample_data.ranges import COMMON, Settings
from napari_sam2.sample_data.raster import rasterise
from napari_sam2.sample_data.render import radiance
from napari_sam2.sample_data.walks import cell_tracks

Frame = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Movie:
    """A movie that is rendered when its frames are asked for.

    Iterating yields `(image, labels)`, one frame at a time, the same every time. Images are uint16
    (y, x), or uint8 (y, x, 3) in colour; labels are uint16 (y, x), one id per object along the movie. The
    frame `exposed_on` sets the exposure of all.
    """

    parts: Parts
    settings: Settings
    shape: tuple[int, int]
    seed: int
    colour: bool
    looking_tc: Tensor
    exposed_on: int = 0

    def __len__(self) -> int:
        return self.parts.angle_bkt.shape[2]

    def __iter__(self) -> Iterator[Frame]:
        _, _, exposure = self._render(self.exposed_on, None)
        for index in range(len(self)):
            image, labels, _ = self._render(index, exposure)
            yield image, labels

    def __getitem__(self, index: int) -> Frame:
        if not 0 <= index < len(self):
            raise IndexError(f"Frame {index} is not in the movie: it has {len(self)} frames.")
        _, _, exposure = self._render(self.exposed_on, None)
        image, labels, _ = self._render(index, exposure)
        return image, labels

    def arrays(self) -> Frame:
        """All frames at once: images (t, y, x) or (t, y, x, 3), labels (t, y, x)."""
        images, labels = zip(*self, strict=True)
        return np.stack(images), np.stack(labels)

    @torch.no_grad()
    def _render(
        self, index: int, exposure: tuple[Tensor, Tensor] | None
    ) -> tuple[np.ndarray, np.ndarray, tuple[Tensor, Tensor]]:
        # the same seed for the looks of every frame, a new one for its noise
        look, noise = Draw(self.seed), Draw(self.seed + 1 + index)
        s, parts = self.settings, self.parts.frame(index)
        grid_hwc = pixel_grid(look, *self.shape)
        view = camera.field_of_view(look, s, grid_hwc)
        coords = (grid_hwc + self.looking_tc[index])[None]
        fields = rasterise(parts, coords)
        light, _ = radiance(look, parts, fields, coords, s, 3 if self.colour else 1)
        exposure = exposure or camera.exposure(light, s)
        light = camera.blurred(noise, camera.exposed(noise, light, *exposure, s, 1), s, 1)
        image = camera.recorded(noise, light, s["photons"], s["read"], s, 1) * view[:, None]
        labels = (fields.owner_nhw[0] * (view[0] > 0.5)).numpy().astype(np.uint16)
        if self.colour:
            return (image[0].permute(1, 2, 0) * 255).round().byte().numpy(), labels, exposure
        # a camera with an offset, and not much light
        counts = 100.0 + 400.0 * image[0, 0].numpy()
        return counts.round().astype(np.uint16), labels, exposure


def _settings(seed: int, family: str, changes: dict[str, float]) -> Settings:
    settings = draw_settings(Draw(seed), [family])
    for name, value in changes.items():
        if name not in COMMON:
            raise KeyError(name)
        settings[name] = torch.tensor([value])
    return settings


_NUCLEI: dict[str, float] = {
    "background": 0.06,
    "body": 0.55,
    "body_jitter": 0.25,
    "dome": 0.3,
    "edge": 1.5,
    "defocus": 0.0,
    "texture": 0.05,
    "texture_scale": 0.3,
    "texture_slope": 0.6,
    "texture_peak": 1.0,
    "ridge": 0.0,
    "blotch": 0.0,
    "nucleus": 0.0,
    "grain": 0.12,
    "grain_rare": 1.2,
    "ripple": 0.0,
    "rim": 0.0,
    "halo": 0.0,
    "relief": 0.0,
    "ground": 0.008,
    "debris": 0.0,
    "shading": 0.03,
    "pool": 0.0,
    "glow": 0.1,
    "fade": 0.0,
    "inner": 0.0,
    "low": 0.05,
    "high": 0.9,
    "beyond": 0.0,
    "blur": 0.8,
    "enlarge": 0.0,
    "photons": 1200.0,
    "read": 0.005,
    "gamma": 1.0,
    "invert": 0.0,
    "blocks": 0.0,
    "flicker": 0.0,
    "refocus": 0.0,
    "bars": 0.0,
}


def nuclei_settings(seed: int) -> Settings:
    """How nuclei in a stack of slices look: dimmer than in one plane, with light from above and below."""
    return _settings(seed, "fluorescence", {**_NUCLEI, "glow": 0.3, "photons": 400.0})


def _bodies(draw: Draw, aspect: tuple[float, float], count: int) -> Tensor:
    one = torch.ones(1)
    aspects = draw.uniform(*aspect, 1, count)
    return outlines(draw, 1, aspects, 0.07 * one, 0 * one, 0 * one, 0 * one)


def cell_frames(frames: int, shape: tuple[int, int], n_objects: int, seed: int) -> Movie:
    """Cells that crawl, push each other and divide, in fluorescence; see `cell_movie`."""
    tracks = cell_tracks(frames, shape, n_objects, seed)
    draw = Draw(seed)
    count = tracks.present_kt.shape[0]
    scale = max(shape)
    middle = np.array(shape) / 2
    ids = torch.arange(count).expand(1, count)

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))[None]

    radius = tensor(tracks.radius_kt / scale)
    # a cell's area is kept while it lengthens
    long = tensor(tracks.longer_kt)
    size = radius / (1.0 + 1.1 * long).sqrt()
    parts = Parts(
        centre_bktc=tensor((tracks.centre_ktc - middle) / scale),
        angle_bkt=tensor(tracks.angle_kt),
        size_bkt=size,
        stretch_bkt=size * long,
        bend_bkt=torch.zeros_like(size),
        taper_bk=torch.zeros(1, count),
        outline_bkta=_bodies(draw, (1.0, 1.5), count),
        present_bkt=torch.from_numpy(tracks.present_kt)[None],
        order_bk=torch.zeros(1, count),
        owner_bk=ids + 1,
        look_bk=ids,
        occlude_b=torch.zeros(1, dtype=torch.bool),
    )
    settings = _settings(seed, "fluorescence", _NUCLEI)
    return Movie(parts, settings, shape, seed, False, torch.zeros(frames, 2))


def cell_movie(
    frames: int = 24, shape: tuple[int, int] = (512, 512), n_objects: int = 60, seed: int = 0
) -> Frame:
    """A movie of cells that crawl, touch and divide.

    Parameters
    ----------
    frames, shape
        Length and (y, x) size in pixels.
    n_objects
        Cells on the first frame, at most 120; divisions add more.
    seed
        Any integer.

    Returns
    -------
    tuple
        images uint16 (t, y, x) and labels uint16 (t, y, x). An id is one cell along the movie. A
        mother's id ends when she divides; her daughters have new ids.
    """
    return cell_frames(frames, shape, n_objects, seed).arrays()


def zstack_frames(slices: int, shape: tuple[int, int], n_objects: int, seed: int) -> Movie:
    """Nuclei cut slice by slice; see `zstack`."""
    rng = np.random.default_rng(seed)
    draw = Draw(seed)
    scale = max(shape)
    radius = 0.36 * math.sqrt(shape[0] * shape[1] / n_objects) * 1.25
    radii = radius * rng.uniform(0.75, 1.2, n_objects)
    height = rng.uniform(0.12, 0.24, n_objects) * slices
    places: list[np.ndarray] = []
    for i in range(n_objects):
        tries = np.column_stack(
            [rng.uniform(0, shape[0], 60), rng.uniform(0, shape[1], 60), rng.uniform(0.12, 0.88, 60) * slices]
        )
        if places:
            others = np.array(places)
            room = np.array([radii[i], radii[i], height[i]])[None, None]
            theirs = np.column_stack([radii[:i], radii[:i], height[:i]])[None]
            apart = np.linalg.norm((tries[:, None] - others[None]) / (room + theirs), axis=-1).min(1)
            places.append(tries[apart.argmax()])
        else:
            places.append(tries[0])
    centre = np.array(places)
    z = np.arange(slices)
    cut = np.sqrt(np.clip(1.0 - ((z - centre[:, 2:]) / height[:, None]) ** 2, 0.0, None))
    # a body's axis leans a little, so its outline wanders from slice to slice
    lean = rng.normal(0.0, 0.15, (n_objects, 2))
    path = (
        centre[:, None, :2] + (z - centre[:, 2:])[..., None] * lean[:, None] * (radii / height)[:, None, None]
    )
    ids = torch.arange(n_objects).expand(1, n_objects)
    size = torch.from_numpy((radii[:, None] * cut / scale).astype(np.float32))[None]
    flat = torch.zeros_like(size)
    parts = Parts(
        centre_bktc=torch.from_numpy(((path - np.array(shape) / 2) / scale).astype(np.float32))[None],
        angle_bkt=draw.uniform(0, 2 * math.pi, 1, n_objects, 1).expand_as(size),
        size_bkt=size,
        stretch_bkt=flat,
        bend_bkt=flat,
        taper_bk=flat[..., 0],
        outline_bkta=_bodies(draw, (1.0, 1.4), n_objects),
        present_bkt=torch.from_numpy(cut > 0.3)[None],
        order_bk=torch.zeros(1, n_objects),
        owner_bk=ids + 1,
        look_bk=ids,
        occlude_b=torch.zeros(1, dtype=torch.bool),
    )
    return Movie(parts, nuclei_settings(seed), shape, seed, False, torch.zeros(slices, 2))


def zstack(
    slices: int = 32, shape: tuple[int, int] = (256, 256), n_objects: int = 40, seed: int = 0
) -> Frame:
    """A stack of nuclei that begin, widen, narrow and end along z; touching ones share a boundary.

    Returns
    -------
    tuple
        images uint16 (z, y, x) and labels uint16 (z, y, x), one id per nucleus.
    """
    return zstack_frames(slices, shape, n_objects, seed).arrays()


def instrument_frames(frames: int, shape: tuple[int, int], seed: int) -> Movie:
    """Instruments over tissue; see `instrument_clip`."""
    settings = _settings(
        seed,
        "surgical",
        {
            "span": 0.8,
            "body": 0.3,
            "fill": 0.7,
            "speed": 0.03,
            "spin": 0.2,
            "pan": 0.004,
            "shake": 0.002,
            "vanish": 0.0,
            "leave": 0.5,
            "scope": 0.55,
            "wet": 0.6,
            "vessels": 0.5,
            "smoke": 0.0,
            "blood": 0.4,
            "pool": 0.6,
            "tube": 0.7,
            "gloss": 0.6,
            "texture": 0.02,
            "ripple": 0.0,
            "slant": 0.0,
            "glow": 0.0,
            "roll": 0.0,
            "zoom": 0.0,
            "ground": 0.06,
            "ground_relief": 0.5,
            "relief": 0.3,
            "low": 0.02,
            "high": 0.95,
            "beyond": 0.0,
            "blur": 0.7,
            "enlarge": 0.0,
            "photons": 4000.0,
            "read": 0.004,
            "gamma": 1.0,
            "blocks": 0.0,
            "flicker": 0.0,
            "refocus": 0.0,
            "inner": 0.0,
            "background": 0.45,
            "shading": 0.1,
        },
    )
    draw = Draw(seed)
    parts = instruments(draw, frames, settings)
    middle = camera.looking_at(draw, settings, torch.zeros(1, 1, 2), frames)[0, :, 0, 0]
    return Movie(parts, settings, shape, seed, True, middle)


def instrument_clip(frames: int = 16, shape: tuple[int, int] = (270, 360), seed: int = 0) -> Frame:
    """A clip as an endoscope shows it: up to three instruments that move, open, close and cross.

    Returns
    -------
    tuple
        images uint8 (t, y, x, 3) and labels uint16 (t, y, x), one id per instrument; an instrument that
        leaves the picture comes back with its id.
    """
    return instrument_frames(frames, shape, seed).arrays()
