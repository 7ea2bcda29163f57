"""Labelled images in memory, and the windows and clips that are cut from them to learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from napari_sam2.models.training.augment import animate
from napari_sam2.models.views import IMAGE_MEAN

LEAST_SIDE = 32.0
"""Smallest window, in pixels of the image."""
INNER = 0.8
"""Share of windows that are moved into the image where they fit; the others show its border too."""
MARGIN = 1.5
"""Clips made from stills are cut from windows so much larger, for the camera to move in."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One labelled image, or volume.

    Attributes
    ----------
    image_zchw : uint8 Tensor
        One frame for an image; c is 1 or 3; contrast already stretched.
    labels_zhw : int16 Tensor
        From 1, without gaps.
    objects : int array (k, 6)
        Frame, label and box (y0, x0, y1, x1; the end not included) of every object on every frame.
    """

    image_zchw: Tensor
    labels_zhw: Tensor
    objects: NDArray[np.int64]


def _stretch(image: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = np.percentile(image, (0.3, 99.7))
    scaled = (image.astype(np.float32) - low) / max(float(high - low), 1.0)
    stretched: NDArray[np.uint8] = (scaled.clip(0, 1) * 255).round().astype(np.uint8)
    return stretched


def picture(image_zhwc: NDArray[Any], labels_zhw: NDArray[Any]) -> Picture:
    """Make a picture of any image and its labels.

    Parameters
    ----------
    image_zhwc : array (z, y, x, c)
        c is 1 or 3; z is 1 for an image.
    labels_zhw : integer array (z, y, x)
        0 is background.
    """
    values, compact = np.unique(labels_zhw, return_inverse=True)
    labels = (compact.reshape(labels_zhw.shape) + int(values[0] != 0)).astype(np.int16)
    objects = [
        (z, index + 1, place[0].start, place[1].start, place[0].stop, place[1].stop)
        for z, frame in enumerate(labels)
        for index, place in enumerate(ndimage.find_objects(frame))
        if place is not None and max(s.stop - s.start for s in place) >= 6
    ]
    image = torch.from_numpy(_stretch(image_zhwc)).permute(0, 3, 1, 2).contiguous()
    return Picture(image, torch.from_numpy(labels), np.asarray(objects, dtype=np.int64).reshape(-1, 6))


class Pictures:
    """Windows and clips around the objects of labelled images.

    Parameters
    ----------
    stills : mapping of sequences of Picture
        Sets by name.
    volumes : sequence of Picture
        Stacks whose ids go on along the frames.
    shares : mapping of float
        How often each set is drawn.
    along : float
        Share of clips that run through the volumes; the others are stills in motion.
    """

    def __init__(
        self,
        stills: Mapping[str, Sequence[Picture]],
        volumes: Sequence[Picture],
        shares: Mapping[str, float],
        along: float,
    ) -> None:
        self.stills, self.volumes, self.shares, self.along = stills, tuple(volumes), shares, along

    def names(self) -> list[str]:
        """The sets that are there."""
        return list(self.stills)

    def windows(
        self,
        n: int,
        size: int,
        rng: np.random.Generator,
        *,
        name: str | None = None,
        span: tuple[float, float] = (0.1, 0.7),
    ) -> tuple[Tensor, Tensor]:
        """Stills around randomly chosen objects, turned by any angle.

        Parameters
        ----------
        n : int
            How many.
        size : int
            Their side in pixels.
        rng : numpy Generator
            Decides all of it.
        name : str, optional
            One set only; all of them in their shares otherwise.
        span : (float, float)
            Least and largest extent of the chosen object as a share of the window.

        Returns
        -------
        uint8 Tensor (n, 3, size, size), int16 Tensor (n, size, size)
        """
        cuts = [self._window(self._choose(rng, name), size, rng, span) for _ in range(n)]
        images, labels = zip(*cuts, strict=True)
        return torch.cat(images), torch.cat(labels)

    def clips(self, n: int, frames: int, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Clips: stills animated, and runs along the frames of volumes.

        Returns
        -------
        uint8 Tensor (n, frames, 3, size, size), int16 Tensor (n, frames, size, size)
        """
        deep = [volume for volume in self.volumes if len(volume.labels_zhw) >= frames]
        along = int(rng.binomial(n, self.along)) if deep else 0
        parts = [self._run(deep[int(rng.integers(len(deep)))], frames, size, rng) for _ in range(along)]
        if n > along:
            wide = int(size * MARGIN)
            images, labels = self.windows(n - along, wide, rng, span=(0.1 / MARGIN, 0.6 / MARGIN))
            moving, moved = animate(images.float() / 255, labels, frames, size)
            parts.append(((moving * 255).round().byte(), moved.short()))
        all_images, all_labels = zip(*parts, strict=True)
        return torch.cat(all_images), torch.cat(all_labels)

    def _choose(self, rng: np.random.Generator, name: str | None) -> Picture:
        if name is None:
            names = list(self.stills)
            share = np.array([self.shares[key] for key in names])
            name = names[int(rng.choice(len(names), p=share / share.sum()))]
        pictures = self.stills[name]
        return pictures[int(rng.integers(len(pictures)))]

    def _run(
        self, volume: Picture, frames: int, size: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        depth = len(volume.labels_zhw)
        step = int(rng.integers(1, 1 + min(3, (depth - 1) // max(frames - 1, 1))))
        frames_at = np.arange(frames) * step
        start = int(rng.integers(depth - frames_at[-1]))
        order = frames_at if rng.random() < 0.5 else frames_at[::-1]
        images, labels = self._window(volume, size, rng, (0.1, 0.7), frames=start + order)
        return images[None], labels[None]

    def _window(
        self,
        picture: Picture,
        size: int,
        rng: np.random.Generator,
        span: tuple[float, float],
        frames: NDArray[np.int64] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One window (1, 3, size, size), or the same window on several frames."""
        objects = picture.objects
        if frames is not None:
            objects = objects[objects[:, 0] == frames[0]]
        z, _, y0, x0, y1, x1 = objects[int(rng.integers(len(objects)))]
        longest = max(y1 - y0, x1 - x0)
        side = longest / np.exp(rng.uniform(*np.log(span)))
        height, width = picture.labels_zhw.shape[1:]
        side = float(np.clip(side, LEAST_SIDE, 1.3 * max(height, width)))
        reach = max(0.0, (side - longest) / 2) * 0.8
        centre = np.array([(y0 + y1) / 2, (x0 + x1) / 2]) + rng.uniform(-reach, reach, 2)
        angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else rng.integers(4) * np.pi / 2
        half = side / 2 * (abs(np.cos(angle)) + abs(np.sin(angle))) + 2
        if rng.random() < INNER:
            room = np.array([height, width]) / 2
            centre = room + np.clip(centre - room, -(room - half).clip(0), (room - half).clip(0))

        top, left = (int(max(0, np.floor(c - half))) for c in centre)
        bottom, right = (int(min(n, np.ceil(c + half))) for c, n in zip(centre, (height, width), strict=True))
        shrink = max(1, int(side / size / 0.75))
        bottom, right = (
            int(a + max(1, (b - a) // shrink) * shrink) for a, b in ((top, bottom), (left, right))
        )
        where = torch.as_tensor(np.array([z]) if frames is None else frames)
        image = picture.image_zchw[where, :, top:bottom, left:right].float()
        labels = picture.labels_zhw[where, top:bottom, left:right][:, None].float()
        if shrink > 1:
            image = functional.avg_pool2d(image, shrink)

        part_h, part_w = bottom - top, right - left
        cos, sin = side * np.cos(angle), side * np.sin(angle)
        flip = 1.0 if rng.random() < 0.5 else -1.0
        theta = torch.tensor(
            [
                [flip * cos / part_w, -sin / part_w, 2 * (centre[1] - left) / part_w - 1],
                [flip * sin / part_h, cos / part_h, 2 * (centre[0] - top) / part_h - 1],
            ],
            dtype=torch.float32,
        )
        grid = functional.affine_grid(theta[None], [1, 1, size, size], align_corners=False)
        grid = grid.expand(len(where), -1, -1, -1)
        # Beyond the border the tracker shows the mean colour, other software black.
        beyond = 255 * torch.tensor(IMAGE_MEAN)[:, None, None] * float(rng.random() < 0.7)
        image = image.expand(-1, 3, -1, -1) - beyond
        cut = beyond + functional.grid_sample(
            image, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
        named = functional.grid_sample(
            labels, grid, mode="nearest", padding_mode="zeros", align_corners=False
        )
        return cut.round().byte(), named[:, 0].round().short()
