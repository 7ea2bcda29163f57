"""NIfTI volumes through nibabel, in the orientation in which they are stored."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.base import Stack
from napari_sam2.frames.reopened import ReopenedReader
from napari_sam2.frames.units import physical_unit

_LETTERS = "XYZTC"
"""NIfTI's own order."""

_DIGITS = 6
"""Sizes are stored with no more."""


class _Volume:
    """The values of a file: as stored where they are not scaled, else as float32."""

    def __init__(self, path: str) -> None:
        import nibabel

        # kept open, or the slices of a compressed file would each be unpacked from its beginning
        image: Any = nibabel.load(path, keep_file_open=True)
        self.header = image.header
        self._stored = image.dataobj
        self.is_colour = self._stored.dtype.fields is not None
        is_scaled = (self._stored.slope, self._stored.inter) != (1, 0)
        self.shape = (*self._stored.shape, *((3,) if self.is_colour else ()))
        self.dtype = np.dtype(np.uint8 if self.is_colour else np.float32 if is_scaled else self._stored.dtype)

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        if not self.is_colour:
            return np.asarray(self._stored[key])
        stored = np.asarray(self._stored[key[:-1]])
        return np.stack([stored[name] for name in "RGB"], axis=-1)[..., key[-1]]

    def close(self) -> None:
        """Let go of the file, which nibabel closes with the last that knows of it."""
        self._stored = None


def read_nifti(path: Path) -> Stack:
    """Describe a NIfTI file.

    Rows are the second dimension of the file and columns the first; nothing is turned or flipped, so that
    masks fit the file voxel by voxel.

    Raises
    ------
    InputError
        nibabel is missing, or the file is damaged.
    """
    try:
        import nibabel  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{path} is NIfTI, and reading it needs the package nibabel; "
            "install it with: pip install 'napari-sam2[nifti]'"
        ) from error
    try:
        volume = _Volume(str(path))
        # the last value tells whether the file is whole
        volume[tuple(slice(size - 1, size) for size in volume.shape)]
        sizes, units = volume.header.get_zooms(), volume.header.get_xyzt_units()
    except Exception as error:  # a broken file ends in errors of many kinds
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(
            f"{path} cannot be read as NIfTI ({error}); it may be truncated: copy or export it again"
        ) from error
    n_dimensions = len(volume.shape) - volume.is_colour
    if n_dimensions > len(_LETTERS):
        raise InputError(f"{path} has {n_dimensions} dimensions; save the part to work on with at most 5")
    spacing = {}
    for letter, size in zip("xyzt", sizes, strict=False):
        unit = physical_unit(units[letter == "t"])
        if unit is not None and size > 0:
            spacing[letter] = (float(f"{size:.{_DIGITS}g}"), unit)
    return Stack(
        ReopenedReader(partial(_Volume, os.path.abspath(path))),
        letters=_LETTERS[:n_dimensions] + "S" * volume.is_colour,
        name=path.name.removesuffix(".gz").removesuffix(".nii"),
        where=str(path),
        source=str(path),
        spacing=spacing,
        kind="NIfTI",
    )
