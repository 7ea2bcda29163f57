"""Volumes in time with ground truth: nuclei that drift, crowd and divide in three dimensions."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from napari_sam2.sample_data.draw import Draw
from napari_sam2.sample_data.movies import Frame, Movie, nuclei_settings
from napari_sam2.sample_data.outlines import outlines
from napari_sam2.sample_data.parts import Parts

FILLED = 0.18
"""Share of the volume that nuclei take."""


@dataclass(frozen=True)
class Nuclei:
    """k nuclei over t volumes; lengths in pixels, also along z.

    Attributes
    ----------
    centre_ktc
        (z, y, x).
    radius_k
        Of a ball.
    present_kt
        Whether the nucleus exists.
    mother_k
        Index of the mother, -1 for none.
    """

    centre_ktc: np.ndarray
    radius_k: np.ndarray
    present_kt: np.ndarray
    mother_k: np.ndarray


def nuclei_tracks(times: int, size: tuple[float, float, float], n_objects: int, seed: int) -> Nuclei:
    """Simulate balls that wander, push each other and drift together; about one in four divides, once.

    Parameters
    ----------
    times
        Number of volumes.
    size
        Of the volume, (z, y, x) in pixels.
    n_objects
        Nuclei in the first volume.
    seed
        Any integer.
    """
    rng = np.random.default_rng(seed)
    dividing = rng.permutation(n_objects)[: max(1, n_objects // 4)] if times > 4 else np.zeros(0, int)
    mother = np.concatenate([np.full(n_objects, -1), np.repeat(dividing, 2)])
    k = len(mother)
    birth, death = np.zeros(k, dtype=int), np.full(k, times)
    death[dividing] = rng.integers(2, times - 1, len(dividing))
    birth[n_objects:] = death[mother[n_objects:]]

    limits = np.array(size)
    typical = (FILLED * limits.prod() / n_objects * 3 / (4 * math.pi)) ** (1 / 3)
    radius = typical * rng.uniform(0.8, 1.15, k)
    radius[n_objects:] = 0.79 * radius[mother[n_objects:]]  # two balls of half the volume
    place = rng.uniform(0.1, 0.9, (k, 3)) * limits
    drift = typical * 0.06 * rng.normal(0, 1, 3)
    step = typical * 0.08 * rng.normal(0, 1, (k, 3))
    split = rng.normal(0, 1, (k, 3)) * (0.4, 1, 1)
    split /= np.linalg.norm(split, axis=1, keepdims=True)
    split[n_objects + 1 :: 2] = -split[n_objects::2]

    centre_ktc, present_kt = np.zeros((k, times, 3)), np.zeros((k, times), dtype=bool)
    # let the crowd settle before the first volume
    for time in range(-30, times):
        now = max(time, 0)
        if time > 0:
            born = np.flatnonzero((birth == now) & (mother >= 0))
            place[born] = place[mother[born]] + 0.75 * radius[born, None] * split[born]
        live = np.flatnonzero((birth <= now) & (death > now))
        for _ in range(3):
            gap = place[live][:, None] - place[live][None]
            distance = np.linalg.norm(gap, axis=-1) + np.eye(len(live))
            wanted = 0.97 * (radius[live][:, None] + radius[live][None])
            overlap = np.clip(wanted - distance, 0, None) * (1 - np.eye(len(live)))
            place[live] += 0.25 * (gap / distance[..., None] * overlap[..., None]).sum(1)
        if time > 0:
            step = 0.8 * step + 0.05 * typical * rng.normal(0, 1, (k, 3))
            place[live] += step[live] + drift
        # nuclei may leave by half
        place[live] = np.clip(place[live], 0, limits)
        if time >= 0:
            centre_ktc[:, time], present_kt[live, time] = place, True
    return Nuclei(centre_ktc, radius, present_kt, mother)


def volume_frames(
    times: int, slices: int, shape: tuple[int, int], n_objects: int, spacing: float, seed: int
) -> Movie:
    """The slices of `volume_movie`, those of the first volume first, one at a time."""
    nuclei = nuclei_tracks(times, (slices * spacing, *shape), n_objects, seed)
    draw = Draw(seed)
    scale = max(shape)
    count = len(nuclei.radius_k)
    depth = (np.arange(slices) + 0.5) * spacing
    away_ktz = (depth - nuclei.centre_ktc[..., :1]) / nuclei.radius_k[:, None, None]
    cut_ktz = np.sqrt(np.clip(1 - away_ktz**2, 0, None))
    cut = cut_ktz.reshape(count, -1)
    present = (cut > 0.3) & nuclei.present_kt.repeat(slices, axis=1)
    centre = (nuclei.centre_ktc[..., 1:] - np.array(shape) / 2).repeat(slices, axis=1) / scale
    size = torch.from_numpy((nuclei.radius_k[:, None] * cut / scale).astype(np.float32))[None]
    flat, ids = torch.zeros_like(size), torch.arange(count).expand(1, count)
    aspects = draw.uniform(1.0, 1.3, 1, count)
    smooth = torch.zeros(1)
    parts = Parts(
        centre_bktc=torch.from_numpy(centre.astype(np.float32))[None],
        angle_bkt=draw.uniform(0, 2 * math.pi, 1, count, 1).expand_as(size),
        size_bkt=size,
        stretch_bkt=flat,
        bend_bkt=flat,
        taper_bk=flat[..., 0],
        outline_bkta=outlines(draw, 1, aspects, smooth + 0.07, smooth, smooth, smooth),
        present_bkt=torch.from_numpy(present)[None],
        order_bk=torch.zeros(1, count),
        owner_bk=ids + 1,
        look_bk=ids,
        occlude_b=torch.zeros(1, dtype=torch.bool),
    )
    fullest = int(cut[:, :slices].sum(0).argmax())
    settings = nuclei_settings(seed)
    return Movie(parts, settings, shape, seed, False, torch.zeros(times * slices, 2), fullest)


def volume_movie(
    times: int = 10,
    slices: int = 16,
    shape: tuple[int, int] = (128, 160),
    n_objects: int = 14,
    spacing: float = 2.5,
    seed: int = 0,
) -> Frame:
    """Volumes of nuclei that drift, touch and divide.

    Parameters
    ----------
    times, slices, shape
        Number of volumes, slices of each, and (y, x) size in pixels.
    n_objects
        Nuclei in the first volume, at most 160; divisions add more.
    spacing
        Distance of slices, in pixels.
    seed
        Any integer.

    Returns
    -------
    tuple
        images uint16 (t, z, y, x) and labels uint16 (t, z, y, x). An id is one nucleus along the movie.
        A mother's id ends when she divides; her daughters have new ids.
    """
    images, labels = volume_frames(times, slices, shape, n_objects, spacing, seed).arrays()
    volumes = (times, slices, *shape)
    return images.reshape(volumes), labels.reshape(volumes)
