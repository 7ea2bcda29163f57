"""The DICOM images that masks belong to: found, put in order, and where they are in space."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_


def read_source(source: Path_ | Sequence[Path_]) -> list[pydicom.Dataset]:
    """Read what DICOM images say of themselves, without their pixels.

    Parameters
    ----------
    source : path or sequence of path
        A file of many frames; a folder with one series, which is put in ascending order of position
        along the slices' normal, as slices are shown; or the files of slices in the order of the masks.

    Returns
    -------
    list of Dataset
        One for each file.

    Raises
    ------
    MeasureError
        There are no DICOM images, several series, or slices that have no order in space.
    """
    if not isinstance(source, str | Path) and isinstance(source, Sequence):
        return [_read(Path(each)) for each in source]
    path = Path(source)
    if not path.is_dir():
        return [_read(path)]
    found = []
    for file in sorted(each for each in path.iterdir() if each.is_file()):
        try:
            found.append(_read(file))
        except MeasureError:
            continue  # the folder of a series has other things in it too
    if not found:
        raise MeasureError(f"{path} has no DICOM images.")
    series = {str(dataset.get("SeriesInstanceUID", "")) for dataset in found}
    if len(series) > 1:
        raise MeasureError(f"{path} has {len(series)} DICOM series; put the images of one into a folder.")
    return _in_order(found, path)


def _read(path: Path) -> pydicom.Dataset:
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError) as error:
        raise MeasureError(f"{path} is not a DICOM file ({error}).") from error
    if "Rows" not in dataset or "Columns" not in dataset:
        raise MeasureError(f"{path} is DICOM without an image; give the images that were segmented.")
    return dataset


def _in_order(datasets: list[pydicom.Dataset], path: Path) -> list[pydicom.Dataset]:
    if len(datasets) == 1:
        return datasets
    if not all("ImagePositionPatient" in each and "ImageOrientationPatient" in each for each in datasets):
        raise MeasureError(
            f"The images in {path} do not say where they are; give their files in the order of the masks."
        )
    normal = _normal(datasets[0])
    return sorted(datasets, key=lambda each: float(np.dot(each.ImagePositionPatient, normal)))


def _normal(dataset: pydicom.Dataset) -> NDArray[np.float64]:
    directions = np.array(dataset.ImageOrientationPatient, float)
    return np.cross(directions[:3], directions[3:])


def read_affine(source: Path_ | Sequence[Path_]) -> NDArray[np.float64]:
    """Where voxels (x, y, z) of a series are in the patient, for `write_nifti`.

    DICOM's axes point to the patient's left, back and head (LPS), those of NIfTI to right, front and head
    (RAS+), so the first two change sign.

    Parameters
    ----------
    source : path or sequence of path
        As for `read_source`; slices in files of their own.

    Returns
    -------
    float array (4, 4)
        From column, row and slice to RAS+ in mm.

    Raises
    ------
    MeasureError
        The images do not say where they are.
    """
    slices = read_source(source)
    needed = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    missing = [name for name in needed for each in slices if name not in each]
    if missing:
        raise MeasureError(f"The images in {source} do not say where they are: {missing[0]} is missing.")
    first, last = (np.array(each.ImagePositionPatient, float) for each in (slices[0], slices[-1]))
    directions = np.array(slices[0].ImageOrientationPatient, float)
    height, width = (float(size) for size in slices[0].PixelSpacing)
    lps: NDArray[Any] = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 3] = directions[:3] * width, directions[3:] * height, first
    if len(slices) > 1:
        lps[:3, 2] = (last - first) / (len(slices) - 1)
    else:
        lps[:3, 2] = _normal(slices[0]) * float(slices[0].get("SliceThickness") or 1)
    ras: NDArray[np.float64] = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    return ras
