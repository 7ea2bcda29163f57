"""The colours of objects as napari's layers take them: those of every table, plot and overlay."""

from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray

from napari_sam2.analysis.colours import object_colour

_LEAST = 64
_MOST = 2**16 - 1
"""Colours that a labels layer can hold besides the background."""


def label_colormap(highest_id: int, hidden: frozenset[int] = frozenset()) -> CyclicLabelColormap:
    """Colours of a labels layer.

    Parameters
    ----------
    highest_id : int
        Of the objects; some ids above it have their colours too, so that a new object seldom needs a
        new map.
    hidden : set of int
        Objects that are not shown.
    """
    count = min(max(_LEAST, 2 ** int(highest_id).bit_length()), _MOST)
    colours = np.zeros((count + 1, 4), np.float32)
    colours[1:, :3] = [object_colour(object_id) for object_id in range(1, count + 1)]
    colours[1:, :3] /= 255
    colours[1:, 3] = 1
    colours[[object_id for object_id in hidden if object_id <= count]] = 0
    return CyclicLabelColormap(colors=colours)


class TrackColours:
    """Colours of a tracks layer, where its ids are those of objects; for its `colormaps_dict`.

    Parameters
    ----------
    labels : Labels, optional
        A layer with the same ids, whose colours are taken.
    """

    name = "objects"

    def __init__(self, labels: Labels | None = None) -> None:
        self._colormap = None if labels is None else labels.colormap

    def map(self, ids: NDArray[Any]) -> NDArray[np.float32]:
        """Colours (n, 4) of track ids (n,), from 0 to 1."""
        if self._colormap is not None:
            return self._colormap.map(np.asarray(ids, np.int32))
        different, which = np.unique(np.asarray(ids, np.int64), return_inverse=True)
        colours = np.array([(*object_colour(one), 255) for one in different.tolist()], np.float32)
        return colours.reshape(-1, 4)[which] / np.float32(255)
