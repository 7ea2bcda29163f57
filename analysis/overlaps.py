"""Which masks of two label images are of the same objects."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.objects import Floats, Ints


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Shared pixels of the objects of a true and a resulting label image.

    Attributes
    ----------
    truth, result : int64 arrays (n,), (m,)
        Ids, ascending.
    shared : int64 array (n, m)
        Pixels.
    truth_sizes, result_sizes : int64 arrays (n,), (m,)
        Pixels.
    """

    truth: Ints
    result: Ints
    shared: Ints
    truth_sizes: Ints
    result_sizes: Ints

    @property
    def ious(self) -> Floats:
        """Intersection over union of each pair (n, m)."""
        return self.shared / (self.truth_sizes[:, None] + self.result_sizes[None, :] - self.shared)

    @property
    def covered(self) -> tuple[Ints, Ints]:
        """Indices of the pairs in which the result covers more than half of the true mask."""
        first, second = np.nonzero(2 * self.shared > self.truth_sizes[:, None])
        return first, second


def find_overlaps(truth: NDArray[Any], result: NDArray[Any]) -> Overlaps:
    """Compare two label images (..., y, x) of the same shape; 0 is background."""
    truth_ids, truth_at = np.unique(truth, return_inverse=True)
    result_ids, result_at = np.unique(result, return_inverse=True)
    pairs = truth_at.ravel() * len(result_ids) + result_at.ravel()
    table = np.bincount(pairs, minlength=len(truth_ids) * len(result_ids)).reshape(len(truth_ids), -1)
    rows, columns = truth_ids != 0, result_ids != 0
    return Overlaps(
        truth_ids[rows].astype(np.int64),
        result_ids[columns].astype(np.int64),
        table[np.ix_(rows, columns)],
        table[rows].sum(axis=1),
        table[:, columns].sum(axis=0),
    )
