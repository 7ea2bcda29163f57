"""Everything known about the order of an image's dimensions.

Letters are those of microscopy: T time, Z depth, C channel, Y, X, S the samples of a colour; Q is a
dimension that nobody has named, `_` one of length 1 that does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError

MAX_CHANNELS = 6
"""An unnamed dimension before Y, X and no longer than this is taken for channels."""

_SPOKEN = {"T": "time points", "Z": "slices", "C": "channels"}


@dataclass(frozen=True)
class Axes:
    """Where the frames, channels, rows and columns are in an array.

    Attributes
    ----------
    shape : tuple of int
        The array's own.
    letters : str
        One for each dimension.
    along : int
        Dimension that the frames follow one another along.
    axis : str
        "t" or "z": what that dimension means; "zt" where volumes follow in time.
    y, x : int
        Dimensions of the rows and the columns.
    channel : int or None
        Dimension of the channels or of the colour's samples.
    is_rgb : bool
        The channels are red, green, blue (and perhaps an alpha, which is not read).
    fixed : tuple of int
        The index taken of every other dimension (0 elsewhere).
    across : int or None
        Dimension of the slices where volumes follow in time: the frames are then their slices, those of
        the first volume first.
    """

    shape: tuple[int, ...]
    letters: str
    along: int
    axis: str
    y: int
    x: int
    channel: int | None
    is_rgb: bool
    fixed: tuple[int, ...]
    across: int | None = None

    @property
    def n_frames(self) -> int:
        """Length of the propagation axis."""
        return self.shape[self.along] * self.n_slices

    @property
    def n_slices(self) -> int:
        """Slices of a volume, where volumes follow in time; else 1."""
        return 1 if self.across is None else self.shape[self.across]

    @property
    def n_channels(self) -> int:
        """Channels of a frame: 3 for colours."""
        if self.is_rgb:
            return 3
        return 1 if self.channel is None else self.shape[self.channel]

    def key(self, frame: int, channels: slice) -> tuple[int | slice, ...]:
        """Index into the array that reads the given channels of one frame."""
        key: list[int | slice] = list(self.fixed)
        if self.across is None:
            key[self.along] = frame
        else:
            key[self.along], key[self.across] = divmod(frame, self.n_slices)
        key[self.y] = key[self.x] = slice(None)
        if self.channel is not None:
            key[self.channel] = channels
        return tuple(key)

    def single(self, axis: str, at: int) -> "Axes":
        """The axes of one slice through time ("t"), or of one volume ("z"), of volumes in time."""
        assert self.across is not None
        along, other = (self.along, self.across) if axis == "t" else (self.across, self.along)
        fixed = tuple(at if position == other else index for position, index in enumerate(self.fixed))
        return replace(self, axis=axis, along=along, fixed=fixed, across=None)

    def arrange(self, read: NDArray[Any]) -> NDArray[Any]:
        """Bring what `key` reads into the order (y, x, channel)."""
        if self.channel is None:
            read, order = read[..., None], (*sorted((self.y, self.x)), len(self.shape))
            return read.transpose(order.index(self.y), order.index(self.x), 2)
        order = tuple(sorted((self.y, self.x, self.channel)))
        return read.transpose(order.index(self.y), order.index(self.x), order.index(self.channel))


def bare_letters(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Letters for an array that comes without any: the last dimensions are Y, X or Y, X, colour.

    A last dimension of 3 or 4 is colour in 8-bit images and channels in others.
    """
    if len(shape) >= 3 and shape[-1] in (3, 4) and (dtype == np.uint8 or len(shape) > 3):
        return "Q" * (len(shape) - 3) + "YX" + ("S" if dtype == np.uint8 else "C")
    return "Q" * (len(shape) - 2) + "YX"[max(0, 2 - len(shape)) :]


