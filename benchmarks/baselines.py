"""What a person gets without a model: shapes drawn by rule, and classical segmentation in a window."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import sobel, threshold_otsu
from skimage.segmentation import watershed

Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]
SIDE = 2.5
"""Classical methods see a window this many times the object's true extent: more than a click tells."""


def disc(point: tuple[float, float], radius: float, shape: tuple[int, int]) -> Mask:
    """All pixels within `radius` of a click (y, x)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y - point[0]) ** 2 + (x - point[1]) ** 2 <= radius**2


def ellipse(box: Box, shape: tuple[int, int]) -> Mask:
    """The ellipse inscribed in a box (y0, x0, y1, x1), last pixels included."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    y0, x0, y1, x1 = box
    down = (y - (y0 + y1) / 2) / ((y1 - y0 + 1) / 2)
    across = (x - (x0 + x1) / 2) / ((x1 - x0 + 1) / 2)
    return down**2 + across**2 <= 1


def window(box: Box, shape: tuple[int, int]) -> tuple[slice, slice]:
    """A square of `SIDE` times the box's longer side around it, cut off at the border."""
    half = SIDE * (max(box[2] - box[0], box[3] - box[1]) + 1) / 2
    rows, columns = (
        slice(max(0, int(centre - half)), min(length, int(centre + half) + 1))
        for centre, length in zip(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), shape, strict=True)
    )
    return rows, columns


def _at(point: tuple[float, float], part: tuple[slice, slice]) -> tuple[int, int]:
    return int(point[0]) - part[0].start, int(point[1]) - part[1].start


def _put(piece: Mask, part: tuple[slice, slice], shape: tuple[int, int]) -> Mask:
    whole = np.zeros(shape, bool)
    whole[part] = piece
    return whole


def otsu_at(grey: NDArray[np.float32], point: tuple[float, float], box: Box) -> Mask:
    """The connected part of the window, on the click's side of Otsu's threshold, that holds the click."""
    part = window(box, grey.shape)
    piece, at = grey[part], _at(point, part)
    side = piece > threshold_otsu(piece) if np.ptp(piece) else np.ones(piece.shape, bool)
    if not side[at]:
        side = ~side
    labels, _ = ndimage.label(side)
    return _put(labels == labels[at], part, grey.shape)


def watershed_at(grey: NDArray[np.float32], point: tuple[float, float], box: Box) -> Mask:
    """Watershed of the gradient between a spot at the click and the window's border."""
    part = window(box, grey.shape)
    piece, at = ndimage.gaussian_filter(grey[part], 1), _at(point, part)
    markers = np.zeros(piece.shape, np.int32)
    markers[[0, -1]] = markers[:, [0, -1]] = 2
    markers[at] = 1
    return _put(watershed(sobel(piece), markers) == 1, part, grey.shape)


def otsu_in(grey: NDArray[np.float32], box: Box) -> Mask:
    """Within the box, the side of Otsu's threshold that its middle is on."""
    y0, x0, y1, x1 = (round(value) for value in box)
    part = (slice(y0, y1 + 1), slice(x0, x1 + 1))
    piece = grey[part]
    side = piece > threshold_otsu(piece) if np.ptp(piece) else np.ones(piece.shape, bool)
    middle = side[side.shape[0] // 4 : -(side.shape[0] // 4) or None, side.shape[1] // 4 :]
    return _put(side if middle.mean() >= 0.5 else ~side, part, grey.shape)


def otsu_follow(grey: NDArray[np.float32], mask: Mask, bright: bool) -> Mask:
    """The thresholded component of a whole frame that overlaps an earlier mask most, or that mask."""
    side = grey > threshold_otsu(grey)
    labels, _ = ndimage.label(side if bright else ~side)
    counts = np.bincount(labels[mask])
    counts[:1] = 0
    return labels == counts.argmax() if counts.any() else mask
