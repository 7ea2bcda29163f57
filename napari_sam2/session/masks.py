"""Masks kept small: the lengths of runs of equal pixels, compared exactly."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

_LENGTH = np.dtype("<u4")


@dataclass(frozen=True)
class PackedMask:
    """A mask as run lengths.

    The pixels are read row by row; the lengths belong in turn to pixels outside and inside the mask,
    beginning outside, so only the first may be 0. A mask has exactly one such form: two packed masks
    are equal when their masks are.

    Attributes
    ----------
    shape : (int, int)
        (y, x).
    runs : bytes
        The lengths, unsigned 32-bit, little-endian.
    """

    shape: tuple[int, int]
    runs: bytes = field(repr=False)

    @classmethod
    def of(cls, mask_hw: NDArray[np.bool_]) -> Self:
        """Pack a bool array (y, x)."""
        flat = mask_hw.ravel()
        turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        lengths = np.diff(turns, prepend=0, append=flat.size)
        if flat[0]:
            lengths = np.insert(lengths, 0, 0)
        height, width = mask_hw.shape
        return cls((height, width), lengths.astype(_LENGTH).tobytes())

    @classmethod
    def from_lengths(cls, shape: tuple[int, int], lengths: Iterable[int]) -> Self:
        """Make a packed mask from the numbers that `lengths` returns.

        Raises
        ------
        ValueError
            When the numbers are not the run lengths of a mask of this shape.
        """
        height, width = shape
        numbers = list(lengths)
        if type(height) is not int or type(width) is not int:
            raise ValueError("the shape must be two whole numbers")
        if any(type(n) is not int or n < (index > 0) for index, n in enumerate(numbers)):
            raise ValueError("run lengths must be positive whole numbers")
        if sum(numbers) != height * width:
            raise ValueError(f"run lengths add up to {sum(numbers)}, not to {height} x {width} pixels")
        return cls((height, width), np.array(numbers, dtype=_LENGTH).tobytes())

    def lengths(self) -> list[int]:
        """The run lengths as numbers."""
        numbers: list[int] = np.frombuffer(self.runs, dtype=_LENGTH).tolist()
        return numbers

    def unpack(self) -> NDArray[np.bool_]:
        """The mask as a new bool array (y, x)."""
        lengths = np.frombuffer(self.runs, dtype=_LENGTH)
        return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(self.shape)

    def any(self) -> bool:
        """Whether the mask has a pixel."""
        return len(self.runs) > _LENGTH.itemsize
