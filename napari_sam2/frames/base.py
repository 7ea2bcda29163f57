"""`Frames`: a lazy sequence of images along one axis, and `Stack`: what a reader tells about its source."""

import copy
import hashlib
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.axes import Axes
from napari_sam2.frames.contrast import SAMPLED_FRAMES, Contrast, as_contrast, estimate_contrast, thin_out

FINGERPRINT_FRAMES = 8
RGB_NAMES = ("red", "green", "blue")


class LazyArray(Protocol):
    """An array that is read piece by piece, by any number of threads at once."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its size along each dimension."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its type, in native byte order."""

    def read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read a part, given by one integer or full slice a dimension."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass
class Stack:
    """An image as its reader found it.

    Attributes
    ----------
    array : LazyArray
        The pixels.
    letters : str
        Axis letter of each dimension, "Q" where the source does not say.
    name : str
        Stem for the names of outputs.
    where : str
        What the image is called in an error: the path, or what kind of array it is.
    source : str or None
        Path of the file or folder.
    spacing : mapping from "t", "z", "y", "x" to (float, str)
        Distance of neighbours along an axis and its unit, where the source says so.
    channel_names : sequence of str
        Empty where the source names none.
    kind : str
        What the source is, in words.
    remarks : sequence of str
        What a person should know of the image before trusting it, each a clause that follows `where`.
    contrast : (float, float) or None
        Window that the source asks to be shown with.
    is_negative : bool
        The source asks that low values be shown bright.
    """

    array: LazyArray
    letters: str
    name: str
    where: str
    source: str | None = None
    spacing: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    channel_names: Sequence[str] = ()
    kind: str = "array"
    remarks: Sequence[str] = ()
    contrast: tuple[float, float] | None = None
    is_negative: bool = False


@dataclass(frozen=True)
class Calibration:
    """Physical sizes: see the attributes of the same names of `Frames`."""

    pixel_size: tuple[float, float] | None = None
    unit: str = "pixel"
    step: float | None = None
    step_unit: str = "frame"
    depth: float | None = None


