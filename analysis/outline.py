"""The outline of the objects of one frame: its length, who touches whom, and the ring around it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.objects import Floats, Ints, Objects

_STRAIGHT = ((-1, 0), (1, 0), (0, -1), (0, 1))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def _perimeter_weights() -> Floats:
    """Length that an outline pixel stands for, by its number 1 + 2 x straight + 10 x diagonal neighbours.

    From Benkrid & Crookes (2000), "Design and FPGA implementation of a perimeter estimator", as
    scikit-image's `perimeter` has it.
    """
    weights = np.zeros(50)
    weights[[5, 7, 15, 17, 25, 27]] = 1
    weights[[21, 33]] = np.sqrt(2)
    weights[[13, 23]] = (1 + np.sqrt(2)) / 2
    return weights


_WEIGHTS = _perimeter_weights()


@dataclass(frozen=True, eq=False)
class Contacts:
    """Pairs of objects whose pixels share edges, each pair in both directions, sorted.

    Attributes
    ----------
    owner, other : int64 array (pairs,)
        Indices of the two objects.
    length : float64 array (pairs,)
        Length of the shared edges.
    inside : float64 array (n,)
        Length of each object's outline along pixel edges, without those on the frame's border.
    """

    owner: Ints
    other: Ints
    length: Floats
    inside: Floats


class Outline:
    """Pixels of objects beside another label or the frame's border, sorted by object.

    Parameters
    ----------
    objects : Objects
        n of them, at least one.
    labels_yx : integer array (y, x)
        The label image they were found in.

    Attributes
    ----------
    owner : int64 array (pixels,)
        Index of the object.
    y, x : int64 array (pixels,)
        Row and column.
    """

    def __init__(self, objects: Objects, labels_yx: NDArray[Any]) -> None:
        height, width = labels_yx.shape
        edge_yx = np.zeros((height, width), dtype=bool)
        edge_yx[[0, -1]] = edge_yx[:, [0, -1]] = True
        differs = labels_yx[1:] != labels_yx[:-1]
        edge_yx[1:] |= differs
        edge_yx[:-1] |= differs
        differs = labels_yx[:, 1:] != labels_yx[:, :-1]
        edge_yx[:, 1:] |= differs
        edge_yx[:, :-1] |= differs
        edge_yx &= labels_yx != 0
        flat = np.flatnonzero(edge_yx)
        owner = np.searchsorted(objects.ids, labels_yx.ravel()[flat])
        order = np.argsort(owner, kind="stable")
        self.owner: Ints = owner[order]
        self.y, self.x = np.divmod(flat[order], width)
        self._n = len(objects)
        self._ids = objects.ids
        # A frame of one pixel around the labels spares every look beyond the border a test.
        self._stride = width + 2
        self._place = (self.y + 1) * self._stride + self.x + 1
        padded = np.full((height + 2, width + 2), -1, dtype=np.int32)
        padded[1:-1, 1:-1] = labels_yx
        self._labels = padded.ravel()

    def _step(self, direction: tuple[int, int]) -> int:
        return int(direction[0] * self._stride + direction[1])

    @cached_property
    def starts(self) -> Ints:
        """Outline pixels of object k are `starts[k]` to `starts[k + 1]` (n + 1,)."""
        return np.searchsorted(self.owner, np.arange(self._n + 1))

    def perimeter(self) -> Floats:
        """Length of each object's outline in pixels (n,); 0 where it is too small to have one."""
        marks = np.zeros(len(self._labels), dtype=np.int32)
        marks[self._place] = self.owner + 1
        number = np.ones(len(self.owner), dtype=np.int64)
        for weight, directions in ((2, _STRAIGHT), (10, _DIAGONAL)):
            for direction in directions:
                number += weight * (marks[self._place + self._step(direction)] == self.owner + 1)
        return np.bincount(self.owner, _WEIGHTS[number], minlength=self._n).astype(np.float64)

    def contacts(self, pixel_size: tuple[float, ...]) -> Contacts:
        """Which objects share pixel edges, and how much of them.

        Parameters
        ----------
        pixel_size : (float, float)
            Height and width of a pixel: the lengths of its edges.
        """
        own = self._ids[self.owner]
        inside = np.zeros(self._n)
        owners, others, lengths = [], [], []
        for direction in _STRAIGHT:
            length = pixel_size[1] if direction[0] else pixel_size[0]
            beside = self._labels[self._place + self._step(direction)]
            free = (beside != own) & (beside >= 0)
            inside += length * np.bincount(self.owner[free], minlength=self._n)
            touching = free & (beside > 0)
            owners.append(self.owner[touching])
            others.append(np.searchsorted(self._ids, beside[touching]))
            lengths.append(np.full(len(owners[-1]), length))
        pairs, which = np.unique(
            np.concatenate(owners) * self._n + np.concatenate(others), return_inverse=True
        )
        owner, other = np.divmod(pairs, self._n)
        shared = np.bincount(which, np.concatenate(lengths), minlength=len(pairs)).astype(np.float64)
        return Contacts(owner, other, shared, inside)

    def ring(self, gap: int, width: int) -> tuple[Ints, Ints]:
        """Background pixels around each object.

        The outlines grow into the background by steps, alternately over edges and over edges and
        corners (an octagonal distance). A pixel belongs to the object that reaches it first, and to
        the one with the lower id if several do.

        Parameters
        ----------
        gap : int
            Steps left out, where the object's own blur lies.
        width : int
            Steps taken after the gap.

        Returns
        -------
        (int64 array (pixels,), int64 array (pixels,))
            Index of the object and position in the frame's memory order, sorted by object.
        """
        free = self._labels == 0
        reached_by = np.full(len(self._labels), self._n, dtype=np.int32)
        owner, place = self.owner.astype(np.int32), self._place.astype(np.int32)
        owners, places = [owner[:0]], [place[:0]]
        for step in range(gap + width):
            reached = []
            for direction in _STRAIGHT if step % 2 == 0 else _STRAIGHT + _DIAGONAL:
                reach = place + self._step(direction)
                into = free[reach]
                reach, by = reach[into], owner[into]
                before = reached_by[reach]
                reached.append(reach[before == self._n])
                reached_by[reach] = np.minimum(before, by)
            place = np.concatenate(reached)
            owner = reached_by[place]
            free[place] = False
            if step >= gap:
                owners.append(owner)
                places.append(place)
        owner, place = np.concatenate(owners), np.concatenate(places).astype(np.int64)
        order = np.argsort(owner, kind="stable")
        y, x = np.divmod(place[order], self._stride)
        return owner[order].astype(np.int64), (y - 1) * (self._stride - 2) + x - 1
