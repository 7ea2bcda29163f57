"""Label images and their images, read a frame at a time and checked before anything is measured."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError

LARGEST_ID = 2**31 - 1
_PROBLEMS_SHOWN = 10
T = TypeVar("T")


class LazyStack(Protocol):
    """Anything with a length that gives a frame for an index: numpy, zarr, dask, Frames, a label store."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class Problem(Exception):
    """What is wrong with one frame; gathered, so that a person hears of all of them at once."""


def _read_labels(labels: LazyStack, index: int) -> NDArray[Any]:
    labels_yx = np.asarray(labels[index])
    if labels_yx.ndim != 2:
        raise Problem(
            f"the labels have the shape {labels_yx.shape}; a frame of labels is (y, x) here, and "
            "measure_volumes takes (z, y, x)"
        )
    if labels_yx.dtype.kind == "b":
        return labels_yx.astype(np.uint8)
    if labels_yx.dtype.kind not in "iu":
        raise Problem(
            f"the labels are {labels_yx.dtype}; give whole numbers, for example labels.astype('int32')"
        )
    if labels_yx.size == 0:
        raise Problem(f"the labels are empty, shape {labels_yx.shape}")
    if labels_yx.dtype.kind == "i" and (lowest := int(labels_yx.min())) < 0:
        raise Problem(f"a label is negative ({lowest}); ids start at 1 and 0 is background")
    if labels_yx.dtype.itemsize > 4 or labels_yx.dtype == np.uint32:
        highest = int(labels_yx.max())
        if highest > LARGEST_ID:
            raise Problem(
                f"a label is {highest}, above the largest id {LARGEST_ID}; number the objects anew, "
                "for example with skimage.segmentation.relabel_sequential"
            )
    return labels_yx


def _read_image(images: LazyStack, index: int, shape: tuple[int, ...], n_channels: int) -> NDArray[Any]:
    image = np.asarray(images[index])
    image_yxc = image[..., None] if image.ndim == 2 else image
    if image_yxc.ndim != 3 or image_yxc.shape[:2] != shape:
        raise Problem(
            f"the image has the shape {image.shape} and the labels {shape}; they must cover the same pixels"
        )
    if image_yxc.shape[2] != n_channels:
        raise Problem(f"the image has {image_yxc.shape[2]} channels and frame 0 has {n_channels}")
    if image_yxc.dtype.kind not in "biuf":
        raise Problem(f"the image is {image_yxc.dtype}; intensities are whole or decimal numbers")
    return image_yxc


class Stack:
    """Labels and, where there are some, images of the same frames.

    Parameters
    ----------
    labels : LazyStack
        `labels[i]` is an integer array (y, x); 0 is background.
    images : LazyStack or None
        `images[i]` is (y, x) or (y, x, c).
    channel_names : sequence of str or None
        One for each channel; "ch0", "ch1" ... when not given.

    Attributes
    ----------
    channels : tuple of str
        Names of the channels; none without images.

    Raises
    ------
    MeasureError
        Nothing to measure, or names and channels that do not agree.
    """

    def __init__(
        self, labels: LazyStack, images: LazyStack | None = None, channel_names: Sequence[str] | None = None
    ) -> None:
        if len(labels) == 0:
            raise MeasureError("The labels have no frames; give at least one.")
        if images is not None and len(images) != len(labels):
            raise MeasureError(
                f"There are {len(labels)} frames of labels and {len(images)} of images; give as many of each."
            )
        self._labels = labels
        self._images = images
        self.channels = self._name_channels(channel_names)

    def _name_channels(self, names: Sequence[str] | None) -> tuple[str, ...]:
        if self._images is None:
            return ()
        first = np.asarray(self._images[0])
        n_channels = first.shape[2] if first.ndim == 3 else 1
        if names is None:
            return tuple(f"ch{i}" for i in range(n_channels))
        names = tuple(map(str, names))
        if len(names) != n_channels or len(set(names)) != len(names):
            raise MeasureError(
                f"The channel names are {list(names)} and the image has {n_channels} "
                f"channel{'s' * (n_channels != 1)}; give a different name for each."
            )
        return names

    def __len__(self) -> int:
        return len(self._labels)

    def read(self, index: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Labels (y, x) and image (y, x, c) of one frame, checked; raises `Problem`."""
        labels_yx = _read_labels(self._labels, index)
        if self._images is None:
            return labels_yx, None
        return labels_yx, _read_image(self._images, index, labels_yx.shape, len(self.channels))

    def chosen(self, frames: Sequence[int] | None) -> list[int]:
        """Frame indices to measure, in order and each once; all of them for None."""
        if frames is None:
            return list(range(len(self)))
        chosen = sorted({int(frame) for frame in frames})
        outside = [frame for frame in chosen if not 0 <= frame < len(self)]
        if outside:
            raise MeasureError(
                f"There is no frame {outside[0]}; the labels have frames 0 to {len(self) - 1}."
            )
        return chosen

    def measure(
        self,
        one: Callable[[int, NDArray[Any], NDArray[Any] | None], T],
        frames: Sequence[int],
        workers: int = 1,
    ) -> Iterator[T]:
        """Yield what `one` returns for each frame, in order; frames are read while others are measured.

        After the first problem the remaining frames are only checked.

        Parameters
        ----------
        one : callable
            Gets the frame index, the labels (y, x) and the image (y, x, c) or None. For several
            processes it must be picklable.
        frames : sequence of int
            From `chosen`.
        workers : int
            1 measures in a thread of this process, more in as many processes. At most twice as many
            frames are in memory.

        Raises
        ------
        MeasureError
            With every problem of every frame, once all of them were looked at.
        """
        if workers < 1:
            raise MeasureError(f"workers is {workers}; give at least 1.")
        problems: dict[str, list[int]] = {}
        running: deque[Future[T]] = deque()
        # Spawned, not forked: a fork of a process in which torch or a viewer has threads may hang.
        pool: Executor = (
            ThreadPoolExecutor(1)
            if workers == 1
            else ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        )
        try:
            for index in frames:
                try:
                    labels_yx, image_yxc = self.read(index)
                except Problem as problem:
                    problems.setdefault(str(problem), []).append(index)
                    continue
                if problems:
                    continue
                running.append(pool.submit(one, index, labels_yx, image_yxc))
                if len(running) == 2 * workers:
                    yield running.popleft().result()
            while running and not problems:
                yield running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
        if problems:
            raise MeasureError(_sentence(problems))


def _sentence(problems: dict[str, list[int]]) -> str:
    shown = [
        f"on frame{'s' * (len(frames) > 1)} {in_ranges(frames)} {problem}"
        for problem, frames in list(problems.items())[:_PROBLEMS_SHOWN]
    ]
    if len(problems) > _PROBLEMS_SHOWN:
        shown.append(f"and {len(problems) - _PROBLEMS_SHOWN} more problems")
    text = "; ".join(shown) + "."
    return text[0].upper() + text[1:]


def in_ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers as short text: 0-4, 7, 9-12."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
