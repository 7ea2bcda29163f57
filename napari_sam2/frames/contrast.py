"""One contrast window a channel for the whole stack: what makes camera counts comparable to 0..1.

A window of its own for every frame would make the image flicker, and flicker kills tracking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError

LOW_PERCENTILE = 0.1
HIGH_PERCENTILES = (99.9, 99.99)
"""The first is right where objects cover more than 0.1 % of the pixels, the second where they are rarer."""

NOISE_SPREADS = 4.0
"""A value closer to the median than this many background spreads is background: Gaussian noise has its
99.9th percentile at 3.1 spreads."""

SAMPLED_FRAMES = 16
SAMPLED_PIXELS = 2**17
"""Pixels of one frame and channel that are looked at."""


@dataclass(frozen=True)
class Contrast:
    """The values that become 0 and 1, one pair a channel.

    Attributes
    ----------
    low, high : tuple of float
        One for each channel of the file, in the file's own values, `low < high`.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", tuple(float(value) for value in self.low))
        object.__setattr__(self, "high", tuple(float(value) for value in self.high))
        if not self.low or len(self.low) != len(self.high):
            raise InputError(
                f"contrast has {len(self.low)} low and {len(self.high)} high values; give a pair a channel"
            )
        for low, high in zip(self.low, self.high, strict=True):
            if not (np.isfinite(low) and np.isfinite(high) and low < high):
                raise InputError(
                    f"the contrast window from {low:g} to {high:g} is empty; give a lower and a higher value"
                )

    def scale(self, plane_hw: NDArray[Any], channel: int) -> NDArray[np.float32]:
        """Map one channel's plane to float32 (y, x) in 0..1, clipped."""
        low, high = self.low[channel], self.high[channel]
        scaled_hw: NDArray[Any] = plane_hw.astype(_wide(plane_hw))
        scaled_hw -= low
        scaled_hw /= high - low
        return np.clip(scaled_hw, 0, 1, out=scaled_hw).astype(np.float32, copy=False)


def as_contrast(value: "Contrast | Sequence[Any]", n_channels: int) -> Contrast:
    """Read a contrast given by a person: a `Contrast`, (low, high) for all channels, or a pair for each.

    Raises
    ------
    InputError
        The number of pairs is not the number of channels, or a window is empty.
    """
    if not isinstance(value, Contrast):
        try:
            pairs = np.atleast_2d(np.asarray(value, dtype=np.float64))
        except (TypeError, ValueError):
            pairs = np.empty((0, 0))
        if pairs.ndim != 2 or pairs.shape[1] != 2:
            raise InputError(f"contrast {value!r} is not understood; give (low, high), or one pair a channel")
        value = Contrast(tuple(pairs[:, 0]), tuple(pairs[:, 1]))
    if len(value.low) == 1:
        value = Contrast(value.low * n_channels, value.high * n_channels)
    if len(value.low) != n_channels:
        raise InputError(
            f"contrast has {len(value.low)} windows but the image has {n_channels} channels; "
            "give one window a channel, or a single one"
        )
    return value


def thin_out(frame_yxc: NDArray[Any]) -> NDArray[Any]:
    """Pixels on a regular grid over a frame, (pixels, channels): enough to estimate a window from."""
    stride = max(1, int(np.ceil(np.sqrt(frame_yxc.shape[0] * frame_yxc.shape[1] / SAMPLED_PIXELS))))
    return frame_yxc[::stride, ::stride].reshape(-1, frame_yxc.shape[2])


def estimate_contrast(samples_nc: NDArray[Any], is_rgb: bool) -> Contrast:
    """Find the window of each channel from pixels sampled over the whole stack.

    Parameters
    ----------
    samples_nc : array (pixels, channels)
        From `thin_out`, all sampled frames together.
    is_rgb : bool
        Colours share one window, so that their hue is kept; 8-bit ones are shown as they are.
    """
    n_channels = samples_nc.shape[1]
    if is_rgb and samples_nc.dtype == np.uint8:
        return Contrast((0,) * n_channels, (255,) * n_channels)
    if is_rgb:
        return as_contrast(_window(samples_nc.ravel()), n_channels)
    windows = [_window(samples_nc[:, channel]) for channel in range(n_channels)]
    return Contrast(tuple(low for low, _ in windows), tuple(high for _, high in windows))


def _wide(values: NDArray[Any]) -> type[np.floating[Any]]:
    """The float type that holds the values exactly: float32 does so for 16-bit counts, not for wider ones."""
    return np.float32 if values.dtype.itemsize <= 2 else np.float64


def _window(values: NDArray[Any]) -> tuple[float, float]:
    values = values.astype(_wide(values), copy=False)
    low, middle, upper, *highs = np.percentile(values, (LOW_PERCENTILE, 50, 84, *HIGH_PERCENTILES)).tolist()
    background = middle + NOISE_SPREADS * (upper - middle)
    high = next((high for high in highs if high > background), highs[-1])
    if high <= low:  # all but a few pixels are equal
        low, high = float(values.min()), float(values.max())
    if high <= low:  # a constant image
        high = low + max(1.0, abs(low))
    return low, high