class Frames:
    """A lazy sequence of images along time or depth; made by `open_frames`, never loaded whole.

    Any number of threads may read from it. It can be pickled: a file is opened again in the process
    that reads it. Files are let go by `close`, by leaving a `with` block, or with the object itself.

    Attributes
    ----------
    name : str
        Stem for the names of outputs.
    source : str or None
        Path or address of the file or folder; None for an array in memory.
    kind : str
        What the source is, in words: "OME-TIFF", "DICOM series", ...
    remarks : tuple of str
        What a person should know of the image before trusting it: gaps, uneven steps.
    letters : str
        The meaning of each dimension of the source, such as "TZCYX"; Q where it is not known.
    source_shape : tuple of int
        The size of each.
    axis : str
        "t" or "z"; "zt" of volumes in time, whose frames are their slices, those of the first volume first.
    shape : (int, int, int)
        (frames, y, x).
    n_slices : int
        Slices of a volume, of volumes in time; else 1.
    dtype : numpy.dtype
        Type of a frame, as in the file (bool is read as uint8).
    n_channels : int
        Channels of the file, an alpha channel not counted.
    channel_names : tuple of str
        One for each channel.
    is_rgb : bool
        The channels are red, green and blue.
    shown_channels : tuple of int
        The one, two or three channels that `rgb` shows.
    pixel_size : (float, float) or None
        (y, x) in `unit`; None when unknown.
    unit : str
        "µm", "nm", ...; "pixel" when unknown.
    step : float or None
        Frame interval (axes t and zt) or slice spacing (axis z) in `step_unit`; None when unknown. Of a
        video with a variable frame rate the mean interval, which is that of no two frames in particular.
    step_unit : str
        "s", "µm", ...; "frame" when unknown.
    depth : float or None
        Slice spacing of volumes in time, in `unit`; None when unknown, and for other stacks.
    """

    def __init__(
        self,
        stack: Stack,
        axes: Axes,
        calibration: Calibration,
        channels: int | str | Sequence[int | str] | None = None,
        contrast: Contrast | Sequence[Any] | None = None,
    ) -> None:
        self._stack = stack
        self._axes = axes
        self._fingerprint: str | None = None
        self.name = stack.name
        self.source = stack.source
        self.kind = stack.kind
        self.remarks = tuple(f"{stack.where} {remark}" for remark in stack.remarks)
        self.letters = axes.letters
        self.source_shape = axes.shape
        self.axis = axes.axis
        self.shape = (axes.n_frames, axes.shape[axes.y], axes.shape[axes.x])
        self.n_slices = axes.n_slices
        self.dtype = _readable_dtype(stack)
        self.n_channels = axes.n_channels
        self.is_rgb = axes.is_rgb
        self.channel_names = _channel_names(stack.channel_names, axes)
        self.shown_channels = _shown_channels(channels, self.channel_names, stack.where)
        self.pixel_size = calibration.pixel_size
        self.unit = calibration.unit
        self.step = calibration.step
        self.step_unit = calibration.step_unit
        self.depth = calibration.depth
        # Sampled even where the contrast is given: a broken file, a NaN, should show now, not hours later.
        samples_nc = np.concatenate([thin_out(self[frame]) for frame in self._sampled(SAMPLED_FRAMES)])
        window = stack.contrast if contrast is None else contrast
        if window is None:
            self._contrast = estimate_contrast(samples_nc, self.is_rgb)
        else:
            self.contrast = window

    @property
    def contrast(self) -> Contrast:
        """Values shown as 0 and 1, for the whole stack; set a `Contrast`, (low, high), or pairs."""
        return self._contrast

    @contrast.setter
    def contrast(self, value: Contrast | Sequence[Any]) -> None:
        self._contrast = as_contrast(value, self.n_channels)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Read one frame: (y, x, channel) in the file's own type, all channels.

        The frame of an array in memory is a view of it: do not write to it.

        Raises
        ------
        IndexError
            There is no such frame.
        InputError
            The frame cannot be read, or holds NaN or infinite values.
        """
        return self._read(index, slice(0, self.n_channels))

    def rgb(self, index: int) -> NDArray[np.float32]:
        """Read one frame as the model sees it: float32 (3, y, x) in 0..1.

        One shown channel becomes grey; of two the first is shown in red and blue (magenta) and the
        second in green; three are red, green and blue. Errors are those of reading a frame.
        """
        shown = self.shown_channels
        first = min(shown)
        image_yxc = self._read(index, slice(first, max(shown) + 1))
        planes = [self.contrast.scale(image_yxc[..., channel - first], channel) for channel in shown]
        if self._stack.is_negative:
            planes = [1 - plane for plane in planes]
        if len(planes) < 3:
            planes = [planes[0], planes[-1], planes[0]]
        return np.stack(planes)

    def fingerprint(self) -> str:
        """SHA-256 in hex of shape, type and a few frames' pixels: names the image wherever it is stored."""
        if self._fingerprint is None:
            digest = hashlib.sha256(f"{(*self.shape, self.n_channels)} {self.dtype.name}".encode())
            for frame in self._sampled(FINGERPRINT_FRAMES):
                image_yxc = self[frame]
                little_endian = image_yxc.dtype.newbyteorder("<")
                digest.update(image_yxc.astype(little_endian, copy=False).tobytes())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def single(self, axis: str, at: int) -> "Frames":
        """One slice through time, or one volume, of volumes in time, shown as they are.

        Parameters
        ----------
        axis : "t" or "z"
            The axis of the frames returned.
        at : int
            Index on the other axis: of the slice for "t", of the volume for "z".
        """
        single = copy.copy(self)
        single._axes = self._axes.single(axis, at)
        single._fingerprint = None
        single.axis, single.n_slices, single.depth = axis, 1, None
        single.shape = (single._axes.n_frames, *self.shape[1:])
        if axis == "z":
            single.step, single.step_unit = self.depth, "frame" if self.depth is None else self.unit
        return single

    @property
    def array(self) -> LazyArray:
        """The source, to be read piece by piece."""
        return self._stack.array

    def reading(self, array: LazyArray) -> "Frames":
        """The same image, read from another array of the same shape and type."""
        other = copy.copy(self)
        other._stack = replace(self._stack, array=array)
        return other

    def close(self) -> None:
        """Let go of the file; reading afterwards opens it again."""
        self._stack.array.close()

    def __enter__(self) -> "Frames":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        n, height, width = self.shape
        channels = "RGB" if self.is_rgb else ", ".join(self.channel_names)
        n = f"{n // self.n_slices} x {self.n_slices}" if self.axis == "zt" else n
        return f"<Frames {self.name!r}: {n} x {height} x {width} along {self.axis}, {self.dtype}, {channels}>"

    def _sampled(self, count: int) -> list[int]:
        """Up to `count` frames, evenly spread, the first and the last among them."""
        return sorted({int(frame) for frame in np.linspace(0, len(self) - 1, count).round()})

    def _read(self, index: int, channels: slice) -> NDArray[Any]:
        frame = operator.index(index)
        if not -len(self) <= frame < len(self):
            raise IndexError(f"frame {frame} is outside {self._stack.where}, which has {len(self)} frames")
        frame %= len(self)
        try:
            read = self._stack.array.read(self._axes.key(frame, channels))
        except (InputError, MemoryError):
            raise
        except Exception as error:  # each codec has its own kinds of error
            raise InputError(
                f"frame {frame} of {self._stack.where} cannot be read ({error}); "
                "the file may be damaged or still being written: copy or export it again"
            ) from error
        image_yxc = self._axes.arrange(read)
        if image_yxc.dtype == bool:
            return image_yxc.astype(np.uint8)
        if image_yxc.dtype.kind == "f" and not np.isfinite(image_yxc).all():
            count = int(image_yxc.size - np.isfinite(image_yxc).sum())
            raise InputError(
                f"frame {frame} of {self._stack.where} holds {count} NaN or infinite values; "
                "replace them, for instance with numpy.nan_to_num, and save the stack again"
            )
        return image_yxc


