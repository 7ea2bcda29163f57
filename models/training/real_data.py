"""Real labelled images to learn from, read once and kept compactly.

The folder holds up to three sets: `dsb2018` and `phase_glioma` with `images/` and `labels/` of equal
names, and `em_neurites_z` with `frames.tif` and `labels.tif`, whose ids go on along z.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_sam2.models.errors import ModelError
from napari_sam2.models.training.pictures import Picture, Pictures, picture

SHARES = {"dsb2018": 0.45, "phase_glioma": 0.3, "em_neurites_z": 0.25}
"""How often each set is drawn."""
HELD_OUT = 10
"""Every tenth image, and the last tenth of a volume, is kept for validation."""


def _read_stills(folder: Path) -> list[Picture]:
    from imageio.v3 import imread

    pictures = []
    for path in sorted((folder / "images").glob("*.png")):
        image, labels = np.asarray(imread(path)), np.asarray(imread(folder / "labels" / path.name))
        if image.shape[:2] != labels.shape:
            raise ModelError(f"{path}: the image is {image.shape[:2]} and its labels are {labels.shape}")
        image = image[..., None] if image.ndim == 2 else image[..., :3]
        if image.shape[-1] == 3 and (image == image[..., :1]).all():
            image = image[..., :1]
        pictures.append(picture(image[None], labels[None]))
    return [one for one in pictures if len(one.objects)]


def _read_volume(folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    import tifffile

    return tifffile.imread(folder / "frames.tif")[..., None], tifffile.imread(folder / "labels.tif")


def read_real(folder: Path, *, held_out: bool = False) -> Pictures:
    """Read what the folder holds; sets that are not there are left out.

    Parameters
    ----------
    folder : Path
        See the module's text.
    held_out : bool
        Give the part kept for validation instead of the part to learn from.

    Raises
    ------
    ModelError
        When the folder holds none of the sets.
    """
    stills: dict[str, list[Picture]] = {}
    volumes: list[Picture] = []
    for name in ("dsb2018", "phase_glioma"):
        if (folder / name).is_dir():
            pictures = _read_stills(folder / name)
            stills[name] = [p for i, p in enumerate(pictures) if (i % HELD_OUT == 0) == held_out]
    if (folder / "em_neurites_z").is_dir():
        frames, labels = _read_volume(folder / "em_neurites_z")
        split = len(frames) - len(frames) // HELD_OUT
        part = slice(split, None) if held_out else slice(0, split)
        volumes.append(picture(frames[part], labels[part]))
        # On one slice a body may be in several places, of which a click means one.
        apart = [label(frame, connectivity=1) for frame in labels[part]]
        stills["em_neurites_z"] = [picture(frames[part], np.stack(apart))]
    if not stills:
        raise ModelError(
            f"{folder} holds no labelled images to learn from: it needs at least one of the folders "
            f"{', '.join(SHARES)}"
        )
    return Pictures(stills, volumes, SHARES, along=SHARES["em_neurites_z"])
