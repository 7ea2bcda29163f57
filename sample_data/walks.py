"""Where cells go: a small simulation of crawling, pushing and dividing discs."""

import math
from dataclasses import dataclass

import numpy as np

# frames over which a mother lengthens before she divides, and daughters grow after it
_LENGTHENING = 4
_GROWING = 8


@dataclass(frozen=True)
class Tracks:
    """k cells over t frames, pixels and radians.

    Attributes
    ----------
    centre_ktc
        (y, x).
    radius_kt
        Radius of a round cell of the same area.
    longer_kt
        Half-length of the straight part over the radius: 0 is round.
    angle_kt
        Direction of the long axis.
    present_kt
        Whether the cell exists.
    mother_k
        Index of the mother, -1 for none.
    """

    centre_ktc: np.ndarray
    radius_kt: np.ndarray
    longer_kt: np.ndarray
    angle_kt: np.ndarray
    present_kt: np.ndarray
    mother_k: np.ndarray


def cell_tracks(frames: int, shape: tuple[int, int], n_objects: int, seed: int) -> Tracks:
    """Simulate persistent random walks with repulsion; about one cell in four divides, once."""
    rng = np.random.default_rng(seed)
    dividing = np.zeros(n_objects, dtype=bool)
    latest = frames - 2
    if latest > _LENGTHENING:
        # beyond 250 cells the renderer has no more room
        share = min(0.25, (250 - n_objects) / (2 * max(n_objects, 1)))
        dividing[rng.permutation(n_objects)[: max(1, round(share * n_objects))]] = True
    mothers = np.flatnonzero(dividing)
    mother = np.concatenate([np.full(n_objects, -1), np.repeat(mothers, 2)])
    k = len(mother)
    birth = np.zeros(k, dtype=int)
    death = np.full(k, frames)
    if len(mothers):
        moments = rng.integers(_LENGTHENING, latest + 1, len(mothers))
        death[mothers] = moments
        birth[n_objects:] = np.repeat(moments, 2)

    typical = 0.34 * math.sqrt(shape[0] * shape[1] / n_objects)
    radius = typical * rng.uniform(0.75, 1.15, k)
    radius[n_objects:] = radius[mother[n_objects:]] if len(mothers) else radius[n_objects:]
    limits = np.array(shape, dtype=float)
    place = rng.uniform(0, 1, (k, 2)) * limits
    heading = rng.uniform(0, 2 * math.pi, k)
    angle = rng.uniform(0, 2 * math.pi, k)
    speed = typical * rng.uniform(0.02, 0.12, k)

    centre_ktc = np.zeros((k, frames, 2))
    radius_kt, longer_kt, angle_kt = (np.zeros((k, frames)) for _ in range(3))
    present_kt = np.zeros((k, frames), dtype=bool)
    # let the crowd settle before the first frame
    for frame in range(-30, frames):
        now = max(frame, 0)
        alive = (birth <= now) & (death > now)
        for cell in np.flatnonzero(alive & (birth == now) & (mother >= 0)) if frame > 0 else ():
            side = 1.0 if (cell - n_objects) % 2 else -1.0
            parent = mother[cell]
            axis = np.array([math.sin(angle[parent]), math.cos(angle[parent])])
            place[cell] = place[parent] + side * 0.65 * radius[parent] * axis
            heading[cell] = angle[parent] + (0.0 if side > 0 else math.pi)
            angle[cell] = angle[parent] + math.pi / 2
        age = np.where(mother >= 0, now - birth, _GROWING)
        size = radius * np.where(mother >= 0, 0.71 + 0.2 * np.clip(age / _GROWING, 0, 1), 1.0)
        left = death - now
        longer = np.where(death < frames, 0.9 * np.clip(1 - (left - 1) / _LENGTHENING, 0, 1), 0.0)
        live = np.flatnonzero(alive)
        for _ in range(3):
            gap = place[live][:, None] - place[live][None]
            distance = np.linalg.norm(gap, axis=-1) + np.eye(len(live))
            wanted = 0.92 * (size[live][:, None] + size[live][None])
            overlap = np.clip(wanted - distance, 0, None) * (1 - np.eye(len(live)))
            place[live] += 0.2 * (gap / distance[..., None] * overlap[..., None]).sum(1)
        heading += rng.normal(0, 0.4, k)
        angle += rng.normal(0, 0.06, k)
        step = speed[:, None] * np.column_stack([np.sin(heading), np.cos(heading)])
        place[live] += step[live]
        # cells may leave by half, and turn round
        outside = ((place < 0) | (place > limits)).any(1)
        heading = np.where(outside, np.arctan2(*(limits / 2 - place).T), heading)
        if frame >= 0:
            centre_ktc[:, frame], radius_kt[:, frame] = place, size
            longer_kt[:, frame], angle_kt[:, frame] = longer, angle
            present_kt[:, frame] = alive
    return Tracks(centre_ktc, radius_kt, longer_kt, angle_kt, present_kt, mother)
