"""TIFF stacks: multi-page, OME-TIFF, ImageJ hyperstack, BigTIFF, compressed or not."""

import os
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.base import Stack
from napari_sam2.frames.tiff_checks import check_whole, quiet
from napari_sam2.frames.tiff_metadata import read_metadata

if TYPE_CHECKING:
    import tifffile

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_KINDS = {"ome": "OME-TIFF", "imagej": "ImageJ TIFF"}
COLOUR_PHOTOMETRICS = (2, 6)
"""RGB and YCbCr; tifffile decodes the second to the first."""


class TiffReader:
    """Reads parts of the one image in a TIFF, a page at a time, through tifffile's zarr store.

    That store serialises reading from the one file handle, so any number of threads may read. The file
    is opened when first read, and again in another process.
    """

    def __init__(self, path: str) -> None:
        # absolute, because it is opened again in processes that may run elsewhere
        self.path = os.path.abspath(path)
        self._lock = threading.Lock()
        self._array: Any = None
        self._closer: weakref.finalize[Any, TiffReader] | None = None
        with quiet():
            tif, series = _open(path)
            try:
                check_whole(tif, series, path)
                self.letters = _letters(series)
                self.metadata = read_metadata(tif, series)
                self.kind = _KINDS.get(series.kind, "TIFF")
                self.shape = tuple(int(size) for size in series.shape)
                self.dtype = np.dtype(series.dtype)
                self._keep_open(tif, series)
            except BaseException:
                tif.close()
                raise

    def read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read a part; whole pages are decoded."""
        with quiet():
            with self._lock:
                if self._array is None:
                    self._keep_open(*_open(self.path))
                array = self._array
            return np.asarray(array[key])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._array = None
            if self._closer is not None:
                self._closer()

    def _keep_open(self, tif: "tifffile.TiffFile", series: "tifffile.TiffPageSeries") -> None:
        import zarr

        store = series.aszarr(level=0, chunkmode="page")
        # tifffile leaves its files open when it is forgotten
        self._closer = weakref.finalize(self, _close, store, tif)
        self._array = zarr.open_array(store, mode="r")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_array": None, "_closer": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


def is_tiff(path: Path) -> bool:
    """Whether a file begins as a TIFF does, or is named like one."""
    with open(path, "rb") as file:
        return file.read(4) in MAGIC or path.suffix.lower() in (".tif", ".tiff")


def read_tiff(path: Path) -> Stack:
    """Describe a TIFF.

    Raises
    ------
    InputError
        It is not a TIFF, is truncated, or holds several images.
    """
    reader = TiffReader(os.fspath(path))
    stem = path.stem.removesuffix(".ome")
    metadata = reader.metadata
    return Stack(
        reader,
        reader.letters,
        name=stem,
        where=str(path),
        source=str(path),
        spacing=metadata.spacing,
        channel_names=metadata.channel_names,
        kind=reader.kind,
    )


def _open(path: str) -> "tuple[tifffile.TiffFile, tifffile.TiffPageSeries]":
    import tifffile

    try:
        tif = tifffile.TiffFile(path)
    except OSError:
        raise
    except Exception as error:  # a broken file ends in errors of many kinds
        raise InputError(
            f"{path} cannot be read as a TIFF ({error}); it may be truncated: copy or export it again"
        ) from error
    try:
        return tif, _choose_series(tif, path)
    except BaseException:
        tif.close()
        raise


def _close(store: Any, tif: "tifffile.TiffFile") -> None:
    store.close()
    tif.close()


def _choose_series(tif: "tifffile.TiffFile", path: str) -> "tifffile.TiffPageSeries":
    """The image of a file: the largest, or all pages that were written one after another."""
    import tifffile

    try:
        series = tif.series
    except Exception as error:  # a broken file ends in errors of many kinds
        raise InputError(
            f"{path} has a broken list of pages ({error}); it may be truncated: copy or export it again"
        ) from error
    if not series:
        raise InputError(f"{path} holds no image; it may be truncated: copy or export it again")
    largest = max(series, key=lambda one: one.size)
    alike = [one for one in series if one.shape == largest.shape and one.dtype == largest.dtype]
    if len(alike) == 1:
        return largest
    if largest.kind == "shaped" and all(len(one) == 1 for one in alike):
        # A program that hands tifffile one frame after another makes an image of each
        return tifffile.TiffPageSeries(
            [one.keyframe for one in alike],
            (len(alike), *largest.shape),
            largest.dtype,
            "I" + largest.axes,
        )
    raise InputError(
        f"{path} holds {len(alike)} images of the same size, such as several positions; "
        "save the one to work on as a file of its own"
    )


def _letters(series: "tifffile.TiffPageSeries") -> str:
    letters = series.axes.replace("I", "Q")
    colour = series.keyframe.photometric in COLOUR_PHOTOMETRICS
    if "S" in letters and not colour and "C" not in letters:
        return str(letters.replace("S", "C"))
    return str(letters)
