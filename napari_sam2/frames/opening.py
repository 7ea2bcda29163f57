"""`open_frames`: from whatever holds images to `Frames`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_sam2.errors import InputError
from napari_sam2.frames.axes import Axes, given_letters, resolve_axes
from napari_sam2.frames.base import Calibration, Frames, Stack
from napari_sam2.frames.contrast import Contrast
from napari_sam2.frames.units import physical_unit

VIDEO_SUFFIXES = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"}
DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}


def open_frames(
    source: Any,
    *,
    axis: str | None = None,
    axes: str | None = None,
    index: Mapping[str, int] | None = None,
    channels: int | str | Sequence[int | str] | None = None,
    contrast: Contrast | Sequence[Any] | None = None,
    pixel_size: float | tuple[float, float] | None = None,
    unit: str | None = None,
    step: float | None = None,
    step_unit: str | None = None,
) -> Frames:
    """Open a stack of images as a lazy sequence along time or depth.

    Parameters
    ----------
    source : path, array or Frames
        A TIFF (multi-page, OME, ImageJ, BigTIFF), a Zarr or OME-Zarr, a folder of png, jpg or tif images
        of one size; or a numpy, dask or zarr array.
    axis : "t", "z" or None
        The axis to go along; needed only where both are longer than one. It also says what an axis
        without a name means, which is otherwise taken for time.
    axes : str, optional
        The meaning of each dimension of the array, such as "TZCYX" (S for the samples of a colour);
        in place of what the file says. Without either, arrays are (n, y, x), (n, y, x, 3 or 4) or
        (n, c, y, x) with up to 6 channels.
    index : mapping, optional
        The position to take of an axis that is neither gone along nor shown, such as `{"z": 3}`.
    channels : int, str or sequence of them, optional
        The channels that the model sees, by number from 0 or by name: one as grey, two as magenta and
        green, three as red, green and blue. All of them, up to the third, when not given.
    contrast : Contrast, (low, high) or sequence of pairs, optional
        Values shown as black and as white, for all channels or for each; estimated when not given.
    pixel_size : float or (float, float), optional
        Size of a pixel (y, x) in `unit`, in place of what the file says.
    unit : str, optional
        Unit of `pixel_size`; when not given the file's own, else µm.
    step : float, optional
        Frame interval or slice spacing in `step_unit`, in place of what the file says.
    step_unit : str, optional
        Unit of `step`; when not given the file's own, else s for time and `unit` for depth.

    Returns
    -------
    Frames
        Nothing but a few frames has been read. Files stay open until it is closed or forgotten.

    Raises
    ------
    InputError
        The source cannot be used; the sentence says why and how to mend it.
    """
    if isinstance(source, Frames):
        return source
    stack = _read(source)
    try:
        letters = stack.letters if axes is None else given_letters(axes, stack.array.shape, stack.where)
        resolved = resolve_axes(letters, stack.array.shape, stack.where, axis, index)
        calibration = _calibration(stack, resolved, pixel_size, unit, step, step_unit)
        return Frames(stack, resolved, calibration, channels, contrast)
    except BaseException:
        stack.array.close()
        raise


def _read(source: Any) -> Stack:
    """Find the reader of a source; each imports its own library."""
    if isinstance(source, str | os.PathLike):
        return _read_path(Path(source).expanduser())
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


def _read_path(path: Path) -> Stack:
    try:
        if path.is_dir():
            return _read_directory(path)
        if not path.exists():
            raise InputError(f"there is no file or folder {path}; check the path")
        return _read_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror or error}); check permissions") from error


def _read_file(path: Path) -> Stack:
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        raise InputError(
            f"{path} is a video, which this version does not read; export its frames as images into a "
            f"folder, for instance with ffmpeg -i {path.name} frames/%06d.png, and give the folder"
        )
    if suffix in DICOM_SUFFIXES:
        raise InputError(_no_dicom(path))
    if suffix in IMAGE_SUFFIXES:
        raise InputError(
            f"{path} is one 2-D image, and following an object needs a stack; "
            "give the folder with all its images, or a TIFF stack"
        )
    from napari_sam2.frames.tiff import is_tiff, read_tiff

    if is_tiff(path):
        return read_tiff(path)
    raise InputError(
        f"{path} is of a kind that this version does not read; export it as TIFF or OME-TIFF (Fiji and "
        "napari can), as Zarr, or as a folder of png images"
    )


def _read_directory(path: Path) -> Stack:
    from napari_sam2.frames.folder import read_folder
    from napari_sam2.frames.omezarr import is_zarr_folder, read_zarr_folder

    if is_zarr_folder(path):
        return read_zarr_folder(path)
    if any(child.suffix.lower() in DICOM_SUFFIXES for child in path.iterdir()):
        raise InputError(_no_dicom(path))
    return read_folder(path)


def _no_dicom(path: Path) -> str:
    return (
        f"{path} is DICOM, which this version does not read; export its frames as a TIFF stack "
        "or as png images into a folder"
    )


def _calibration(
    stack: Stack,
    axes: Axes,
    pixel_size: float | tuple[float, float] | None,
    unit: str | None,
    step: float | None,
    step_unit: str | None,
) -> Calibration:
    """What the person says, else what the file says, else unknown."""
    y, x = stack.spacing.get("y"), stack.spacing.get("x")
    if pixel_size is None and y and x and y[1] == x[1]:
        pixel_size, unit = (y[0], x[0]), unit or y[1]
    elif pixel_size is not None:
        pair = pixel_size if isinstance(pixel_size, Sequence) else (pixel_size, pixel_size)
        pixel_size = (_positive(pair[0], "pixel_size"), _positive(pair[1], "pixel_size"))
        unit = physical_unit(unit) or (x[1] if x else "µm")
    along = stack.spacing.get(axes.letters[axes.along].lower())
    if step is None and along:
        step, step_unit = along[0], step_unit or along[1]
    elif step is not None:
        usual = "s" if axes.axis == "t" else unit or "µm"
        step_unit = physical_unit(step_unit) or (along[1] if along else usual)
        step = _positive(step, "step")
    return Calibration(
        pixel_size=pixel_size,
        unit=unit if pixel_size is not None and unit else "pixel",
        step=step,
        step_unit=step_unit if step is not None and step_unit else "frame",
    )


def _positive(value: float, field: str) -> float:
    number = float(value)
    if not 0 < number < float("inf"):
        raise InputError(f"{field} is {value}, which is no size; give a number above 0")
    return number
