"""Label images as an OME-TIFF that knows its pixel size."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_sam2.outputs import whole_file

# OME's schema lists the units it takes; a size in any other unit would be read as micrometres.
_LENGTHS = {"Å", "pm", "nm", "µm", "mm", "cm", "dm", "m", "km", "in", "ft", "pixel"}
_TIMES = {"ns", "µs", "ms", "s", "min", "h", "d"}
# Where 32-bit offsets could run out; a little below 4 GiB leaves room for the tags.
_BIG = 2**32 - 2**25


def write_label_tiff(
    labels: Sequence[NDArray[np.integer[Any]]],
    path: str | os.PathLike[str],
    *,
    pixel_size: tuple[float, float] | None,
    unit: str,
    step: float | None,
    step_unit: str,
    axis: str,
) -> None:
    """Write label images, one page a frame, reading a frame at a time.

    Parameters
    ----------
    labels : sequence of int arrays (y, x)
        A label store, or an array (frames, y, x). Ids are written as uint16 where the largest fits,
        else as uint32.
    path : path
        Is replaced when the whole file has been written.
    pixel_size : (float, float) or None
        (y, x) in `unit`; None when unknown, and then not written.
    unit : str
        A length that OME-TIFF knows, such as "µm", or "pixel".
    step : float or None
        Frame interval or slice spacing in `step_unit`; None when unknown.
    step_unit : str
        A time that OME-TIFF knows, such as "s", for axis t; a length for axis z.
    axis : str
        "t" or "z".

    Raises
    ------
    InputError
        When the disk is full or the file cannot be written.
    """
    height, width = labels[0].shape
    largest = max(int(frame.max(initial=0)) for frame in _each(labels))
    dtype = np.dtype(np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32)

    metadata: dict[str, Any] = {"axes": f"{axis.upper()}YX"}
    if pixel_size is not None and unit in _LENGTHS:
        metadata |= {"PhysicalSizeY": pixel_size[0], "PhysicalSizeYUnit": unit}
        metadata |= {"PhysicalSizeX": pixel_size[1], "PhysicalSizeXUnit": unit}
    if step is not None and axis == "t" and step_unit in _TIMES:
        metadata |= {"TimeIncrement": step, "TimeIncrementUnit": step_unit}
    if step is not None and axis == "z" and step_unit in _LENGTHS:
        metadata |= {"PhysicalSizeZ": step, "PhysicalSizeZUnit": step_unit}

    shape = (len(labels), height, width)
    big = np.prod(shape, dtype=np.int64) * dtype.itemsize > _BIG
    with whole_file(path) as partial, tifffile.TiffWriter(partial, bigtiff=bool(big), ome=True) as tiff:
        tiff.write(
            (frame.astype(dtype) for frame in _each(labels)),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            metadata=metadata,
        )


def _each(labels: Sequence[NDArray[np.integer[Any]]]) -> Iterator[NDArray[np.integer[Any]]]:
    # By index: iterating a zarr array fetches it otherwise than a frame at a time.
    return (np.asarray(labels[index]) for index in range(len(labels)))
