"""From whatever holds images to the reader that knows it."""

import os
import re
from pathlib import Path
from typing import Any

from napari_sam2.errors import InputError
from napari_sam2.frames.base import Stack

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .ts .mts .m2ts .mxf .ogv .flv .3gp".split()
)
SINGLE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})
FOLDER_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
NIFTI_SUFFIXES = (".nii", ".nii.gz")
MICROSCOPE_SUFFIXES = frozenset({".nd2", ".czi", ".lif"})
OTHER_SUFFIXES = VIDEO_SUFFIXES | SINGLE_SUFFIXES | FOLDER_SUFFIXES | MICROSCOPE_SUFFIXES
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def read_stack(source: Any, series: int | str | None = None) -> Stack:
    """Describe an image, with the reader of its kind; each imports its own library.

    Parameters
    ----------
    source
        What `open_frames` takes, except `Frames`.
    series : int or str, optional
        Which of several DICOM series, or of the images of an ND2, CZI or LIF.

    Raises
    ------
    InputError
        There is no such file, or it cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        return _read_named(os.fspath(source), series)
    if series is not None:
        raise InputError(
            "series chooses among the DICOM series of a folder or zip; leave it out for an array"
        )
    if type(source).__module__.startswith(("zarr.", "tifffile.zarr")):
        from napari_sam2.frames.omezarr import read_zarr

        return read_zarr(source)
    from napari_sam2.frames.arrays import is_array, read_array

    if is_array(source):
        return read_array(source)
    raise InputError(
        f"an object of type {type(source).__name__} is no image stack; "
        "give a path, or a numpy, dask or zarr array with at least 3 dimensions"
    )


def _read_named(name: str, series: int | str | None) -> Stack:
    if ADDRESS.match(name):
        from napari_sam2.frames.omezarr import read_zarr_address

        stack = read_zarr_address(name)
    else:
        path = Path(name).expanduser()
        try:
            if is_dicom(path):
                from napari_sam2.frames.dicom import read_dicom

                return read_dicom(path, series)
            if path.suffix.lower() in MICROSCOPE_SUFFIXES:
                from napari_sam2.frames.microscope import read_microscope

                return read_microscope(path, series)
            stack = _read_directory(path) if path.is_dir() else _read_file(path)
        except OSError as error:
            raise InputError(
                f"{path} cannot be opened ({error.strerror or error}); check permissions"
            ) from error
    if series is not None:
        stack.array.close()
        raise InputError(f"series {series} was asked of {stack.where}, which holds one image; leave it out")
    return stack


def is_dicom(path: Path) -> bool:
    """Whether a path is to be read as DICOM: a file, a zip, or a folder of files that are."""
    from napari_sam2.frames.dicom_files import SUFFIXES as DICOM_SUFFIXES
    from napari_sam2.frames.dicom_files import holds_dicom, is_dicom_file

    if path.is_dir():
        if _is_zarr(path):
            return False
        inside = {child.suffix.lower() for child in path.iterdir()}
        return bool(inside & DICOM_SUFFIXES) or (not inside & FOLDER_SUFFIXES and holds_dicom(path))
    if not path.exists():
        raise InputError(f"there is no file or folder {path}; check the path")
    if not path.is_file():
        raise InputError(f"{path} is no file but a pipe, a socket or a device; save what it gives as a file")
    if path.suffix.lower() in OTHER_SUFFIXES:
        return False
    with open(path, "rb") as file:
        return path.suffix.lower() == ".zip" or is_dicom_file(file, path.name)


def _is_zarr(path: Path) -> bool:
    from napari_sam2.frames.omezarr import is_zarr_folder

    return is_zarr_folder(path)


def _read_file(path: Path) -> Stack:
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        from napari_sam2.frames.video import read_video

        return read_video(path)
    if suffix in SINGLE_SUFFIXES:
        raise InputError(
            f"{path} is one 2-D image, and following an object needs a stack; "
            "give the folder with all its images, or a TIFF stack"
        )
    if path.name.lower().endswith(NIFTI_SUFFIXES):
        from napari_sam2.frames.nifti import read_nifti

        return read_nifti(path)
    from napari_sam2.frames.tiff import is_tiff, read_tiff

    if is_tiff(path):
        return read_tiff(path)
    raise InputError(
        f"{path} is of a kind that this version does not read; export it as TIFF or OME-TIFF (Fiji and "
        "napari can), as Zarr, or as a folder of png images"
    )


def _read_directory(path: Path) -> Stack:
    from napari_sam2.frames.folder import read_folder
    from napari_sam2.frames.omezarr import read_zarr_folder

    return read_zarr_folder(path) if _is_zarr(path) else read_folder(path)
