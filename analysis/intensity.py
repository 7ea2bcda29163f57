"""Intensities of the objects of one frame, channel by channel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.objects import Objects


def measure_intensity(objects: Objects, image_yx: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Mean, spread and range of one channel over each object.

    Parameters
    ----------
    objects : Objects
        n objects of the frame.
    image_yx : array (y, x)
        One channel. Where it is NaN, so are the numbers of the object.

    Returns
    -------
    dict
        Column name without the channel -> float64 array (n,).
    """
    values = image_yx[objects.y, objects.x].astype(np.float64)
    mean = objects.total(values) / objects.counts
    spread = objects.total((values - mean[objects.owner]) ** 2) / objects.counts
    return {
        "intensity_mean": mean,
        "intensity_std": np.sqrt(spread),
        "intensity_min": objects.smallest(values),
        "intensity_max": objects.largest(values),
    }
