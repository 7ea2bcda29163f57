"""What the objects of an image look like: how large they are, and whether bright or dark."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

Grey = NDArray[np.float32]
Objects = Literal["bright", "dark", "textured"]

SMALLEST = 5.0
"""Diameter in pixels below which an estimate would only find noise."""
STEP = 2**0.25
"""From one diameter that is tried to the next."""
PER_DIAMETER = 2 * 2**0.5
"""A disc of diameter d answers most strongly to a Laplacian of Gaussian of sigma d / 2.83."""
ENERGY_EXCESS = 1.07
"""The diameter of most energy against the median diameter, measured on nuclei."""
CLEARLY = 1.5
"""One side, bright or dark, wins when it has this many times the energy of the other."""
WALLS = 2.0
"""Bright lines against dark ones, or dark ones against bright, where a net of walls is looked for."""
LEAST_ANSWER = 1e-4
"""Of an image from 0 to 1: below it, only rounding answers."""
FLAT_GROUND = 5.0
"""95th percentile over median of the distance to the median grey: above it, most of the image is empty."""
GAUSSIAN = (2.91, 0.2)
"""The same number for noise alone, and how near to it an image is called noise."""
TEXTURE_SIGMA = 2.5
TEXTURED_EXCESS = 0.5
"""As `ENERGY_EXCESS`, for the map of the texture, where outlines and organelles answer before the cell."""


@dataclass(frozen=True)
class Look:
    """The objects of an image.

    Attributes
    ----------
    diameter : float
        Of a typical object, in pixels.
    objects : {"bright", "dark", "textured"}
        Against what is around them; "textured" ones have both brighter and darker parts.
    is_noise : bool
        Nothing but noise is seen, so that the other two mean nothing.
    """

    diameter: float
    objects: Objects
    is_noise: bool = False


def look_at(grey_hw: Grey, diameter: float | None = None, objects: Objects | None = None) -> Look:
    """See what the objects look like, as far as it is not given.

    Bright and dark blobs of every size answer to a Laplacian of Gaussian (Lindeberg 1998); the size at
    which the answers hold most energy is that of the objects, and the side, bright or dark, that holds
    more of it is theirs. Where neither does, an image that is mostly empty holds textured objects, as
    in phase contrast, and one that is filled holds objects between thin walls, as a tissue does.

    Parameters
    ----------
    grey_hw : float32 array (y, x)
        0 to 1.
    diameter : float, optional
        When it is known.
    objects : {"bright", "dark", "textured"}, optional
        When it is known.
    """
    diameters_n, energy_sn = _energies(grey_hw)
    bright, dark = energy_sn.max(axis=1)
    is_noise = False
    if objects is None:
        spread = np.abs(grey_hw - np.median(grey_hw))
        middle, upper = np.percentile(spread, (50, 95))
        walls = _walls(grey_hw)
        if bright > CLEARLY * dark:
            objects = "dark" if walls > WALLS and _is_net(grey_hw) else "bright"
        elif dark > CLEARLY * bright:
            objects = "bright" if walls < 1 / WALLS and _is_net(-grey_hw) else "dark"
        elif upper > FLAT_GROUND * middle:
            objects = "textured"
        else:
            objects = "dark" if walls > 1 else "bright"
            is_noise = bool(abs(upper - GAUSSIAN[0] * middle) <= GAUSSIAN[1] * middle)
    is_noise |= max(bright, dark) == 0
    if diameter is None:
        excess = ENERGY_EXCESS
        energy_n = energy_sn[int(objects == "dark")]
        if objects == "textured":
            diameters_n, energy_sn = _energies(texture(grey_hw))
            energy_n, excess = energy_sn[0] * np.sqrt(diameters_n), TEXTURED_EXCESS
        diameter = float(diameters_n[energy_n.argmax()] / excess)
    return Look(diameter, objects, is_noise)


def bright_objects(grey_hw: Grey, objects: Objects) -> Grey:
    """The image in which the objects are bright."""
    if objects == "textured":
        return texture(grey_hw)
    return grey_hw if objects == "bright" else 1 - grey_hw


def texture(grey_hw: Grey) -> Grey:
    """Local standard deviation: bright where the image is busy."""
    residue_hw = grey_hw - ndimage.gaussian_filter(grey_hw, 2 * TEXTURE_SIGMA)
    deviation_hw: Grey = np.sqrt(ndimage.gaussian_filter(residue_hw**2, TEXTURE_SIGMA))
    return deviation_hw


def noise_of(grey_hw: Grey) -> float:
    """Standard deviation of the noise of single pixels (Immerkær 1996, with the median for the mean)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(1.4826 * np.median(np.abs(ndimage.convolve(grey_hw, kernel))) / 6)


