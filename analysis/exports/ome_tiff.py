"""Label images as an OME-TIFF that knows its pixel size."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.exports.sizes import LENGTHS, TIMES, read_sizes
from napari_sam2.analysis.stack import LazyStack

# Where 32-bit offsets could run out; a little below 4 GiB leaves room for the tags.
_BIG = 2**32 - 2**25


def write_ome_tiff(
    labels: LazyStack,
    path: Path_,
    *,
    pixel_size: float | Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    axis: str = "t",
) -> Path:
    """Write label images as one OME-TIFF, reading a frame at a time.

    Parameters
    ----------
    labels : sequence of int arrays (y, x) or (z, y, x)
        Ids are written as uint16 where the largest fits, else as uint32.
    path : path
        Is replaced when the whole file has been written.
    pixel_size : float, (float, float), (float, float, float) or None
        (y, x) or (z, y, x) in `unit`; None when unknown, and then not written.
    unit : str
        A length that OME-TIFF knows, such as "µm"; a size in another unit is not written.
    step : float or None
        Frame interval or slice spacing in `step_unit`; None when unknown.
    step_unit : str
        A time that OME-TIFF knows, such as "s", for axis t; a length for axis z.
    axis : str
        "t" or "z".

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MeasureError
        The labels cannot be written, or a size is no positive number.
    OSError
        The file cannot be written.
    """
    found = survey(labels)
    sizes = read_sizes(pixel_size, unit, step, step_unit, axis, len(found.shape))
    dtype = np.dtype(np.uint16 if found.largest <= np.iinfo(np.uint16).max else np.uint32)
    spatial = "ZYX"[-len(found.shape) :]
    metadata: dict[str, Any] = {"axes": axis.upper() + spatial}
    # OME's schema lists the units it takes; a size in any other unit would be read as micrometres.
    if sizes.pixel_size is not None and sizes.unit in {*LENGTHS, "pixel"}:
        for letter, size in zip(spatial, sizes.pixel_size, strict=True):
            metadata |= {f"PhysicalSize{letter}": size, f"PhysicalSize{letter}Unit": sizes.unit}
    if sizes.step is not None and axis == "t" and sizes.step_unit in TIMES:
        metadata |= {"TimeIncrement": sizes.step, "TimeIncrementUnit": sizes.step_unit}
    if sizes.step is not None and axis == "z" and sizes.step_unit in {*LENGTHS, "pixel"}:
        metadata |= {"PhysicalSizeZ": sizes.step, "PhysicalSizeZUnit": sizes.step_unit}

    shape = (len(labels), *found.shape)
    big = np.prod(shape, dtype=np.int64) * dtype.itemsize > _BIG
    with whole_file(path) as partial, tifffile.TiffWriter(partial, bigtiff=bool(big), ome=True) as tiff:
        tiff.write(
            (page.astype(dtype) for page in _pages(labels)),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            metadata=metadata,
        )
    return Path(path)


def _pages(labels: LazyStack) -> Iterator[NDArray[np.integer[Any]]]:
    # By index: iterating a zarr array fetches it otherwise than a frame at a time.
    for index in range(len(labels)):
        frame = np.asarray(labels[index])
        yield from frame.reshape(-1, *frame.shape[-2:])