def _readable_dtype(stack: Stack) -> np.dtype[Any]:
    dtype = np.dtype(stack.array.dtype).newbyteorder("=")
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "uif":
        mend = "save its magnitude instead" if dtype.kind == "c" else "give integers or floats"
        raise InputError(f"{stack.where} holds values of type {dtype}, which are not intensities; {mend}")
    return dtype


def _channel_names(names: Sequence[str], axes: Axes) -> tuple[str, ...]:
    if axes.is_rgb:
        return RGB_NAMES
    if len(names) != axes.n_channels or not all(names):
        return tuple(f"ch{channel}" for channel in range(axes.n_channels))
    if len(set(names)) < len(names):
        return tuple(f"{name} {channel}" for channel, name in enumerate(names))
    return tuple(names)


def _shown_channels(
    asked: int | str | Sequence[int | str] | None, names: tuple[str, ...], where: str
) -> tuple[int, ...]:
    """Indices of the channels to show: those asked for, or the first up to three."""
    if asked is None:
        return tuple(range(min(3, len(names))))
    picks = (asked,) if isinstance(asked, int | np.integer | str) else tuple(asked)
    if not 1 <= len(picks) <= 3:
        raise InputError(f"{len(picks)} channels were asked of {where}; give one, two or three")
    return tuple(_channel_index(pick, names, where) for pick in picks)


def _channel_index(pick: int | str, names: tuple[str, ...], where: str) -> int:
    if pick in names:
        return names.index(str(pick))
    try:
        channel = int(pick)
    except (TypeError, ValueError):
        channel = -1
    if not 0 <= channel < len(names):
        listed = ", ".join(f"{number} ({name})" for number, name in enumerate(names))
        raise InputError(f"{where} has no channel {pick!r}; its channels are {listed}")
    return channel
