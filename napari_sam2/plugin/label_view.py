"""The masks of a session as the array that napari's Labels layer shows."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_sam2.plugin.placement import Placement

Planes = tuple[int, ...]
"""Indices of the dimensions that are neither rows nor columns, in the layer's order."""


class FrameLabels(Protocol):
    """What a label store offers: the labels of one frame, int32 (y, x)."""

    def __getitem__(self, frame: int) -> NDArray[np.int32]: ...


class LabelView:
    """Label images laid out as the image is, whatever the order of its dimensions.

    Nothing is copied but what is read. What a person paints is kept apart, as *drafts* of planes, until
    `drafts` hands it out and `forget_drafts` drops it: masks change by edits of the session only.

    Parameters
    ----------
    store : FrameLabels
        The masks of the frames.
    placement : Placement
        Where the frames lie in the image.
    elsewhere : sequence of (FrameLabels, Placement)
        Masks of other parts of the same image, shown where the frames are not; the first that has a plane
        shows it.
    """

    def __init__(
        self,
        store: FrameLabels,
        placement: Placement,
        elsewhere: Sequence[tuple[FrameLabels, Placement]] = (),
    ) -> None:
        self._sources = ((store, placement), *elsewhere)
        self._placement = placement
        self._drafts: dict[Planes, NDArray[np.int32]] = {}
        self.shape = placement.shape
        self.ndim = len(self.shape)
        self.dtype = np.dtype(np.int32)
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read with integers, slices, `...` and arrays of indices, as from an array."""
        key = self._full(key)
        if any(isinstance(one, np.ndarray) for one in key):
            indices = np.broadcast_arrays(*key)
            read = np.zeros(indices[0].shape, self.dtype)
            for at, outer, plane_key in self._by_plane(indices):
                read[at] = self._plane(outer)[plane_key]
            return read
        chosen = [np.atleast_1d(np.arange(size)[one]) for size, one in zip(self.shape, key, strict=True)]
        y, x, outer_dims = self._placement.y, self._placement.x, self._placement.outer_dims()
        rows_and_columns = np.ix_(chosen[y], chosen[x])
        planes = [
            self._plane(tuple(int(index) for index in outer))[rows_and_columns]
            for outer in product(*(chosen[dim] for dim in outer_dims))
        ]
        order = (*outer_dims, y, x)
        stacked = np.array(planes, self.dtype).reshape([len(chosen[dim]) for dim in order])
        laid_out = stacked.transpose([order.index(dim) for dim in range(self.ndim)])
        return laid_out[tuple(0 if isinstance(one, int) else slice(None) for one in key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Draft labels, as napari paints: into a box of slices, or at places given by arrays."""
        key = self._full(key)
        if any(isinstance(one, np.ndarray) for one in key):
            indices = np.broadcast_arrays(*key)
            values = np.broadcast_to(np.asarray(value, self.dtype), indices[0].shape)
        else:
            chosen = [np.atleast_1d(np.arange(size)[one]) for size, one in zip(self.shape, key, strict=True)]
            indices = np.meshgrid(*chosen, indexing="ij")
            kept = [len(one) for one, part in zip(chosen, key, strict=True) if isinstance(part, slice)]
            values = np.broadcast_to(np.asarray(value, self.dtype), kept).reshape(indices[0].shape)
        for at, outer, plane_key in self._by_plane(indices):
            if outer not in self._drafts:
                self._drafts[outer] = self._plane(outer).copy()
            self._drafts[outer][plane_key] = values[at]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        return np.asarray(self[...], dtype)

    def drafts(self) -> list[tuple[int | None, NDArray[np.int32], NDArray[np.int32]]]:
        """What was painted: frame (None where no frame is), labels before and after, int32 (y, x)."""
        return [
            (self._placement.frame_of(outer), self._stored(outer), draft)
            for outer, draft in self._drafts.items()
        ]

    def forget_drafts(self) -> None:
        """Show what is stored again."""
        self._drafts.clear()

    def _full(self, key: Any) -> tuple[Any, ...]:
        """A key with one integer, slice or array for each dimension."""
        key = key if isinstance(key, tuple) else (key,)
        missing = (slice(None),) * (self.ndim - sum(one is not Ellipsis for one in key))
        at = next((place for place, one in enumerate(key) if one is Ellipsis), len(key))
        key = key[:at] + missing + key[at + 1 :]
        return tuple(int(one) if isinstance(one, np.integer) else one for one in key)

    def _by_plane(
        self, indices: Sequence[NDArray[np.intp]]
    ) -> Iterator[tuple[NDArray[np.bool_], Planes, tuple[NDArray[np.intp], NDArray[np.intp]]]]:
        """Group indices by the plane they are in: which of them, the plane, rows and columns in it."""
        outer = [indices[dim] for dim in self._placement.outer_dims()]
        rows, columns = indices[self._placement.y], indices[self._placement.x]
        if not outer:
            yield np.ones(rows.shape, bool), (), (rows, columns)
            return
        stacked = np.stack([one.ravel() for one in outer], axis=1)
        for plane in np.unique(stacked, axis=0):
            at = np.all([one == index for one, index in zip(outer, plane, strict=True)], axis=0)
            yield at, tuple(int(index) for index in plane), (rows[at], columns[at])

    def _plane(self, outer: Planes) -> NDArray[np.int32]:
        draft = self._drafts.get(outer)
        return self._stored(outer) if draft is None else draft

    def _stored(self, outer: Planes) -> NDArray[np.int32]:
        """Labels of one plane, (rows, columns) of these frames."""
        for store, placement in self._sources:
            if (placement.y, placement.x) != (self._placement.y, self._placement.x):
                continue
            frame = placement.frame_of(outer)
            if frame is not None:
                return store[frame]
        return np.zeros((self.shape[self._placement.y], self.shape[self._placement.x]), self.dtype)
