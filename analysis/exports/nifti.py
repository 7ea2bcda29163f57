"""NIfTI volumes with an affine, written frame by frame."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.exports.labels import Survey, survey
from napari_sam2.analysis.exports.sizes import Sizes, read_sizes
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.stack import LazyStack

_LARGEST_SIDE = 2**15 - 1
# NIfTI's own unit and how many of it make one, for the units that microscopes write.
_LENGTHS = {
    "Å": ("micron", 1e-4),
    "nm": ("micron", 1e-3),
    "µm": ("micron", 1.0),
    "mm": ("mm", 1.0),
    "cm": ("mm", 10.0),
    "m": ("meter", 1.0),
}
_TIMES = {
    "µs": ("usec", 1.0),
    "ms": ("msec", 1.0),
    "s": ("sec", 1.0),
    "min": ("sec", 60.0),
    "h": ("sec", 3600.0),
}
_SCANNER, _ALIGNED = 1, 2
_HEADER_BYTES = 352


def write_nifti(
    labels: LazyStack,
    path: Path_,
    *,
    pixel_size: float | Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    axis: str = "t",
    affine: ArrayLike | None = None,
) -> Path:
    """Write label images as NIfTI: slices as (x, y, z), frames as (x, y, 1, t), volumes as (x, y, z, t).

    NIfTI's axes are x, y, z, so the array is the labels' with its axes reversed; nothing is flipped.

    Parameters
    ----------
    labels : sequence of int arrays (y, x) or (z, y, x)
        0 is background. Ids are written as uint8, uint16 or int32, the smallest that holds all.
    path : path
        ``.nii`` or, compressed, ``.nii.gz``; is replaced when the whole file has been written.
    pixel_size : float, (float, float), (float, float, float) or None
        (y, x) or (z, y, x) in `unit`; None when unknown.
    unit, step, step_unit, axis
        As in `write_ome_tiff`; units are converted to those of NIfTI.
    affine : float array (4, 4), optional
        From (x, y, z) indices to RAS+ in mm, as of the image that was segmented: for DICOM that of
        `read_affine`. In place of the sizes in space. Without it rows go to the back and columns to the
        left, so that viewers show the image upright.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MeasureError
        The labels, sizes or affine do not fit the format, or the package nibabel is missing.
    OSError
        It cannot be written.
    """
    need("nibabel", "Writing NIfTI", "exports")
    if not str(path).endswith((".nii", ".nii.gz")):
        raise MeasureError(f"{path} is no name for a NIfTI file; it ends with .nii or .nii.gz.")
    found = survey(labels)
    sizes = read_sizes(pixel_size, unit, step, step_unit, axis, len(found.shape))
    header = _make_header(found, len(labels), sizes, affine)
    with whole_file(path) as partial, _opened(partial, compressed=str(path).endswith(".gz")) as file:
        header.write_to(file)
        file.write(bytes(_HEADER_BYTES - file.tell()))
        for frame in range(len(labels)):
            little_endian = header.get_data_dtype().newbyteorder("<")
            file.write(np.ascontiguousarray(labels[frame], dtype=little_endian).tobytes())
    return Path(path)


def _make_header(found: Survey, n_frames: int, sizes: Sizes, affine: ArrayLike | None) -> Any:
    import nibabel

    z_y_x = found.shape if len(found.shape) == 3 else (n_frames if sizes.axis == "z" else 1, *found.shape)
    shape = z_y_x[::-1] if sizes.axis == "z" else (*z_y_x[::-1], n_frames)
    if max(shape) > _LARGEST_SIDE:
        raise MeasureError(
            f"The labels have the shape {shape}; a NIfTI file has sides up to {_LARGEST_SIDE}."
        )
    spatial, length = _find_spacing(sizes)
    matrix = np.diag([-spatial[2], -spatial[1], spatial[0], 1.0])
    if affine is not None:
        matrix, length = _read_affine(affine), "mm"
    step, time = (1.0, "unknown")
    if sizes.axis == "t" and sizes.step is not None and sizes.step_unit in _TIMES:
        time, factor = _TIMES[sizes.step_unit]
        step = sizes.step * factor
    header: Any = nibabel.Nifti1Header(endianness="<")  # type: ignore[no-untyped-call]
    header.set_data_dtype(_choose_dtype(found.largest))
    header.set_data_shape(shape)
    header.set_zooms((*np.linalg.norm(matrix[:3, :3], axis=0), *([step] if len(shape) == 4 else [])))
    code = _ALIGNED if affine is None else _SCANNER
    header.set_qform(matrix, code)
    header.set_sform(matrix, code)
    header.set_xyzt_units(length, time)
    header.set_intent("label", name="napari-sam2 ids")
    header.set_data_offset(_HEADER_BYTES)
    header["magic"] = b"n+1"
    return header


def _find_spacing(sizes: Sizes) -> tuple[tuple[float, float, float], str]:
    """Size of a voxel (z, y, x) in one of NIfTI's units; 1 where unknown."""
    if sizes.pixel_size is None or sizes.unit not in _LENGTHS:
        return (1.0, 1.0, 1.0), "unknown"
    name, factor = _LENGTHS[sizes.unit]
    *depth, height, width = (size * factor for size in sizes.pixel_size)
    if sizes.axis == "z" and sizes.step is not None and sizes.step_unit in _LENGTHS:
        own, of_step = _LENGTHS[sizes.step_unit]
        in_microns = {"micron": 1.0, "mm": 1e3, "meter": 1e6}
        depth = [sizes.step * of_step * in_microns[own] / in_microns[name]]
    return (depth[0] if depth else 1.0, height, width), name


def _read_affine(affine: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(affine, np.float64)
    good = matrix.shape == (4, 4) and np.isfinite(matrix).all() and matrix[3].tolist() == [0, 0, 0, 1]
    if not good or np.linalg.matrix_rank(matrix) < 4:
        raise MeasureError(
            "The affine is no matrix of 4 x 4 numbers with the last row 0, 0, 0, 1 that can be inverted."
        )
    return matrix


def _choose_dtype(largest: int) -> type[np.generic]:
    return np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.int32


@contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if compressed:
            # No name and no time in it, so that the same labels give the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        else:
            yield file
