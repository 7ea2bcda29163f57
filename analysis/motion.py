"""How one object moves: mean squared displacement, diffusion, turning."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from napari_sam2.analysis.objects import Floats, Ints

_MOST_LAGS = 20
"""Longer lags of one track repeat each other; they add noise to a fit, not knowledge."""

_FEWEST_LAGS = 3


def on_every_frame(frames: Ints, positions: Floats) -> Floats:
    """Positions (k, d) on frames (k,), ascending, as (last - first + 1, d) with NaN where absent."""
    filled = np.full((int(frames[-1] - frames[0]) + 1, positions.shape[1]), np.nan)
    filled[frames - frames[0]] = positions
    return filled


def mean_squared_displacement(positions: Floats, n_lags: int) -> tuple[Floats, Ints]:
    """Time-averaged mean squared displacement of one track over all overlapping windows.

    MSD(n) = mean over k of |r(k + n) - r(k)|² (Qian, Sheetz & Elson 1991, Biophys. J. 60:910).

    Parameters
    ----------
    positions : float64 array (frames, d)
        One row a frame; NaN where the object is absent, windows that begin or end there do not count.
    n_lags : int
        Lags 1 to n_lags, in frames.

    Returns
    -------
    (float64 array (n_lags,), int64 array (n_lags,))
        Squared units of the positions, NaN without a window; number of windows.
    """
    msd, windows = np.full(n_lags, np.nan), np.zeros(n_lags, dtype=np.int64)
    for lag in range(1, min(n_lags, len(positions) - 1) + 1):
        squares = ((positions[lag:] - positions[:-lag]) ** 2).sum(axis=1)
        squares = squares[~np.isnan(squares)]
        windows[lag - 1] = len(squares)
        if len(squares):
            msd[lag - 1] = squares.mean()
    return msd, windows


@lru_cache(maxsize=256)
def _exponent_spread(n_steps: int, n_lags: int, dimensions: int) -> float:
    """Standard error of the slope of log MSD over log lag, for free diffusion.

    MSDs of one track are strongly correlated, as their windows overlap. For Brownian motion the
    squared displacements of two windows have the covariance 2 d (variance of a step x steps they
    share)² (Qian et al. 1991; Michalet 2010, Phys. Rev. E 82:041914); it is carried through the
    logarithm and the unweighted fit.
    """
    lags = np.arange(1, n_lags + 1)
    log_lags = np.log(lags) - np.log(lags).mean()
    weights = log_lags / (log_lags**2).sum()
    windows = n_steps - lags + 1
    covariance = np.empty((n_lags, n_lags))
    for i, n in enumerate(lags):
        for j, m in enumerate(lags):
            later = np.arange(-m + 1, n)  # how much later the window of length m begins
            shared = np.minimum(n, later + m) - np.maximum(0, later)
            pairs = np.minimum(windows[i], windows[j] - later) - np.maximum(0, -later)
            together = (np.maximum(pairs, 0) * shared.astype(np.float64) ** 2).sum()
            covariance[i, j] = 2 * together / (dimensions * n * m * windows[i] * windows[j])
    return float(np.sqrt(weights @ covariance @ weights))


@dataclass(frozen=True)
class Diffusion:
    """Fits to the mean squared displacement of one track; NaN where it is too short or at rest.

    Attributes
    ----------
    coefficient : float
        D in MSD = 2 d D t + constant, squared length per time.
    exponent, low, high : float
        α in MSD ~ t^α, and its 95 % confidence interval.
    n_lags : int
        Lags used.
    """

    coefficient: float
    exponent: float
    low: float
    high: float
    n_lags: int


def fit_diffusion(positions: Floats, step: float) -> Diffusion:
    """Diffusion coefficient and anomalous exponent of one track.

    The first quarter of the lags is used (Saxton 1997, Biophys. J. 72:1744), at least 3, at most 20.

    Parameters
    ----------
    positions : float64 array (frames, d)
        As for `mean_squared_displacement`.
    step : float
        Time between frames.
    """
    n_steps = len(positions) - 1
    n_lags = min(max(_FEWEST_LAGS, n_steps // 4), _MOST_LAGS)
    msd, windows = mean_squared_displacement(positions, n_lags)
    if (windows < 2).any():
        return Diffusion(np.nan, np.nan, np.nan, np.nan, 0)
    lags = np.arange(1, n_lags + 1)
    dimensions = positions.shape[1]
    coefficient = float(np.polyfit(lags * step, msd, 1)[0] / (2 * dimensions))
    if (msd <= 0).any():
        return Diffusion(coefficient, np.nan, np.nan, np.nan, n_lags)
    exponent = float(np.polyfit(np.log(lags), np.log(msd), 1)[0])
    spread = 1.96 * _exponent_spread(int(windows[0]), n_lags, dimensions)
    return Diffusion(coefficient, exponent, exponent - spread, exponent + spread, n_lags)


def turning_angles(positions: Floats) -> Floats:
    """Angles between successive steps, 0 straight on, π back, in radians.

    Parameters
    ----------
    positions : float64 array (frames, d)
        One row a frame; NaN where the object is absent.

    Returns
    -------
    float64 array
        One for each two steps in a row, both between neighbouring frames and both longer than 0.
    """
    steps = np.diff(positions, axis=0)
    before, after = steps[:-1], steps[1:]
    lengths = np.sqrt((before**2).sum(axis=1) * (after**2).sum(axis=1))
    there = lengths > 0  # False for NaN, too
    cosines = (before * after).sum(axis=1)[there] / lengths[there]
    angles: Floats = np.arccos(np.clip(cosines, -1, 1))
    return angles


def slope(times: Floats, values: Floats) -> float:
    """Slope of the least-squares line; NaN for fewer than two times or values that are not numbers."""
    if len(times) < 2 or not np.isfinite(values).all():
        return float("nan")
    centred = times - times.mean()
    return float((centred * values).sum() / (centred**2).sum())