def given_letters(axes: str, shape: tuple[int, ...], where: str) -> str:
    """Check the order of axes that a person gives.

    Raises
    ------
    InputError
        It does not fit the array, or lacks Y or X.
    """
    letters = axes.strip().upper()
    if len(letters) != len(shape):
        raise InputError(
            f"axes '{axes}' names {len(letters)} dimensions but {where} has {len(shape)} of sizes {shape}; "
            "give one letter for each, such as TZCYX"
        )
    if not letters.isalpha() or len(set(letters)) != len(letters) or not {"Y", "X"} <= set(letters):
        raise InputError(
            f"axes '{axes}' cannot be used for {where}: "
            "give each dimension its own letter (T, Z, C, Y, X, or S for colours), Y and X among them"
        )
    return letters


def resolve_axes(
    letters: str,
    shape: tuple[int, ...],
    where: str,
    axis: str | None = None,
    index: Mapping[str, int] | None = None,
) -> Axes:
    """Decide which dimension the frames run along, and what is taken of every other one.

    Parameters
    ----------
    letters : str
        One for each dimension of the array.
    shape : tuple of int
        The array's own.
    where : str
        What the image is called in an error.
    axis : "t", "z", "zt" or None
        The axis to go along; both for volumes in time; None where the image leaves no choice.
    index : mapping from letter to int, optional
        The position to take of an axis that is neither gone along nor shown.

    Raises
    ------
    InputError
        The image is 2-D, empty, has no such axis, or leaves a choice open.
    """
    if 0 in shape:
        raise InputError(f"{where} is empty: its shape is {shape}; give an image that has pixels")
    axis = axis and str(axis).lower()
    if axis not in (None, "t", "z", "zt"):
        raise InputError(
            f"axis '{axis}' is not known; give t for time, z for depth, or zt for volumes in time"
        )
    if axis == "zt":
        letters = _name_volumes(letters)
    letters = _name_unknown(letters, shape, where)
    size = dict(zip(letters, shape, strict=True))
    if not {"Y", "X"} <= set(size):
        raise InputError(
            f"{where} has the axes '{letters}', and a stack of images needs Y, X and one to go along; "
            "give an image with at least 3 dimensions, or name them with axes, such as TYX"
        )

    is_rgb = size.get("S") in (3, 4)
    colour = "S" if is_rgb or (size.get("C", 1) == 1 and size.get("S", 1) > 1) else "C"
    others = {
        letter: n
        for letter, n in size.items()
        if letter not in ("Y", "X", "_", colour) and not (letter in "CS" and n == 1)
    }
    if colour == "C" and size.get("C", 1) > MAX_CHANNELS and all(n == 1 for n in others.values()):
        # Stacks saved without naming their dimension end up as one with hundreds of channels.
        others = {"C": size["C"], **others}
    walked = _both(others, size, where) if axis == "zt" else (_along(others, size, where, axis),)
    channel = letters.index(colour) if colour in size and colour not in walked else None
    return Axes(
        shape=tuple(shape),
        letters=letters,
        along=letters.index(walked[0]),
        axis=axis or ("z" if walked == ("Z",) else "t"),
        y=letters.index("Y"),
        x=letters.index("X"),
        channel=channel,
        is_rgb=is_rgb,
        fixed=_fixed(letters, others, walked, index or {}, where),
        across=letters.index("Z") if axis == "zt" else None,
    )


def _name_volumes(letters: str) -> str:
    """Name the first unnamed dimensions of volumes in time what is missing of T and Z."""
    for letter in "TZ":
        if letter not in letters:
            letters = letters.replace("Q", letter, 1)
    return letters


def _name_unknown(letters: str, shape: tuple[int, ...], where: str) -> str:
    """Leave one Q, the stack's own axis; name the other unnamed dimensions channel or unimportant."""
    named = list(letters)
    unknown = [position for position, letter in enumerate(named) if letter == "Q"]
    has_channels = "C" in named or "S" in named

    def may_be_channels(position: int) -> bool:
        return not has_channels and shape[position] <= MAX_CHANNELS

    while len(unknown) > 2 and shape[unknown[0]] == 1:
        named[unknown.pop(0)] = "_"
    if len(unknown) == 2 and may_be_channels(unknown[1]):
        named[unknown.pop()] = "C"
    if len(unknown) == 2 and shape[unknown[0]] == 1:
        named[unknown.pop(0)] = "_"
    while len(unknown) > 1 and shape[unknown[-1]] == 1:
        named[unknown.pop()] = "_"
    if len(unknown) > 1:
        raise InputError(
            f"{where} has {len(shape)} dimensions of sizes {shape} and nothing says what they are; "
            "name them with axes, such as TZCYX"
        )
    return "".join(named)


