"""Intensities of the objects of one frame, one channel at a time."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.objects import Floats, Ints, Objects, divide


def medians(values: NDArray[Any], starts: Ints) -> Floats:
    """Median of each stretch `values[starts[k]:starts[k + 1]]`; NaN where it is empty or holds NaN."""
    found = np.full(len(starts) - 1, np.nan)
    decimal = values.dtype.kind == "f"
    for k, (begin, end) in enumerate(itertools.pairwise(starts.tolist())):
        part = values[begin:end]
        if len(part) and not (decimal and np.isnan(part).any()):
            low, high = (len(part) - 1) // 2, len(part) // 2
            ordered = np.partition(part, (low, high))
            found[k] = (float(ordered[low]) + float(ordered[high])) / 2
    return found


def measure_intensity(
    objects: Objects, image_yx: NDArray[Any], ring: tuple[Ints, Ints], pixel_size: tuple[float, ...]
) -> dict[str, Floats]:
    """Numbers of one channel over each object.

    Parameters
    ----------
    objects : Objects
        n of them, at least one.
    image_yx : array (y, x)
        Intensities. Where they are NaN, so are the numbers of the object.
    ring : (int64 array, int64 array)
        From `Outline.ring`: where to read the background.
    pixel_size : (float, float)
        Height and width of a pixel.

    Returns
    -------
    dict
        Column name without the channel -> (n,).
    """
    flat = image_yx.ravel()
    raw = flat[objects.pixels]
    starts = objects.pixel_starts
    values = raw.astype(np.float64)
    sums = np.add.reduceat(values, starts[:-1])
    mean = sums / objects.counts
    with np.errstate(invalid="ignore"):  # ∞ − ∞ is undefined, and so is the spread
        squares = np.add.reduceat((values - np.repeat(mean, objects.counts)) ** 2, starts[:-1])

    with np.errstate(invalid="ignore"):
        weighted = [divide(np.add.reduceat(values * at, starts[:-1]), sums) for at in objects.pixels_yx]

    owner, place = ring
    background = medians(flat[place], np.searchsorted(owner, np.arange(len(objects) + 1)))
    columns = {
        "intensity_mean": mean,
        "intensity_median": medians(raw, starts),
        "intensity_std": np.sqrt(squares / objects.counts),
        "intensity_min": np.minimum.reduceat(raw, starts[:-1]).astype(np.float64),
        "intensity_max": np.maximum.reduceat(raw, starts[:-1]).astype(np.float64),
        "intensity_integrated": sums,
        "background": background,
        "intensity_corrected": mean - background,
        "integrated_corrected": sums - background * objects.counts,
    }
    for name, at, size in zip("yx", weighted, pixel_size, strict=True):
        columns |= {f"weighted_centroid_{name}_px": at, f"weighted_centroid_{name}": at * size}
    return columns