def halved(grey_hw: Grey) -> Grey:
    """Means of two by two pixels; an odd last row or column is left out."""
    height, width = (length // 2 for length in grey_hw.shape)
    means_hw: Grey = grey_hw[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3))
    return means_hw


def _energies(grey_hw: Grey) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Diameters (n,), and the energy of bright and of dark blobs of each, (2, n)."""
    largest = max(max(grey_hw.shape) / 3, SMALLEST)
    # Single hot or dead pixels are no objects; without its mean, a constant image answers nowhere.
    scaled_hw: Grey = ndimage.median_filter(grey_hw - grey_hw.mean(), 3)
    factor, diameter = 1, SMALLEST
    diameters, energies = [], []
    while diameter <= largest:
        while diameter / factor > 14 and min(scaled_hw.shape) >= 16:
            scaled_hw, factor = halved(scaled_hw), 2 * factor
        sigma = diameter / factor / PER_DIAMETER
        answer_hw = -(sigma**2) * ndimage.gaussian_laplace(scaled_hw, sigma)
        diameters.append(diameter)
        energies.append([_energy(answer_hw) * diameter, _energy(-answer_hw) * diameter])
        diameter *= STEP
    return np.array(diameters), np.array(energies).T


def _energy(answer_hw: Grey) -> float:
    peaks_hw = (answer_hw == ndimage.maximum_filter(answer_hw, 5)) & (answer_hw > LEAST_ANSWER)
    return float((answer_hw[peaks_hw].astype(np.float64) ** 2).sum())


def _walls(grey_hw: Grey) -> float:
    """Bright thin lines against dark ones, by the square of the larger curvature where it stands alone."""
    yy, xx, yx = (ndimage.gaussian_filter(grey_hw, 1, order=order) for order in ((2, 0), (0, 2), (1, 1)))
    mean_hw, half_hw = (yy + xx) / 2, np.sqrt(((yy - xx) / 2) ** 2 + yx**2)
    up_hw, down_hw = mean_hw + half_hw, mean_hw - half_hw
    dark = (up_hw[up_hw > 3 * np.abs(down_hw)] ** 2).sum()
    bright = (down_hw[-down_hw > 3 * np.abs(up_hw)] ** 2).sum()
    return float(bright / max(dark, 1e-12))


def _is_net(grey_hw: Grey) -> bool:
    """Whether the bright side hangs together across the frame and is the smaller one, as walls do."""
    side_hw = grey_hw > threshold_otsu(grey_hw)  # type: ignore[no-untyped-call]
    parts_hw, _ = ndimage.label(side_hw, np.ones((3, 3)))
    largest = int(np.bincount(parts_hw[side_hw]).argmax())
    rows, columns = ndimage.find_objects(parts_hw)[largest - 1]
    spans = min(
        (rows.stop - rows.start) / grey_hw.shape[0], (columns.stop - columns.start) / grey_hw.shape[1]
    )
    return bool(spans > 0.8 and (parts_hw == largest).sum() > 0.6 * side_hw.sum() and side_hw.mean() < 0.5)
