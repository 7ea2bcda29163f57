"""What the dimensions of an image layer are, and which of them objects can be followed along."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_sam2.frames.axes import MAX_CHANNELS
from napari_sam2.frames.units import physical_unit

if TYPE_CHECKING:
    from napari.layers import Image, Labels

_LETTER_OF_NAME = {
    "t": "T", "time": "T", "frame": "T", "frames": "T", "timepoint": "T",
    "z": "Z", "depth": "Z", "slice": "Z", "slices": "Z", "plane": "Z",
    "c": "C", "ch": "C", "channel": "C", "channels": "C",
    "y": "Y", "row": "Y", "rows": "Y",
    "x": "X", "column": "X", "columns": "X",
}  # fmt: skip
_TIME_UNITS = frozenset({"s", "ms", "µs", "min", "h", "d"})
_SPARE_LETTERS = "ABDEFGHIJKLM"
_MEANING = {"t": "time", "z": "depth"}


@dataclass(frozen=True)
class AxisChoice:
    """One way to walk through a layer.

    Attributes
    ----------
    along : int or None
        Dimension of the layer's data that the frames follow one another along; None for a single image.
    axis : "t" or "z"
        What that dimension means.
    text : str
        What a person reads.
    """

    along: int | None
    axis: str
    text: str


def dimension_letters(layer: "Image | Labels") -> str:
    """A letter for each dimension of a layer's data, the samples of a colour left out.

    Names of the axes decide, then their units, then the order and the sizes; "Q" is a dimension of which
    nothing is known.
    """
    shape = data_shape(layer)
    letters = [_LETTER_OF_NAME.get(name.strip().lower(), "Q") for name in layer.axis_labels]
    letters = [letter if letters.count(letter) == 1 else "Q" for letter in letters]
    free = [dim for dim, letter in enumerate(letters) if letter == "Q"]
    for letter in "XY":
        if letter not in letters and free:
            letters[free.pop()] = letter
    for dim, unit in zip(range(len(shape)), units_of(layer), strict=True):
        if dim in free and unit in _TIME_UNITS and "T" not in letters:
            letters[dim] = "T"
            free.remove(dim)
    if len(free) == 2 and shape[free[1]] <= MAX_CHANNELS and not {"C", "Z"} & set(letters):
        letters[free.pop()] = "C"
    if len(free) >= 2 and "T" not in letters:
        letters[free.pop(0)] = "T"
    if len(free) == 1 and "T" in letters and "Z" not in letters:
        letters[free[0]] = "Z"
    return "".join(letters)


def axis_choices(layer: "Image") -> list[AxisChoice]:
    """All ways to walk through a layer, the most likely first; never empty."""
    letters, shape = dimension_letters(layer), data_shape(layer)
    guessed: list[AxisChoice] = []
    others: list[AxisChoice] = []
    for dim, (letter, size) in enumerate(zip(letters, shape, strict=True)):
        if size < 2 or letter in "C":
            continue
        name = layer.axis_labels[dim]
        if letter in "TZ":
            meaning = _MEANING[letter.lower()]
            guessed.append(AxisChoice(dim, letter.lower(), f"{meaning} · {size} {_units(letter)}"))
        elif letter == "Q":
            likely = _likely_meaning(layer, dim)
            for axis in (likely, "z" if likely == "t" else "t"):
                unnamed = f"{_MEANING[axis]} · {size} {_units(axis.upper())}"
                (guessed if axis == likely else others).append(AxisChoice(dim, axis, unnamed))
        elif len(shape) > 2:
            named = name if letter.lower() == name.lower() else letter.lower()
            others.append(AxisChoice(dim, "z", f"across {named} · {size} planes"))
    guessed.sort(key=lambda choice: choice.axis)
    walks = guessed + others
    if not guessed:
        walks.insert(0, AxisChoice(None, "t", "this image only"))
    return walks


def plane_of(layer: "Image", along: int | None) -> tuple[int, int]:
    """The dimensions that are the rows and the columns of a frame."""
    letters = dimension_letters(layer)
    left = [dim for dim in range(len(letters)) if dim != along and letters[dim] != "C"]
    named = tuple(letters.index(letter) for letter in "YX" if letters.index(letter) in left)
    y, x = named if len(named) == 2 else left[-2:]
    return y, x


def array_letters(layer: "Image", choice: AxisChoice) -> str:
    """Letters for `open_frames`: rows and columns, the axis to go along, channels, and fixed ones."""
    letters = dimension_letters(layer)
    y, x = plane_of(layer, choice.along)
    spare = iter(_SPARE_LETTERS)
    named = []
    for dim, letter in enumerate(letters):
        if dim in (y, x):
            named.append("Y" if dim == y else "X")
        elif dim == choice.along:
            named.append(choice.axis.upper())
        else:
            named.append("C" if letter == "C" else next(spare))
    return "".join(named) + ("S" if getattr(layer, "rgb", False) else "")


def data_of(layer: "Image | Labels") -> Any:
    """The layer's array in full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def data_shape(layer: "Image | Labels") -> tuple[int, ...]:
    """Its shape, the samples of a colour left out."""
    shape = tuple(int(size) for size in data_of(layer).shape)
    return shape[: layer.ndim]


def units_of(layer: "Image | Labels") -> Sequence[str | None]:
    """The physical unit of each dimension, or None."""
    return [physical_unit(f"{unit}") for unit in layer.units]


def _likely_meaning(layer: "Image", dim: int) -> str:
    """Time or depth, for a dimension without a name."""
    is_length = units_of(layer)[dim] is not None
    return "z" if is_length and not layer.rgb else "t"


def _units(letter: str) -> str:
    return "frames" if letter == "T" else "slices"
