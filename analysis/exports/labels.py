"""Label images as every writer takes them: checked whole before a file is begun, read a frame at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.problems import Problems
from napari_sam2.analysis.stack import LARGEST_ID, LazyStack


@dataclass(frozen=True)
class Survey:
    """What is in label images.

    Attributes
    ----------
    shape : tuple of int
        Of a frame: (y, x) or (z, y, x).
    present : tuple of tuple of int
        The ids on each frame, ascending, without background.
    """

    shape: tuple[int, ...]
    present: tuple[tuple[int, ...], ...]

    @cached_property
    def frames_of(self) -> dict[int, list[int]]:
        """The frames on which each object is, by id, both ascending."""
        found: dict[int, list[int]] = {}
        for frame, ids in enumerate(self.present):
            for object_id in ids:
                found.setdefault(object_id, []).append(frame)
        return dict(sorted(found.items()))

    @property
    def ids(self) -> tuple[int, ...]:
        """All objects, ascending."""
        return tuple(self.frames_of)

    @property
    def largest(self) -> int:
        """The largest id; 0 where there is no object."""
        return max(self.frames_of, default=0)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every id."""
        return np.min_scalar_type(self.largest)


def survey(
    labels: LazyStack,
    *,
    dims: Sequence[int] = (2, 3),
    largest: int = LARGEST_ID,
    holder: str = "napari-sam2",
    what: str = "The labels",
) -> Survey:
    """Read all label images once and see whether they can be written.

    Parameters
    ----------
    labels : sequence of int arrays (y, x) or (z, y, x)
        0 is background.
    dims : sequence of int
        How many dimensions a frame may have.
    largest : int
        The largest id that the format holds.
    holder : str
        What holds ids only up to `largest`, for the sentence.
    what : str
        What the labels are called in an error.

    Raises
    ------
    MeasureError
        With every problem of every frame: not whole numbers, negative or too large ids, another shape
        or number of dimensions; or there is no frame at all.
    """
    problems = Problems(what)
    found = survey_into(problems, labels, dims=dims, largest=largest, holder=holder)
    problems.raise_if_any()
    return found


def survey_into(
    problems: Problems, labels: LazyStack, *, dims: Sequence[int], largest: int, holder: str
) -> Survey:
    """As `survey`, for a reader that has more to check: notes the problems instead of ending with them."""
    shape: tuple[int, ...] = ()
    present: list[tuple[int, ...]] = []
    if len(labels) == 0:
        problems.add("There are no frames; give at least one")
    for index in range(len(labels)):
        try:
            frame = np.asarray(labels[index])
        except MeasureError as error:
            problems.add_on(index, str(error).removesuffix("."))
            present.append(())
            continue
        problem = _find_problem(frame, dims, shape)
        ids = [] if problem else sorted(pd.unique(frame.ravel()).tolist())
        if not problem:
            shape = frame.shape
            problem = _find_wrong_id(ids, largest, holder)
        if problem:
            problems.add_on(index, problem)
        present.append(tuple(int(label) for label in ids if label))
    return Survey(shape, tuple(present))


def _find_problem(frame: NDArray[Any], dims: Sequence[int], shape: tuple[int, ...]) -> str | None:
    if frame.dtype.kind not in "biu":
        return f"the labels are {frame.dtype}; give whole numbers, for example labels.astype('int32')"
    if frame.ndim not in dims:
        meant = " or ".join({2: "(y, x)", 3: "(z, y, x)"}[n] for n in dims)
        return f"the labels have the shape {frame.shape}; a frame of labels is {meant} here"
    if frame.size == 0:
        return f"the labels are empty, shape {frame.shape}"
    if shape and frame.shape != shape:
        return f"the labels have the shape {frame.shape} and those before {shape}; give frames of one shape"
    return None


def _find_wrong_id(ids: Sequence[int], largest: int, holder: str) -> str | None:
    if ids[0] < 0:
        return f"a label is negative ({ids[0]}); ids start at 1 and 0 is background"
    if ids[-1] > largest:
        return (
            f"a label is {ids[-1]}, and {holder} holds ids up to {largest}; number the objects anew, for "
            "example with skimage.segmentation.relabel_sequential"
        )
    return None


@dataclass(frozen=True)
class ReadLabels:
    """Label images of a file, read a frame at a time.

    Attributes
    ----------
    shape : tuple of int
        (frames, y, x) or (frames, z, y, x).
    dtype : numpy.dtype
        Of a frame.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _read: Callable[[int], NDArray[Any]] = field(repr=False)

    @property
    def ndim(self) -> int:
        """Number of dimensions, the frames among them."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Labels of one frame; raises IndexError where there is none."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)} label images")
        return self._read(index % len(self))
