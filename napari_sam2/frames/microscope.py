"""Files of microscope makers: ND2 through nd2, CZI and LIF through bioio; both are extras."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError, SeveralImages
from napari_sam2.frames.base import Stack
from napari_sam2.frames.reopened import ReopenedReader


class _Nd2:
    """One position of an ND2 file."""

    def __init__(self, path: str, position: int) -> None:
        import nd2

        self.file = nd2.ND2File(path)
        try:
            sizes = dict(self.file.sizes)
            self.names = self._positions()
            self.dtype = np.dtype(self.file.dtype)
        except BaseException:
            self.file.close()
            raise
        self._position = position
        self._loops = {axis: size for axis, size in sizes.items() if axis not in "CYXS"}
        self._frame_shape = tuple(size for axis, size in sizes.items() if axis in "CYXS")
        walked = {axis: size for axis, size in self._loops.items() if axis != "P"}
        letters = "".join(axis if axis in "TZ" else "Q" for axis in walked)
        self.letters = letters + "".join(axis for axis in sizes if axis in "CYXS")
        self.shape = (*walked.values(), *self._frame_shape)

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        places = iter(key)
        at = [self._position if axis == "P" else next(places) for axis in self._loops]
        number = int(np.ravel_multi_index(at, tuple(self._loops.values()))) if at else 0
        frame = self.file.read_frame(number).reshape(self._frame_shape)
        return np.array(frame[tuple(places)])  # a copy: the file may be closed while it is in use

    def _positions(self) -> list[str]:
        for loop in self.file.experiment:
            if loop.type == "XYPosLoop":
                return [point.name or str(number) for number, point in enumerate(loop.parameters.points)]
        return ["0"]

    def channel_names(self) -> list[str]:
        """Names of the channels."""
        return [str(channel.channel.name) for channel in self.file.metadata.channels]

    def spacing(self) -> dict[str, tuple[float, str]]:
        """Sizes in µm where the microscope was calibrated."""
        volume = self.file.metadata.channels[0].volume
        sizes = zip("xyz", volume.axesCalibration, volume.axesCalibrated, strict=False)
        return {axis: (float(size), "µm") for axis, size, is_known in sizes if is_known and size > 0}

    def interval(self) -> float | None:
        """Mean time in seconds between the first images of all time points."""
        firsts = [n for n, at in enumerate(self.file.loop_indices) if not any(at[k] for k in at if k != "T")]
        ends = [self.file.frame_metadata(n).channels[0].time.relativeTimeMs for n in (firsts[0], firsts[-1])]
        return (ends[1] - ends[0]) / 1000 / (len(firsts) - 1) if len(firsts) > 1 else None

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class _Bioio:
    """One scene of a file that bioio reads."""

    def __init__(self, path: str, scene: int) -> None:
        from bioio import BioImage

        reader = import_module(f"bioio_{path[-3:].lower()}").Reader
        self.file = BioImage(path, reader=reader, chunk_dims=["Y", "X"])
        self.names = [str(name) for name in self.file.scenes]
        self.file.set_scene(scene)
        self.letters = str(self.file.dims.order)
        self._array = self.file.dask_data
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        return np.asarray(self._array[key])

    def channel_names(self) -> list[str]:
        """Names of the channels."""
        return [str(name) for name in self.file.channel_names]

    def spacing(self) -> dict[str, tuple[float, str]]:
        """Sizes in µm."""
        sizes = self.file.physical_pixel_sizes
        return {
            axis: (float(size), "µm")
            for axis, size in (("x", sizes.X), ("y", sizes.Y), ("z", sizes.Z))
            if size
        }

    def interval(self) -> float | None:
        """Time between images in seconds."""
        interval = self.file.time_interval
        return interval.total_seconds() if interval is not None else None

    def close(self) -> None:
        """Nothing is kept open."""


def read_microscope(path: Path, series: int | str | None = None) -> Stack:
    """Describe an ND2, CZI or LIF file.

    Parameters
    ----------
    path : Path
        The file.
    series : int or str, optional
        Which of several positions or scenes: its number from 0, or its name.

    Raises
    ------
    InputError
        The package that reads it is missing, the file is damaged, or it holds several images and none is
        chosen.
    """
    kind = path.suffix[1:].upper()
    opener = partial(_Nd2 if kind == "ND2" else _Bioio, os.path.abspath(path))
    opened = _try(opener, 0, kind, path)
    number = 0
    try:
        number = _choose(opened.names, series, path)
        if number:
            opened.close()
            opened = _try(opener, number, kind, path)
        names: Sequence[str] = ()
        spacing: dict[str, tuple[float, str]] = {}
        interval = None
        # what a file says of its image in a way that its library does not understand stays unknown
        with suppress(Exception):
            names = opened.channel_names()
        with suppress(Exception):
            spacing = opened.spacing()
        with suppress(Exception):
            interval = opened.interval()
    finally:
        opened.close()
    one_of = f"_{number}" if len(opened.names) > 1 else ""
    return Stack(
        ReopenedReader(partial(opener, number)),
        letters=opened.letters,
        name=path.stem + one_of,
        where=str(path),
        source=str(path),
        spacing=spacing | ({"t": (interval, "s")} if interval and interval > 0 else {}),
        channel_names=names,
        kind=f"{kind}, {opened.names[number]}" if one_of else kind,
    )


def _try(opener: Callable[[int], Any], number: int, kind: str, path: Path) -> Any:
    try:
        with _quiet():
            return opener(number)
    except ImportError as error:
        raise InputError(
            f"{path} is {kind}, and reading it needs packages that are not installed; install them with: "
            "pip install 'napari-sam2[bio]', or save it as OME-TIFF"
        ) from error
    except Exception as error:  # a broken file ends in errors of many kinds
        if isinstance(error, OSError) and error.errno is not None:
            raise
        first_line = str(error).partition("\n")[0]
        raise InputError(
            f"{path} cannot be read as {kind} ({first_line}); it may be truncated: copy or export it again"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the libraries log of a broken file from a person's screen: it is raised as an error too."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _choose(names: Sequence[str], asked: int | str | None, path: Path) -> int:
    """The number of the image that a person asks for by number or name."""
    if asked is None and len(names) == 1:
        return 0
    listed = ", ".join(f"{number} ({name})" for number, name in enumerate(names))
    if asked is None:
        raise SeveralImages(
            f"{path} holds {len(names)} images: {listed}; choose one with series, such as series 0",
            dict(enumerate(names)),
        )
    if str(asked) in names:
        return names.index(str(asked))
    if str(asked).isdecimal() and int(asked) < len(names):
        return int(asked)
    raise InputError(f"{path} has no image {asked}; it holds {listed}: give one of these numbers")
