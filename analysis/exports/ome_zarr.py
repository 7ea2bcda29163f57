"""OME-Zarr 0.5: masks as a label image in a multiscale `labels` group, with the image where it is given.

Specification: https://ngff.openmicroscopy.org/0.5.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.colours import object_colour
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_folder
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.exports.sizes import Sizes, read_sizes, unit_name
from napari_sam2.analysis.stack import LazyStack

_VERSION = "0.5"
_CHUNK = 1024
_SMALLEST_LEVEL = 512
"""Levels are added until neither side is longer."""

Image = NDArray[Any]


def write_ome_zarr(
    labels: LazyStack,
    path: Path_,
    *,
    images: LazyStack | None = None,
    name: str = "objects",
    pixel_size: float | Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    axis: str = "t",
) -> Path:
    """Write masks as an OME-Zarr, reading a frame at a time.

    Parameters
    ----------
    labels : sequence of int arrays (y, x) or (z, y, x)
        0 is background. Ids are written in the smallest unsigned type that holds all.
    path : path
        A new folder, by custom named ``.zarr``; the masks lie in ``labels/<name>``.
    images : sequence of arrays (y, x) or (y, x, c), optional
        The image that was segmented, which becomes the image of the OME-Zarr; without it readers have to
        be given the path of the masks.
    name : str
        Of the label image.
    pixel_size, unit, step, step_unit, axis
        As in `write_ome_tiff`; a unit that OME-Zarr has no name for is not written.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    MeasureError
        The labels, sizes or images do not fit, or the folder is not empty.
    OSError
        It cannot be written.
    """
    import zarr

    found = survey(labels)
    sizes = read_sizes(pixel_size, unit, step, step_unit, axis, len(found.shape))
    if images is not None:
        _check_images(images, len(labels), found.shape)
    axes = axis + "zyx"[-len(found.shape) :]
    with whole_folder(path) as partial:
        root = zarr.open_group(partial, mode="w", zarr_format=3)
        if images is not None:
            _write_images(root, images, axes, sizes, Path(path).name.removesuffix(".zarr"))
        group = root.create_group("labels")
        group.attrs["ome"] = {"version": _VERSION, "labels": [name]}
        group = group.create_group(name)
        levels = _Levels(group, axes, (len(labels), *found.shape), found.dtype, sizes, _take_every_other)
        for frame in range(len(labels)):
            levels.write(frame, np.asarray(labels[frame]).astype(found.dtype))
        label: dict[str, Any] = {
            "colors": [{"label-value": each, "rgba": [*object_colour(each), 255]} for each in found.ids]
        }
        if images is not None:
            label["source"] = {"image": "../../"}
        group.attrs["ome"] = {
            "version": _VERSION,
            "multiscales": [levels.describe(name, "nearest")],
            "image-label": label,
        }
    return Path(path)


def _check_images(images: LazyStack, n_labels: int, shape: tuple[int, ...]) -> None:
    if len(images) != n_labels:
        raise MeasureError(f"There are {len(images)} images and {n_labels} masks; give as many of each.")
    size = np.asarray(images[0]).shape
    if len(shape) != 2 or size[:2] != shape or len(size) > 3:
        raise MeasureError(
            f"The images have the shape {size} and the label images {shape}; images are (y, x) or (y, x, c) "
            "of the same pixels."
        )


def _write_images(root: Any, images: LazyStack, axes: str, sizes: Sizes, name: str) -> None:
    first = np.asarray(images[0])
    has_channels = first.ndim == 3
    shape = (len(images), *((first.shape[2],) if has_channels else ()), *first.shape[:2])
    letters = axes[0] + "c" * has_channels + axes[1:]
    levels = _Levels(root, letters, shape, first.dtype, sizes, _average)
    for frame in range(len(images)):
        image = np.asarray(images[frame])
        levels.write(frame, np.moveaxis(image, 2, 0) if has_channels else image)
    root.attrs["ome"] = {"version": _VERSION, "multiscales": [levels.describe(name, "local mean")]}


class _Levels:
    """The arrays of a multiscale image, each half as wide and high as the one before."""

    def __init__(
        self,
        group: Any,
        axes: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        sizes: Sizes,
        halve: Callable[[Image], Image],
    ) -> None:
        self._axes, self._sizes, self._halve = axes, sizes, halve
        self._arrays: list[Any] = []
        n_levels = 1 + max(0, math.ceil(math.log2(max(shape[-2:]) / _SMALLEST_LEVEL)))
        for level in range(n_levels):
            size = (*shape[:-2], *(-(-side // 2**level) for side in shape[-2:]))
            chunks = (*[1] * (len(shape) - 2), *(min(side, _CHUNK) for side in size[-2:]))
            array = group.create_array(
                str(level), shape=size, dtype=dtype, chunks=chunks, dimension_names=list(axes), fill_value=0
            )
            self._arrays.append(array)

    def write(self, frame: int, image: Image) -> None:
        """Write a frame into every level."""
        for array in self._arrays:
            array[frame] = image
            image = self._halve(image)

    def describe(self, name: str, method: str) -> dict[str, Any]:
        """The entry of `multiscales`."""
        size = dict.fromkeys("tczyx", 1.0)
        spatial = self._sizes.pixel_size or ()
        size |= dict(zip("zyx"[-len(spatial) :], spatial, strict=False))
        size[self._sizes.axis] = self._sizes.step or 1.0
        datasets = []
        for level in range(len(self._arrays)):
            # Half as fine: a pixel is twice as large, and the mean of several lies in their middle.
            factor = {letter: 2**level if letter in "yx" else 1 for letter in self._axes}
            transformations: list[dict[str, Any]] = [
                {"type": "scale", "scale": [size[each] * factor[each] for each in self._axes]}
            ]
            if level and self._halve is _average:
                shift = [size[each] * (factor[each] - 1) / 2 for each in self._axes]
                transformations.append({"type": "translation", "translation": shift})
            datasets.append({"path": str(level), "coordinateTransformations": transformations})
        return {
            "name": name,
            "axes": [self._describe_axis(letter) for letter in self._axes],
            "datasets": datasets,
            "type": method,
        }

    def _describe_axis(self, letter: str) -> dict[str, str]:
        sizes = self._sizes
        if letter == "c":
            return {"name": "c", "type": "channel"}
        unit = sizes.step_unit if letter == sizes.axis else sizes.unit
        known = sizes.step if letter == sizes.axis else sizes.pixel_size
        named = unit_name(unit) if known is not None else None
        kind = "time" if letter == "t" else "space"
        return {"name": letter, "type": kind, **({"unit": named} if named else {})}


def _take_every_other(image: Image) -> Image:
    return image[..., ::2, ::2]


def _average(image: Image) -> Image:
    """Mean of 2 x 2 pixels; an odd last row or column counts twice."""
    even = np.pad(image, [(0, 0)] * (image.ndim - 2) + [(0, side % 2) for side in image.shape[-2:]], "edge")
    mean = np.mean([even[..., y::2, x::2] for y in (0, 1) for x in (0, 1)], axis=0, dtype=np.float64)
    return (mean if image.dtype.kind == "f" else np.round(mean)).astype(image.dtype)
