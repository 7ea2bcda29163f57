"""`open_frames`: from whatever holds images to `Frames`."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.frames.axes import Axes, given_letters, resolve_axes
from napari_sam2.frames.base import Calibration, Frames, Stack
from napari_sam2.frames.contrast import Contrast
from napari_sam2.frames.sources import read_stack
from napari_sam2.frames.units import physical_unit


def open_frames(
    source: Any,
    *,
    series: int | str | None = None,
    axis: str | None = None,
    axes: str | None = None,
    index: Mapping[str, int] | None = None,
    channels: int | str | Sequence[int | str] | None = None,
    contrast: Contrast | Sequence[Any] | None = None,
    pixel_size: float | tuple[float, ...] | None = None,
    unit: str | None = None,
    step: float | None = None,
    step_unit: str | None = None,
) -> Frames:
    """Open a stack of images as a lazy sequence along time or depth.

    Parameters
    ----------
    source : path, address, array or Frames
        A TIFF (multi-page, OME, ImageJ, BigTIFF); a Zarr or OME-Zarr, also by an address such as
        https://... or s3://...; a folder of png, jpg or tif images of one size; a video; a DICOM file, or
        a folder or zip of them; a NIfTI, ND2, CZI or LIF; or a numpy, dask or zarr array.
    series : int or str, optional
        Which of several DICOM series in a folder or zip: its number or the first characters of its UID; or
        which image of an ND2, CZI or LIF: its number from 0 or its name.
    axis : "t", "z", "zt" or None
        The axis to go along; needed only where both are longer than one. It also says what an axis
        without a name means, which is otherwise taken for time. With "zt" volumes that follow in time
        are opened as one: their slices are the frames, those of the first volume first.
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
        Values shown as black and as white, for all channels or for each; when not given the file's own
        window, else estimated.
    pixel_size : float, (float, float) or (float, float, float), optional
        Size of a pixel (y, x) in `unit`, in place of what the file says; for volumes in time also (z, y, x).
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

    Warns
    -----
    ImageWarning
        Something to know before trusting the image, such as slices that are missing.
    """
    if isinstance(source, Frames):
        return source
    stack = read_stack(source, series)
    try:
        letters = stack.letters if axes is None else given_letters(axes, stack.array.shape, stack.where)
        resolved = resolve_axes(letters, stack.array.shape, stack.where, axis, index)
        calibration = _calibration(stack, resolved, pixel_size, unit, step, step_unit)
        frames = Frames(stack, resolved, calibration, channels, contrast)
        for remark in frames.remarks:
            warnings.warn(remark, ImageWarning, stacklevel=2)
    except BaseException:
        stack.array.close()
        raise
    return frames


def _calibration(
    stack: Stack,
    axes: Axes,
    pixel_size: float | tuple[float, ...] | None,
    unit: str | None,
    step: float | None,
    step_unit: str | None,
) -> Calibration:
    """What the person says, else what the file says, else unknown."""
    z, y, x = (stack.spacing.get(letter) for letter in "zyx")
    depth = None
    if pixel_size is None and y and x and y[1] == x[1]:
        pixel_size, unit = (y[0], x[0]), unit or y[1]
        depth = z[0] if z and z[1] == y[1] else None
    elif pixel_size is not None:
        *deeper, height, width = _sizes(pixel_size, 3 if axes.axis == "zt" else 2)
        pixel_size, unit = (height, width), physical_unit(unit) or (x[1] if x else "µm")
        depth = deeper[0] if deeper else z[0] if z and z[1] == unit else None
    along = stack.spacing.get(axes.letters[axes.along].lower())
    if step is None and along:
        step, step_unit = along[0], step_unit or along[1]
    elif step is not None:
        usual = unit or "µm" if axes.axis == "z" else "s"
        step_unit = physical_unit(step_unit) or (along[1] if along else usual)
        step = _positive(step, "step")
    return Calibration(
        pixel_size=pixel_size,
        unit=unit if pixel_size is not None and unit else "pixel",
        step=step,
        step_unit=step_unit if step is not None and step_unit else "frame",
        depth=depth if axes.axis == "zt" else None,
    )


def _sizes(pixel_size: float | tuple[float, ...], most: int) -> list[float]:
    """Height and width of a pixel, after its depth where that is given too."""
    sizes = pixel_size if isinstance(pixel_size, Sequence) else (pixel_size, pixel_size)
    if not 2 <= len(sizes) <= most:
        also = "; only with axis zt also its depth" if most == 2 else ", or depth, height and width"
        raise InputError(
            f"pixel_size has {len(sizes)} numbers; give one, or the height and the width of a pixel{also}"
        )
    return [_positive(size, "pixel_size") for size in sizes]


def _positive(value: float, field: str) -> float:
    number = float(value)
    if not 0 < number < float("inf"):
        raise InputError(f"{field} is {value}, which is no size; give a number above 0")
    return number
