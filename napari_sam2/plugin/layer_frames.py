"""From an image layer to `Frames` and to where they lie in it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames import Frames, open_frames
from napari_sam2.plugin.layer_axes import (
    AxisChoice,
    array_letters,
    axis_choices,
    data_of,
    data_shape,
    dimension_letters,
    plane_of,
    units_of,
)
from napari_sam2.plugin.placement import Placement

if TYPE_CHECKING:
    from napari.layers import Image


def place_frames(layer: "Image", choice: AxisChoice, position: Mapping[int, int]) -> Placement:
    """Where the frames of a choice lie in a layer.

    Parameters
    ----------
    layer : Image
        The image layer.
    choice : AxisChoice
        One of `axis_choices(layer)`.
    position : mapping from dimension to index
        What the sliders show; taken of the dimensions that are neither walked along nor in a frame.
    """
    letters, shape = dimension_letters(layer), data_shape(layer)
    y, x = plane_of(layer, choice.along)
    fixed = {
        dim: int(np.clip(position.get(dim, 0), 0, shape[dim] - 1))
        for dim in range(len(shape))
        if dim not in (y, x, choice.along) and letters[dim] != "C"
    }
    named = "".join(
        letter if letter != "Q" else choice.axis.upper() if dim == choice.along else "Q"
        for dim, letter in enumerate(letters)
    )
    return Placement(shape, choice.along, y, x, fixed, named)


def open_layer(
    layer: "Image", choice: AxisChoice | None = None, position: Mapping[int, int] | None = None
) -> tuple[Frames, Placement]:
    """Open an image layer as a lazy sequence of frames: numpy, dask, zarr, in colour or of many channels.

    Parameters
    ----------
    layer : Image
        The image layer.
    choice : AxisChoice, optional
        Which way to walk; the most likely when left out.
    position : mapping from dimension to index, optional
        What is taken of other dimensions; 0 when left out.

    Returns
    -------
    frames : Frames
        Its pixel size, step and units are the layer's, its name the layer's name.
    placement : Placement
        Where they lie in the layer.

    Raises
    ------
    InputError
        The layer cannot be used; the sentence says why and how to mend it.
    """
    choice = choice or axis_choices(layer)[0]
    array, letters = data_of(layer), array_letters(layer, choice)
    if layer.ndim < 2:
        raise InputError(f"the layer '{layer.name}' has one dimension; choose a layer that is an image")
    placement = place_frames(layer, choice, position or {})
    if choice.along is None:
        array, letters = _OneFrame(array), f"T{letters}"
    first = 0 if choice.along is not None else 1
    index = {letters[dim + first]: at for dim, at in placement.fixed.items()}
    frames = open_frames(array, axes=letters, axis=choice.axis, index=index, **_calibration(layer, placement))
    frames.name = layer.name
    frames.source = layer.source.path
    return frames, placement


class _OneFrame:
    """A single image as a stack of one."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = (1, *array.shape)
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        return np.asarray(self.array[key[1:]])


def _calibration(layer: "Image", placement: Placement) -> dict[str, Any]:
    """Physical sizes as the layer has them."""
    units, scale = units_of(layer), np.abs(layer.scale)
    known: dict[str, Any] = {}
    if units[placement.y] and units[placement.y] == units[placement.x]:
        known["pixel_size"] = (float(scale[placement.y]), float(scale[placement.x]))
        known["unit"] = units[placement.y]
    if placement.along is not None and units[placement.along]:
        known["step"], known["step_unit"] = float(scale[placement.along]), units[placement.along]
    return known
