"""The rule `threshold`: a local threshold, then a watershed of the distance to the background."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from napari_sam2.seeding.look import Grey, Look, bright_objects, halved, noise_of

Labels = NDArray[np.int32]

ENOUGH = 30.0
"""Objects of this diameter, in pixels, show all that counts: images of larger ones are scaled down."""
SMOOTHING = 1 / 16
"""Sigma against the diameter."""
GROUND, PEAK = 2.5, 1.5
"""Sides, in diameters, of the windows whose darkest and brightest spots are background and object."""
LEVEL, LEVEL_TEXTURED = 0.36, 0.3
"""Where between the two the outline is: people draw it outside of half the height."""
NOISES = 9.0
"""An object stands out from the darkest spot around it by this many spreads of the smoothed noise: noise
alone reaches 6."""
FAINTEST = 0.15
"""Or by this share of what the brightest objects do."""
BUSIER = 0.75
"""What a textured object has more of than the calmest place around it, as a share of what is there."""
NECK = 0.9
"""Two parts are one object when the neck between them is this wide against the narrower part."""


def find_by_threshold(grey_hw: Grey, look: Look, min_size: float) -> Labels:
    """Segment the objects of a frame.

    The threshold lies between the local extremes (Bernsen 1986), and what touches is cut where it is
    narrow or has a darker seam.

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
        Numbered from 1.
    """
    feature_hw, factor = bright_objects(grey_hw, look.objects), 1
    noise = noise_of(feature_hw)
    if look.objects != "textured":
        feature_hw = ndimage.median_filter(feature_hw, 3)
    while look.diameter / factor > ENOUGH and min(feature_hw.shape) >= 2 * ENOUGH:
        feature_hw, factor, noise = halved(feature_hw), 2 * factor, noise / 2
    diameter = look.diameter / factor
    is_textured = look.objects == "textured"
    inside_hw, brightness_hw = _foreground(feature_hw, diameter, is_textured, noise)
    labels_hw = _apart(inside_hw, np.ones_like(brightness_hw) if is_textured else brightness_hw, diameter)
    return _kept(_enlarged(labels_hw, factor, grey_hw.shape), min_size)


def _foreground(
    feature_hw: Grey, diameter: float, textured: bool, noise: float
) -> tuple[NDArray[np.bool_], Grey]:
    """Where the objects are, and their brightness against the brightest spot nearby."""
    level, busier = (LEVEL_TEXTURED, BUSIER) if textured else (LEVEL, 0)
    sigma = max(0.7, SMOOTHING * diameter)
    smooth_hw = ndimage.gaussian_filter(feature_hw, sigma)
    ground_hw = ndimage.minimum_filter(smooth_hw, _odd(GROUND * diameter))
    height_hw = smooth_hw - ndimage.gaussian_filter(ground_hw, GROUND * diameter / 4)
    peak_hw = ndimage.maximum_filter(height_hw, _odd(PEAK * diameter))
    peak_hw = ndimage.gaussian_filter(peak_hw, PEAK * diameter / 4)
    smooth_noise = noise / (2 * np.pi**0.5 * sigma)
    faintest = max(NOISES * smooth_noise, FAINTEST * float(np.percentile(peak_hw, 95)), 1e-4)
    inside_hw = (height_hw > level * peak_hw) & (height_hw > np.maximum(faintest, busier * ground_hw))
    if diameter > 12:
        inside_hw = ndimage.binary_opening(inside_hw, np.ones((3, 3)))
    brightness_hw = np.clip(height_hw / np.maximum(peak_hw, 1e-6), 0, 1)
    return ndimage.binary_fill_holes(inside_hw), brightness_hw


def _apart(inside_hw: NDArray[np.bool_], brightness_hw: Grey, diameter: float) -> Labels:
    """Cut what touches, where it is narrow; a dark seam narrows it too."""
    depth_hw = ndimage.distance_transform_edt(inside_hw).astype(np.float32) * brightness_hw
    depth_hw = ndimage.gaussian_filter(depth_hw, max(0.5, diameter / 10))
    tops_hw = (depth_hw == ndimage.maximum_filter(depth_hw, _odd(diameter / 2))) & inside_hw
    markers_hw, _ = ndimage.label(tops_hw, np.ones((3, 3)))
    flooded_hw = watershed(-depth_hw, markers_hw, mask=inside_hw)  # type: ignore[no-untyped-call]
    return _joined(flooded_hw.astype(np.int32), depth_hw)


def _joined(labels_hw: Labels, depth_hw: Grey) -> Labels:
    """Join neighbours with a wide neck between them, the widest first."""
    n = int(labels_hw.max())
    sides, necks = [], []
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        one_hw, other_hw = labels_hw[first], labels_hw[second]
        touch_hw = (one_hw != other_hw) & (one_hw > 0) & (other_hw > 0)
        sides.append(np.sort(np.stack([one_hw[touch_hw], other_hw[touch_hw]], axis=1), axis=1))
        necks.append(np.minimum(depth_hw[first], depth_hw[second])[touch_hw])
    pairs_n2, which = np.unique(np.concatenate(sides), axis=0, return_inverse=True)
    if not len(pairs_n2):
        return labels_hw
    neck_n = np.zeros(len(pairs_n2))
    np.maximum.at(neck_n, which.ravel(), np.concatenate(necks))
    width_n = np.append(0.0, ndimage.maximum(depth_hw, labels_hw, np.arange(1, n + 1)))
    into_n = np.arange(n + 1)

    def end(i: int) -> int:
        while into_n[i] != i:
            i = int(into_n[i])
        return i

    for k in np.argsort(-neck_n):
        narrow, wide = sorted((end(int(i)) for i in pairs_n2[k]), key=lambda i: width_n[i])
        if narrow != wide and neck_n[k] >= NECK * width_n[narrow]:
            into_n[narrow] = wide
    joined_hw: Labels = np.array([end(i) for i in range(n + 1)], np.int32)[labels_hw]
    return joined_hw


def _enlarged(labels_hw: Labels, factor: int, shape: tuple[int, ...]) -> Labels:
    if factor == 1:
        return labels_hw
    large_hw = labels_hw.repeat(factor, axis=0).repeat(factor, axis=1)
    missing = [(0, length - large) for length, large in zip(shape, large_hw.shape, strict=True)]
    return np.pad(large_hw, missing, mode="edge")


def _kept(labels_hw: Labels, min_size: float) -> Labels:
    """Those that are large enough, numbered anew from 1."""
    sizes_n = np.bincount(labels_hw.ravel())
    keep_n = sizes_n >= max(min_size, 1)
    keep_n[0] = False
    numbers_n = np.where(keep_n, np.cumsum(keep_n), 0).astype(np.int32)
    return numbers_n[labels_hw]


def _odd(length: float) -> int:
    return max(3, int(length) | 1)
