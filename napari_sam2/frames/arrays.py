"""Arrays in memory or behind a library: numpy, dask, zarr, and whatever indexes like them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.axes import bare_letters
from napari_sam2.frames.base import Stack


class ArrayReader:
    """Reads parts of anything that has a shape, a dtype and numpy's basic indexing."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = tuple(int(size) for size in array.shape)
        self.dtype = np.dtype(array.dtype)

    def read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read a part; a view where the array is in memory."""
        part = np.asarray(self.array[key])
        return part if part.dtype.isnative else part.astype(part.dtype.newbyteorder("="))

    def close(self) -> None:
        """Nothing to let go of."""


def is_array(source: object) -> bool:
    """Whether an object can be read as an array."""
    return all(hasattr(source, attribute) for attribute in ("shape", "dtype", "__getitem__"))


def read_array(array: Any) -> Stack:
    """Describe an array that comes without axes.

    Raises
    ------
    InputError
        Its type is not one of numpy's.
    """
    where = f"the {type(array).__module__.split('.')[0]} array"
    try:
        reader = ArrayReader(array)
    except TypeError as error:
        raise InputError(
            f"{where} has a type that numpy does not know ({error}); convert it first"
        ) from error
    letters = bare_letters(reader.shape, reader.dtype)
    return Stack(reader, letters, name="image", where=where, kind=where.removeprefix("the "))