def _both(others: dict[str, int], size: dict[str, int], where: str) -> tuple[str, str]:
    """T and Z, which volumes in time must have."""
    if {"T", "Z"} <= set(others):
        return "T", "Z"
    has = _listed(list(others), others) if others else f"one image of {size['Y']} x {size['X']} pixels"
    raise InputError(
        f"{where} has {has}, and volumes in time need both time points (T) and slices (Z); "
        "give axis t or z, or name the dimensions with axes, such as TZYX"
    )


def _along(others: dict[str, int], size: dict[str, int], where: str, axis: str | None) -> str:
    """The letter of the dimension to go along."""
    if axis is not None:
        if axis.upper() in others:
            return axis.upper()
        unnamed = [letter for letter in ("Q", "C") if letter in others]
        if unnamed:
            return unnamed[0]
    long = [letter for letter, n in others.items() if n > 1]
    if axis is None and len(long) == 1:
        return long[0]
    if axis is None and long:
        raise InputError(f"{where} has {_listed(long, others)}; {_how_to_choose(long, others)}")
    if axis is None and others:
        return next((letter for letter in ("T", "Z", "Q") if letter in others), next(iter(others)))
    if axis is not None and long:
        raise InputError(
            f"{where} has no axis {axis.upper()} but {_listed(long, others)}; "
            f"leave the axis out, or name the dimensions with axes"
        )
    n_channels = size.get("C", 1)
    channels = f" with {n_channels} channels" if n_channels > 1 else ""
    mend = ", or say with axes, such as TYX, that the channels are frames" if n_channels > 1 else ""
    raise InputError(
        f"{where} is one 2-D image of {size['Y']} x {size['X']} pixels{channels}, and following an object "
        f"needs a stack; give a time-lapse (T) or a z-stack (Z){mend}"
    )


def _fixed(
    letters: str, others: dict[str, int], walked: tuple[str, ...], index: Mapping[str, int], where: str
) -> tuple[int, ...]:
    """The index of each dimension that is neither gone along nor shown."""
    taken = {str(letter).upper(): position for letter, position in index.items()}
    rest = {letter: n for letter, n in others.items() if letter not in walked}
    for letter, position in taken.items():
        if letter not in rest:
            has = f"which has {_listed(list(rest), rest)}" if rest else "which leaves no axis to choose"
            raise InputError(f"index names the axis {letter} of {where}, {has}; leave it out")
        if not 0 <= position < rest[letter]:
            raise InputError(
                f"index {letter.lower()}={position} is outside {where}, whose {letter} runs from 0 to "
                f"{rest[letter] - 1}; give one of these"
            )
    for letter, n in rest.items():
        if n > 1 and letter not in taken:
            raise InputError(
                f"{where} has {_listed([letter], rest)} besides the axis {' and '.join(walked)} to go along; "
                f"choose one with index, such as {letter.lower()}=0 (0 to {n - 1})"
            )
    return tuple(int(taken.get(letter, 0)) for letter in letters)


def _listed(letters: list[str], size: dict[str, int]) -> str:
    return " and ".join(f"{size[letter]} {_SPOKEN.get(letter, 'positions')} ({letter})" for letter in letters)


def _how_to_choose(long: list[str], size: dict[str, int]) -> str:
    walked = next((letter for letter in ("T", "Z") if letter in long), None)
    if walked is None:
        return "name the dimensions with axes, such as TZYX, and choose one to go along"
    index = ", ".join(f"{letter.lower()}={size[letter] // 2}" for letter in long if letter != walked)
    both = ", or both with axis zt" if {"T", "Z"} == set(long) else ""
    return (
        f"choose one to go along and an index of the rest, such as axis {walked.lower()}, index {index}{both}"
    )
