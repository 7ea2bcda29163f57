"""The sample files that come with the package; reading them needs no torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class SampleInfo:
    """What is known about a sample.

    Attributes
    ----------
    axis
        "t" or "z".
    pixel_size
        (y, x) in `unit`; None for pictures of an endoscope.
    unit
        Of the pixel size.
    step
        Frame interval, or distance of the slices.
    step_unit
        Of the step.
    title
        For people.
    """

    axis: str
    pixel_size: tuple[float, float] | None
    unit: str
    step: float
    step_unit: str
    title: str


SAMPLES: dict[str, SampleInfo] = {
    "cells_time": SampleInfo("t", (0.65, 0.65), "µm", 600.0, "s", "Cells in time (procedural)"),
    "nuclei_z": SampleInfo("z", (0.3, 0.3), "µm", 0.8, "µm", "Nuclei in depth (procedural)"),
    "instruments_rgb": SampleInfo("t", None, "pixel", 0.2, "s", "Instruments in colour (procedural)"),
}


def sample_path(name: str, what: str = "image") -> Path:
    """Path of a sample's file: `what` is "image", "labels" or "prompts".

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if name not in SAMPLES:
        raise ValueError(f"There is no sample '{name}'; the samples are {', '.join(SAMPLES)}.")
    return (
        _FOLDER
        / {"image": f"{name}.tif", "labels": f"{name}_labels.tif", "prompts": f"{name}_prompts.csv"}[what]
    )


def load_sample(name: str) -> tuple[np.ndarray, np.ndarray, SampleInfo]:
    """Read a sample.

    Returns
    -------
    tuple
        images (frames, y, x), or (frames, y, x, 3) in colour; labels (frames, y, x) with one id per
        object along the axis, 0 for background; and what is known about them.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    images = tifffile.imread(sample_path(name))
    labels = tifffile.imread(sample_path(name, "labels"))
    return images, labels, SAMPLES[name]
