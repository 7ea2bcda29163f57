"""A person's own labelled images, from two folders, as what a model learns from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.folder import SUFFIXES, natural_order, read_image

if TYPE_CHECKING:
    from napari_sam2.models.training.pictures import Picture, Pictures

HELD_OUT = 5
"""Every fifth image measures the model and is not learned from."""


def read_own(images: Path, labels: Path) -> tuple["Pictures", "Pictures"]:
    """Read images and their labels, which have the same names but for the suffix.

    Parameters
    ----------
    images : Path
        Folder of png, jpg or tif: an image (y, x) or (y, x, colour); or a stack with one more axis in
        front, in which case the ids of the labels go on along it; up to three channels.
    labels : Path
        Folder of png or tif: the value of a pixel is the object's id, 0 is background.

    Returns
    -------
    learned, held : Pictures
        With a single image, both hold it.

    Raises
    ------
    InputError
        All that is wrong with the two folders, in one sentence.
    """
    pairs = _pairs(images, labels)
    pictures: list[Picture] = []
    problems = []
    for image_path, labels_path in pairs:
        try:
            pictures.append(_read_pair(image_path, labels_path))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(problems))
    if len(pictures) == 1:
        return _set(pictures), _set(pictures)
    learned = [picture for i, picture in enumerate(pictures) if i % HELD_OUT]
    return _set(learned), _set(pictures[::HELD_OUT])


def _pairs(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    found = []
    for folder in (images, labels):
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder; give one folder of images and one of their labels")
        found.append(
            {
                path.stem: path
                for path in folder.iterdir()
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
            }
        )
    alone = sorted(found[0].keys() ^ found[1].keys(), key=natural_order)
    if alone:
        shown = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        raise InputError(
            f"{shown} is only in one of {images} and {labels}; an image and its labels have one name"
        )
    if not found[0]:
        raise InputError(f"{images} has no png, jpg or tif images to learn from")
    return [(found[0][stem], found[1][stem]) for stem in sorted(found[0], key=natural_order)]


def _read_pair(image_path: Path, labels_path: Path) -> "Picture":
    from napari_sam2.models.training.pictures import picture

    labels, image = read_image(labels_path), read_image(image_path)
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{labels_path} holds {labels.dtype}; labels are whole numbers, 0 for background")
    if labels.ndim not in (2, 3) or (labels.ndim == 3 and labels.shape[-1] == 3 and image.ndim == 3):
        raise InputError(f"{labels_path} has shape {labels.shape}; labels are (y, x), or a stack of those")
    stack, axis = labels.ndim == 3, labels.ndim
    if image.ndim == axis + 1 and image.shape[axis - 2] <= 3 < image.shape[-1]:
        image = np.moveaxis(image, axis - 2, -1)
    if image.shape[:axis] != labels.shape or image.ndim > axis + 1:
        raise InputError(
            f"{image_path} is {image.shape} and its labels {labels_path.name} are {labels.shape}"
        )
    if not labels.any():
        raise InputError(f"{labels_path} has no object; take it and its image out of the folders")
    image = image if image.ndim == axis + 1 else image[..., None]
    return picture(_three(image) if stack else _three(image)[None], labels if stack else labels[None])


def _three(image: NDArray[Any]) -> NDArray[Any]:
    """One channel, or three: two are shown as magenta and green, as everywhere."""
    channels = image.shape[-1]
    return image[..., [0, 1, 0]] if channels == 2 else image[..., :3]


def _set(pictures: list["Picture"]) -> "Pictures":
    from napari_sam2.models.training.pictures import Pictures

    volumes = [picture for picture in pictures if len(picture.labels_zhw) > 1]
    return Pictures({"own": pictures}, volumes, {"own": 1.0}, along=0.7)
