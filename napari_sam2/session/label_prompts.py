"""Label images as prompts: each label, on the first frame where it is, is a mask prompt."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

from napari_sam2.errors import InputError
from napari_sam2.session.session import Session


def add_label_prompts(session: Session, labels: Any) -> None:
    """Add a mask prompt for each label of a label image, as one step of undo.

    Parameters
    ----------
    session : Session
        Gets the prompts; the labels are the object ids.
    labels : array (y, x) or (frames, y, x)
        Whole numbers from 0, which is background, or bool for one object. A single image is frame 0;
        a stack has the shape of the session's image. Anything that numpy can read a frame at a time:
        numpy, zarr, dask. Read once, frame by frame. For volumes in time (z, y, x), which is the first
        volume, or (t, z, y, x): there each label is given by all its slices in its first volume.

    Raises
    ------
    InputError
        When the shape is another one, when the values are no labels, or when there is none.
    """
    n_slices = session.frames.n_slices
    n_frames, *size = session.frames.shape
    whole, first = (n_frames, *size), tuple(size)
    if session.frames.axis == "zt":
        whole, first = (n_frames // n_slices, n_slices, *size), (n_slices, *size)
    if tuple(labels.shape) not in (whole, first):
        name = "volume" if session.frames.axis == "zt" else "frame"
        raise InputError(
            f"the labels have shape {_words(labels.shape)}, but the image needs {_words(whole)} for all "
            f"{name}s, or {_words(first)} for {name} 0"
        )
    if labels.dtype.kind not in "biu":
        raise InputError(f"the labels are {labels.dtype} values; save them as whole numbers")
    if tuple(labels.shape) == first:
        labels = np.asarray(labels[:])[None]
    seen: set[int] = set()
    with session.group():
        for time in range(labels.shape[0]):
            labels_zhw = np.asarray(labels[time]).reshape(n_slices, *size)
            here: set[int] = set()
            for z, labels_hw in enumerate(labels_zhw):
                for label in sorted(set(pd.unique(labels_hw.ravel()).tolist()) - seen - {0}):
                    session.add_mask(int(label), time * n_slices + z, labels_hw == label)
                    here.add(label)
            seen |= here
        if not seen:
            raise InputError("all labels are 0, which is background; paint each object with its own number")


class LabelFile:
    """The label image in a file, as a context manager; only the frames asked for are read.

    Parameters
    ----------
    path : Path
        TIFF, PNG (the indices of one with a palette), npy, or zarr: an array, or a group with an array
        `labels` or `0`.

    Raises
    ------
    InputError
        On entering, or when a frame is read, when the file is none of these or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        openers = {
            ".tif": self._open_tiff,
            ".tiff": self._open_tiff,
            ".png": self._open_png,
            ".npy": self._open_npy,
            ".zarr": self._open_zarr,
        }
        opener = openers.get(self._path.suffix.lower())
        if opener is None:
            raise InputError(
                f"it is neither a .csv nor a label image; the suffixes of those are {', '.join(openers)}"
            )
        try:
            with self._told():
                self._array = opener()
        except InputError:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def shape(self) -> tuple[int, ...]:
        """(y, x) or (frames, y, x), as the file has it."""
        return tuple(self._array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the labels."""
        dtype: np.dtype[Any] = self._array.dtype
        return dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        with self._told():
            return np.asarray(self._array[key])

    def _open_tiff(self) -> Any:
        series = self._closing.enter_context(tifffile.TiffFile(self._path)).series[0]
        return zarr.open_array(self._closing.enter_context(series.aszarr(level=0, squeeze=True)), mode="r")

    def _open_png(self) -> Any:
        with Image.open(self._path) as image:
            return np.asarray(image)

    def _open_npy(self) -> Any:
        return np.load(self._path, mmap_mode="r", allow_pickle=False)

    def _open_zarr(self) -> Any:
        opened = zarr.open(self._path, mode="r")
        if isinstance(opened, zarr.Group):
            opened = opened["labels" if "labels" in opened else "0"]
        return opened

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RuntimeError, LookupError, tifffile.TiffFileError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"it cannot be read as a label image ({reason})") from error


def _words(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
