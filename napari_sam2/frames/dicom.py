"""DICOM through pydicom: one file of many images, or the files of a series in a folder or zip."""

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.base import LazyArray, Stack
from napari_sam2.frames.dicom_files import DicomFiles, dicom_files
from napari_sam2.frames.dicom_header import read_header
from napari_sam2.frames.dicom_pixels import called, check_decoder, decode, find_frames, open_pixels
from napari_sam2.frames.dicom_series import Series, arrange, choose_series, group_series
from napari_sam2.frames.dicom_video import is_video, open_video_of
from napari_sam2.frames.video import video_stack


class DicomReader:
    """Reads the images of one series, in real values (such as Hounsfield units) where they are measured.

    Of what the files say it keeps how to decode them and nothing else.
    """

    def __init__(self, files: DicomFiles, series: Series, order: NDArray[np.intp]) -> None:
        self._files = files
        self._pixels = [header.pixels for header in series.headers]
        self._places = [find_frames(files, pixels) for pixels in self._pixels]
        self._order = order
        self._images = [
            (file, plane.frame, plane.slope, plane.intercept)
            for file, header in enumerate(series.headers)
            for plane in header.planes
        ]
        self.dtype = _dtype(series)
        colour = (3,) if self._pixels[0].is_colour else ()
        self.shape = (*order.shape, *self._pixels[0].size, *colour)

    def read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read (a part of) the one image that the first indices name."""
        n_indices = self._order.ndim
        file, frame, slope, intercept = self._images[int(self._order[key[:n_indices]])]
        pixels = self._pixels[file]
        with open_pixels(self._files, pixels) as content:
            image = decode(content, pixels, self._places[file], frame)
        if image.shape != self.shape[n_indices:]:
            raise InputError(
                f"{pixels.name} in {self._files.where} decodes to {image.shape} although it says "
                f"{self.shape[n_indices:]}; export it again"
            )
        if (slope, intercept) != (1, 0):
            wide = np.float64 if self.dtype.kind == "f" else np.int64
            image = image.astype(wide) * wide(slope) + wide(intercept)
        return image.astype(self.dtype, copy=False)[key[n_indices:]]

    def close(self) -> None:
        """Let go of a zip."""
        self._files.close()


def read_dicom(path: Path, series: int | str | None = None) -> Stack:
    """Describe a DICOM file, or a series in a folder or zip.

    Raises
    ------
    InputError
        There is no image, there are several series and none is chosen, or one cannot be put in order or
        decoded.
    """
    files = dicom_files(path)
    try:
        found = _find_series(files)
        return _describe(files, choose_series(found, series, files.where), path, len(found))
    except BaseException:
        files.close()
        raise


def read_every_series(path: Path) -> list[Stack | InputError]:
    """Describe each series of a file, folder or zip, or say what is wrong with it.

    Raises
    ------
    InputError
        There is no image.
    """
    files = dicom_files(path)
    try:
        found = _find_series(files)
    finally:
        files.close()
    stacks: list[Stack | InputError] = []
    for chosen in found:
        try:
            stacks.append(_describe(dicom_files(path), chosen, path, len(found)))
        except InputError as error:
            stacks.append(error)
    return stacks


def _describe(files: DicomFiles, chosen: Series, path: Path, n_series: int) -> Stack:
    pixels = chosen.headers[0].pixels
    arranged = arrange(chosen, files.where)
    letters = arranged.letters + "YX" + "S" * pixels.is_colour
    spacing, remarks = arranged.spacing, arranged.remarks
    reader: LazyArray
    if is_video(pixels):
        reader = open_video_of(files, pixels)
        video = video_stack(reader, "", "")
        letters, spacing, remarks = video.letters, {**spacing, **video.spacing}, tuple(video.remarks)
    else:
        for header in chosen.headers:
            check_decoder(header.pixels, called(files, header.pixels.name))
        reader = DicomReader(files, chosen, arranged.order)
    is_folder = path.is_dir() or path.name == "DICOMDIR"
    name = path.resolve().name if is_folder else path.stem
    return Stack(
        reader,
        letters=letters,
        name=f"{name}_{chosen.number}" if n_series > 1 else name,
        where=str(path),
        source=str(path),
        spacing=spacing,
        kind=f"DICOM series {chosen}",
        remarks=remarks,
        contrast=_window(chosen),
        is_negative=pixels.photometric == "MONOCHROME1",
    )


def _find_series(files: DicomFiles) -> list[Series]:
    headers = (read_header(files, name) for name in files.names)
    found = group_series(header for header in headers if header is not None)
    if not found:
        one = "is no DICOM file, or one" if len(files.names) == 1 else "holds no DICOM files, or only some"
        raise InputError(
            f"{files.where} {one} without images, as reports and plans are; give DICOM files with images"
        )
    return found


def _dtype(series: Series) -> np.dtype[Any]:
    """The smallest type that holds the real values of all images."""
    stored = [header.pixels.dtype for header in series.headers]
    scales = {(plane.slope, plane.intercept) for header in series.headers for plane in header.planes}
    if scales == {(1.0, 0.0)}:
        return np.result_type(*stored)
    is_whole = all(float(slope).is_integer() and float(shift).is_integer() for slope, shift in scales)
    if is_whole and all(dtype.kind in "ui" for dtype in stored):
        ends = [
            end * slope + shift
            for header in series.headers
            for end in header.pixels.limits
            for slope, shift in scales
        ]
        for dtype in (np.int16, np.uint16, np.int32):
            if np.iinfo(dtype).min <= min(ends) and max(ends) <= np.iinfo(dtype).max:
                return np.dtype(dtype)
    return np.dtype(np.float64 if np.dtype(np.float64) in stored else np.float32)


def _window(series: Series) -> tuple[float, float] | None:
    """The window that the files ask for; between those of the images where each has its own."""
    windows = [plane.window for header in series.headers for plane in header.planes]
    known = [window for window in windows if window is not None]
    if not known or len(known) < len(windows) or series.headers[0].pixels.is_colour:
        return None
    return median(low for low, _ in known), median(high for _, high in known)
