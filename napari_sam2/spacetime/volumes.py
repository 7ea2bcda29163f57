"""Slices, counted through all volumes, as a sequence of volumes; nothing is read before it is asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Volume:
    """One volume, or one slice through time: a sequence of slices, which `numpy.asarray` stacks."""

    def __init__(self, planes: Sequence[Any], which: range) -> None:
        self._planes, self._which = planes, which

    def __len__(self) -> int:
        return len(self._which)

    def __getitem__(self, z: int) -> NDArray[Any]:
        plane: NDArray[Any] = self._planes[self._which[z]]
        return plane

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.stack([np.asarray(self[z], dtype) for z in range(len(self))])


class Volumes:
    """All volumes: `volumes[t][z]` is a slice.

    Parameters
    ----------
    planes : sequence of arrays (y, x, ...)
        Frames of volumes in time, or a label store of them: the slices of the first volume first.
    n_slices : int
        Of each volume.
    """

    def __init__(self, planes: Sequence[Any], n_slices: int) -> None:
        self._planes, self._n_slices = planes, n_slices

    def __len__(self) -> int:
        return len(self._planes) // self._n_slices

    def __getitem__(self, time: int) -> Volume:
        first = range(0, len(self._planes), self._n_slices)[time]
        return Volume(self._planes, range(first, first + self._n_slices))

    def through_time(self, z: int) -> Volume:
        """The slice `z` of each volume."""
        return Volume(self._planes, range(z, len(self) * self._n_slices, self._n_slices))
