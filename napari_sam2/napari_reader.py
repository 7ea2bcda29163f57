"""Videos, DICOM and other files in napari's File > Open, read as they are looked at."""

import warnings
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import ImageWarning, InputError, SeveralImages
from napari_sam2.frames.base import Stack
from napari_sam2.frames.contrast import SAMPLED_FRAMES, estimate_contrast, thin_out

LayerData = tuple[Any, dict[str, Any], str]

COLOURS = ("magenta", "green", "cyan", "yellow", "red", "blue")
"""Of channels: the first two as the model sees them."""


def get_reader(path: str | Sequence[str]) -> Callable[[str], list[LayerData]] | None:
    """What napari asks for each file or folder that is opened; None for what others read better."""
    from napari_sam2.frames.sources import is_dicom

    if not isinstance(path, str):
        return None
    if Path(path).is_dir() and not is_dicom(Path(path)):
        return None
    return read_layers


def read_layers(path: str) -> list[LayerData]:
    """Describe every image of a file or folder as layers, without reading more than a few frames.

    Raises
    ------
    InputError
        Nothing can be read; napari shows the sentence.
    """
    layers: list[LayerData] = []
    for stack in _every_stack(path):
        for remark in stack.remarks:
            warnings.warn(f"{stack.where} {remark}", ImageWarning, stacklevel=2)
        # of several series the first is shown, and the others wait
        layers += [(data, {**place, "visible": not layers}, kind) for data, place, kind in _layers_of(stack)]
    return layers


class LazyImage:
    """An image in napari's order of dimensions, whose planes are read when they are shown.

    Parameters
    ----------
    stack : Stack
        The image.
    channel : int, optional
        The one of several channels to show.

    Attributes
    ----------
    axes : str
        Letters of the dimensions: those that are walked along, then YX, and S for colours.
    shape, dtype, ndim, size
        As of an array.
    """

    def __init__(self, stack: Stack, channel: int | None = None) -> None:
        self._stack = stack
        self._channel = channel
        sizes = dict(zip(stack.letters, stack.array.shape, strict=True))
        walked = [letter for letter in sizes if letter not in "YXSC" and sizes[letter] > 1]
        self._walked = "".join(sorted(walked, key="TZ".find))
        self.axes = self._walked + ("YXS" if "S" in sizes else "YX")
        self.shape = tuple(sizes[letter] for letter in self.axes)
        self.dtype = np.dtype(stack.array.dtype)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape))

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read with integers, slices and `...`, as from an array."""
        key = key if isinstance(key, tuple) else (key,)
        missing = (slice(None),) * (self.ndim - sum(one is not Ellipsis for one in key))
        at = key.index(Ellipsis) if Ellipsis in key else len(key)
        key = key[:at] + missing + key[at + 1 :]
        walk, rest = key[: len(self._walked)], key[len(self._walked) :]
        places = [np.arange(size)[one] for one, size in zip(walk, self.shape, strict=False)]
        planes = [self._plane(place)[rest] for place in product(*(np.atleast_1d(one) for one in places))]
        shape = np.empty(self.shape[len(walk) :], np.bool_)[rest].shape
        return np.array(planes, self.dtype).reshape((*(n for one in places for n in one.shape), *shape))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        return np.asarray(self[...], dtype)

    def _plane(self, place: Sequence[int]) -> NDArray[Any]:
        """Read one plane: (y, x) or (y, x, colour)."""
        letters = self._stack.letters
        at = dict(zip(self._walked, place, strict=True)) | {"C": self._channel or 0}
        whole = [letter for letter in letters if letter in "YXS"]
        read = self._stack.array.read(
            tuple(slice(None) if letter in whole else int(at.get(letter, 0)) for letter in letters)
        )
        return read.transpose([whole.index(letter) for letter in "YXS" if letter in whole])

    def sample(self) -> NDArray[Any]:
        """Pixels of a few planes, (pixels, 1 or 3)."""
        n_planes = int(np.prod(self.shape[: len(self._walked)]))
        numbers = sorted({int(n) for n in np.linspace(0, n_planes - 1, SAMPLED_FRAMES).round()})
        places = (np.unravel_index(number, self.shape[: len(self._walked)]) for number in numbers)
        planes = (self._plane(place) for place in places)  # type: ignore[arg-type]
        return np.concatenate([thin_out(plane.reshape(*plane.shape[:2], -1)) for plane in planes])


def _every_stack(path: str) -> list[Stack]:
    from napari_sam2.frames.dicom import read_every_series
    from napari_sam2.frames.sources import is_dicom, read_stack

    if not is_dicom(Path(path)):
        try:
            return [read_stack(path)]
        except SeveralImages as several:
            return [read_stack(path, number) for number in several.choices]
    found = read_every_series(Path(path))
    stacks = [one for one in found if isinstance(one, Stack)]
    mistakes = [one for one in found if isinstance(one, InputError)]
    if not stacks:
        raise mistakes[0]
    for mistake in mistakes:
        warnings.warn(f"{mistake}", ImageWarning, stacklevel=3)
    return stacks


def _layers_of(stack: Stack) -> list[LayerData]:
    """One layer, or one for each channel."""
    sizes = dict(zip(stack.letters, stack.array.shape, strict=True))
    n_channels = sizes.get("C", 1)
    named = len(stack.channel_names) == n_channels > 1
    layers = []
    for channel in range(n_channels):
        image = LazyImage(stack, channel)
        is_rgb = "S" in image.axes
        known = [stack.spacing.get(letter.lower(), (1.0, "pixel")) for letter in image.axes if letter != "S"]
        place = {
            "name": f"{stack.name} {stack.channel_names[channel]}" if named else stack.name,
            "rgb": is_rgb,
            "scale": tuple(distance for distance, _ in known),
            "units": tuple(unit for _, unit in known),
            "axis_labels": tuple(image.axes.removesuffix("S").lower()),
        }
        if not is_rgb:
            window = stack.contrast or _window(image)
            place |= {"contrast_limits": window, "colormap": "gray_r" if stack.is_negative else "gray"}
        if stack.kind.startswith("DICOM"):
            # Where `writers.write_dicom_seg` finds the images that masks belong to.
            place |= {"metadata": {"dicom": stack.source}}
        if n_channels > 1:
            colours = COLOURS[:2] if n_channels == 2 else COLOURS
            place |= {"colormap": colours[channel % len(colours)], "blending": "additive"}
        layers.append((image, place, "image"))
    return layers


def _window(image: LazyImage) -> tuple[float, float]:
    """The window that the model sees."""
    contrast = estimate_contrast(image.sample(), is_rgb=False)
    return contrast.low[0], contrast.high[0]
