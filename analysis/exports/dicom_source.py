"""The DICOM images that masks belong to: found, put in order, and where they are in space."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plane:
    """Where an image is in the patient, in mm along DICOM's axes (left, back, head).

    Attributes
    ----------
    position : float array (3,)
        Of the centre of the first pixel.
    orientation : float array (6,)
        Directions of growing columns and of growing rows.
    spacing : (float, float)
        From row to row and from column to column.
    """

    position: Floats
    orientation: Floats
    spacing: tuple[float, float]

    @property
    def normal(self) -> Floats:
        """Direction out of the image."""
        return np.cross(self.orientation[:3], self.orientation[3:])


def read_source(source: Path_ | Sequence[Path_]) -> tuple[list[pydicom.Dataset], NDArray[np.intp]]:
    """Read what DICOM images say of themselves, without their pixels.

    Parameters
    ----------
    source : path or sequence of path
        A folder with one series, a file of many frames, or the files of slices in the order of the masks.

    Returns
    -------
    images : list of Dataset
        One for each file.
    order : int array
        Which image, in the order of files or of the frames in the one file, each mask belongs to. Images
        of a folder and frames of a file are in ascending order of position along their normal, as
        `open_frames` has them; those without a position as they come.

    Raises
    ------
    MeasureError
        There are no DICOM images, or several series, or a folder's images do not say where they are.
    """
    if not isinstance(source, str | os.PathLike):
        images = [_read(Path(each)) for each in source]
        return images, np.arange(len(images))
    path = Path(source)
    images = _read_folder(path) if path.is_dir() else [_read(path)]
    planes = find_planes(images)
    if planes is not None:
        heights = [float(plane.position @ planes[0].normal) for plane in planes]
        return images, np.argsort(heights, kind="stable")
    if len(images) > 1:
        raise MeasureError(
            f"The images in {path} do not say where they are; give their files in the order of the masks."
        )
    return images, np.arange(int(images[0].get("NumberOfFrames") or 1))


def _read_folder(path: Path) -> list[pydicom.Dataset]:
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
    return found


def _read(path: Path) -> pydicom.Dataset:
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError) as error:
        raise MeasureError(f"{path} is not a DICOM file ({error}).") from error
    if "Rows" not in dataset or "Columns" not in dataset:
        raise MeasureError(f"{path} is DICOM without an image; give the images that were segmented.")
    return dataset


def find_planes(images: Sequence[pydicom.Dataset]) -> list[Plane] | None:
    """Where each image, or each frame of the one file, is; None where any does not say so."""
    frames: list[list[Any]] = [[image] for image in images]
    if len(images) == 1 and "PerFrameFunctionalGroupsSequence" in images[0]:
        shared = list(images[0].get("SharedFunctionalGroupsSequence", []))
        frames = [[frame, *shared] for frame in images[0].PerFrameFunctionalGroupsSequence]
    elif len(images) == 1 and int(images[0].get("NumberOfFrames") or 1) > 1:
        return None
    planes = [_find_plane(places) for places in frames]
    known = [plane for plane in planes if plane is not None]
    return known if len(known) == len(planes) else None


def _find_plane(places: Sequence[Any]) -> Plane | None:
    def look(group: str, name: str) -> Any:
        for place in places:
            inside = place[group].value[0] if group in place else place
            if name in inside:
                return np.array(inside[name].value, float)
        return None

    position = look("PlanePositionSequence", "ImagePositionPatient")
    orientation = look("PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = look("PixelMeasuresSequence", "PixelSpacing")
    if position is None or orientation is None or spacing is None:
        return None
    return Plane(position, orientation, (float(spacing[0]), float(spacing[1])))


def read_affine(source: Path_ | Sequence[Path_]) -> Floats:
    """Where the voxels (x, y, z) of a series are in the patient, for `write_nifti`.

    DICOM's axes point to the patient's left, back and head (LPS), those of NIfTI to right, front and head
    (RAS+), so the first two change sign.

    Parameters
    ----------
    source : path or sequence of path
        A folder with one series, a file of many frames, or the files of slices in order.

    Returns
    -------
    float array (4, 4)
        From column, row and slice to RAS+ in mm.

    Raises
    ------
    MeasureError
        The images do not say where they are.
    """
    images, order = read_source(source)
    planes = find_planes(images)
    if planes is None:
        raise MeasureError(f"The images in {source} do not say where they are in the patient.")
    first, last = planes[order[0]], planes[order[-1]]
    height, width = first.spacing
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = first.orientation[:3] * width, first.orientation[3:] * height
    lps[:3, 3] = first.position
    if len(planes) > 1:
        lps[:3, 2] = (last.position - first.position) / (len(planes) - 1)
    else:
        lps[:3, 2] = first.normal * float(images[0].get("SliceThickness") or 1)
    ras: Floats = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    return ras
