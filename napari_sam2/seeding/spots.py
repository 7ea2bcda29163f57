"""The rule `spots`: round objects, found by the Laplacian of Gaussian at several scales."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sam2.seeding.look import PER_DIAMETER, STEP, Grey, Look, bright_objects, noise_of

Labels = NDArray[np.int32]

RANGE = 2.0
"""Spots are looked for from the typical diameter divided by this to the one times this."""
NOISES = 6.0
"""The answer to a spot against the spread of the answer to noise."""
FAINTEST = 0.3
"""The answer to a spot against the typical one, in which each counts by its square."""
NEAREST = 0.75
"""Of two spots nearer than this share of their mean diameter, the stronger one stays."""


def find_spots(grey_hw: Grey, look: Look, min_size: float) -> Labels:
    """Find the round objects of a frame, each a disc of the size that answers most.

    Parameters
    ----------
    grey_hw : float32 array (y, x)
        0 to 1.
    look : Look
        Size and kind of the objects.
    min_size : float
        Smallest area in pixels.

    Returns
    -------
    int32 array (y, x)
        Numbered from 1; where discs overlap, a pixel belongs to the nearer centre.
    """
    feature_hw = bright_objects(grey_hw, look.objects)
    spots_n4 = _peaks(feature_hw, look)
    labels_hw = np.zeros(grey_hw.shape, np.int32)
    nearest_hw = np.ones(grey_hw.shape, np.float32)
    kept_n4, n = np.empty_like(spots_n4), 0
    for spot in spots_n4[spots_n4[:, 3].argsort()[::-1]]:
        y, x, diameter, _ = spot
        if np.pi / 4 * diameter**2 < min_size or _taken(spot, kept_n4[:n]):
            continue
        kept_n4[n] = spot
        n += 1
        top, left = (max(int(centre - diameter / 2), 0) for centre in (y, x))
        part = np.s_[top : int(y + diameter / 2) + 2, left : int(x + diameter / 2) + 2]
        rows, columns = np.ogrid[part]
        rows, columns = rows[: grey_hw.shape[0] - top], columns[:, : grey_hw.shape[1] - left]
        distance_hw = np.hypot(rows - y, columns - x) / max(diameter / 2, 1)
        own_hw = distance_hw < nearest_hw[part]
        labels_hw[part][own_hw] = n
        nearest_hw[part][own_hw] = distance_hw[own_hw]
    return labels_hw


def _peaks(feature_hw: Grey, look: Look) -> NDArray[np.float64]:
    """Local maxima over position and scale: rows of y, x, diameter, answer."""
    steps = round(np.log(RANGE) / np.log(STEP))
    diameters = look.diameter * STEP ** np.arange(-steps, steps + 1)
    diameters = diameters[diameters >= min(look.diameter, PER_DIAMETER)]
    noise = noise_of(feature_hw)
    sigmas = diameters / PER_DIAMETER
    answers_shw = np.stack([-(s**2) * ndimage.gaussian_laplace(feature_hw, s) for s in sigmas])
    # White noise answers with this spread: the L2 norm of the kernel, sqrt(1 / 2 pi) / sigma.
    least_s = NOISES * noise / sigmas / (2 * np.pi) ** 0.5
    reach = max(3, int(look.diameter / RANGE / 2) | 1)
    peaks_shw = answers_shw == ndimage.maximum_filter(answers_shw, (3, reach, reach))
    peaks_shw &= answers_shw > np.maximum(least_s, 1e-4)[:, None, None]
    s, y, x = np.nonzero(peaks_shw)
    answer = answers_shw[s, y, x].astype(np.float64)
    if len(answer):
        strong = answer >= FAINTEST * (answer**3).sum() / (answer**2).sum()
        s, y, x, answer = s[strong], y[strong], x[strong], answer[strong]
    return np.stack([y, x, diameters[s], answer], axis=1)


def _taken(spot: NDArray[np.float64], others_n4: NDArray[np.float64]) -> bool:
    """Whether a stronger spot is at the same place."""
    apart = np.hypot(*(others_n4[:, :2] - spot[:2]).T)
    return bool((apart < NEAREST * (others_n4[:, 2] + spot[2]) / 2).any())
