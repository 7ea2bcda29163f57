"""Objects through depth: what overlaps from slice to slice is one, and is prompted where it is largest."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sam2.session.masks import PackedMask

Masks = list[PackedMask]

SLICES_A_DIAMETER = 4
LEAST_SLICES = 12
"""In a stack of flat voxels the diameter says little: at least so many slices are looked at."""
OVERLAP = 0.5
"""Share of the smaller mask that both have in common."""


@dataclass(frozen=True, eq=False)
class _Body:
    """An object as it is on the slice where it is largest, of those seen so far."""

    largest: PackedMask
    size: int
    frame: int


def slices_apart(n_slices: int, diameter: float) -> list[int]:
    """Slices to look at so that no object is missed, the first and the last among them."""
    step = max(1, min(int(diameter / SLICES_A_DIAMETER), n_slices // LEAST_SLICES))
    return [*range(0, n_slices - 1, step), n_slices - 1]


def link_slices(slices: Iterable[tuple[int, NDArray[np.int32]]]) -> dict[int, Masks]:
    """One mask of each body, on the slice where it is largest.

    Parameters
    ----------
    slices : iterable of (frame, int32 array (y, x))
        What was found on each, in order.

    Returns
    -------
    dict of int to list of PackedMask
        Frame to the masks of the bodies that are largest there.
    """
    bodies: list[_Body] = []
    before_hw: NDArray[np.int32] | None = None
    body_of: dict[int, int] = {}
    for frame, labels_hw in slices:
        onto = {} if before_hw is None else _partners(before_hw, labels_hw)
        sizes_n = np.bincount(labels_hw.ravel())
        now: dict[int, int] = {}
        for label in range(1, len(sizes_n)):
            size = int(sizes_n[label])
            if label in onto:
                now[label] = body_of[onto[label]]
                if size <= bodies[now[label]].size:
                    continue
                bodies[now[label]] = _Body(PackedMask.of(labels_hw == label), size, frame)
            else:
                now[label] = len(bodies)
                bodies.append(_Body(PackedMask.of(labels_hw == label), size, frame))
        before_hw, body_of = labels_hw, now
    found: dict[int, Masks] = {}
    for body in bodies:
        found.setdefault(body.frame, []).append(body.largest)
    return dict(sorted(found.items()))


def _partners(before_hw: NDArray[np.int32], after_hw: NDArray[np.int32]) -> dict[int, int]:
    """Label after to label before, each at most once, the largest overlap first."""
    both_hw = (before_hw > 0) & (after_hw > 0)
    pairs_n2, common_n = np.unique(
        np.stack([before_hw[both_hw], after_hw[both_hw]], axis=1), axis=0, return_counts=True
    )
    sizes = np.bincount(before_hw.ravel()), np.bincount(after_hw.ravel())
    partner: dict[int, int] = {}
    for k in np.argsort(-common_n):
        old, new = (int(label) for label in pairs_n2[k])
        enough = common_n[k] >= OVERLAP * min(sizes[0][old], sizes[1][new])
        if enough and new not in partner and old not in partner.values():
            partner[new] = old
    return partner
