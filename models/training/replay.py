"""A store of ready windows or clips from which batches are drawn several times, each time changed.

Making a window costs more than learning from it on a GPU. Windows come in chunks; the chunk's number
is its seed, so that a resumed run finds the store as it was left.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from napari_sam2.models.training.augment import dihedral_crop, relight

MakeChunk = Callable[[int], tuple[Tensor, Tensor]]
"""From a chunk's number to uint8 clips (k, t, 3, h, w) and their int16 labels (k, t, h, w)."""


class Replay:
    """The newest chunks, on the device.

    Parameters
    ----------
    make : MakeChunk
    capacity : int
        Chunks kept.
    first : int
        Chunks made before the first batch.
    every : float
        Batches between two chunks.
    device : torch.device
    """

    def __init__(
        self, make: MakeChunk, *, capacity: int, first: int, every: float, device: torch.device
    ) -> None:
        self._make, self._capacity, self._first, self._every = make, capacity, first, every
        self._device = device
        self._made = 0
        self._images: list[Tensor] = []
        self._labels: list[Tensor] = []

    def batch(self, step: int, size: int, *, single: bool = False) -> tuple[Tensor, Tensor]:
        """Augmented clips for one step.

        Parameters
        ----------
        step : int
            Counted from the stage's start; decides which chunks are there.
        size : int
            Clips in the batch.
        single : bool
            One random frame of each clip (t = 1) instead of the whole clip.

        Returns
        -------
        float32 Tensor (size, t, 3, h, w), int64 Tensor (size, t, h, w)
        """
        self._refresh(self._first + int(step / self._every))
        which = torch.randint(len(self._images), (size,)).tolist()
        place = torch.randint(len(self._images[0]), (size,)).tolist()
        frame = torch.randint(self._labels[0].shape[1], (size,)).tolist()
        parts = [slice(t, t + 1) if single else slice(None) for t in frame]
        chosen = list(zip(which, place, parts, strict=True))
        images = torch.stack([self._images[i][j, part] for i, j, part in chosen])
        labels = torch.stack([self._labels[i][j, part] for i, j, part in chosen])
        images, labels = dihedral_crop(images.float() / 255, labels.long())
        return relight(images), labels

    def _refresh(self, wanted: int) -> None:
        self._made = max(self._made, wanted - self._capacity)
        while self._made < wanted:
            images, labels = self._make(self._made)
            self._images.append(images.to(self._device))
            self._labels.append(labels.to(self._device))
            self._made += 1
        del self._images[: -self._capacity], self._labels[: -self._capacity]
