"""Everything that is wrong with a file or with labels, gathered so that a person hears of all at once."""

from collections.abc import Collection, Iterable, Sequence

from napari_sam2.analysis.errors import MeasureError

_MOST = 100


class Problems:
    """A list of sentences, each said once, with the frames it is true of.

    Parameters
    ----------
    what : str
        What has the problems: a path, or "The labels".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._frames: dict[str, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._frames)

    @property
    def frames(self) -> set[int]:
        """The frames that something is wrong with."""
        return {frame for frames in self._frames.values() for frame in frames}

    def add(self, sentence: str) -> None:
        """Note a sentence, without its full stop."""
        self._frames.setdefault(sentence, [])

    def add_on(self, frame: int, sentence: str) -> None:
        """Note what is wrong on a frame, to follow "On frame 3"; the same words are said once."""
        self._frames.setdefault(sentence, []).append(frame)

    def raise_if_any(self) -> None:
        """End with what was found.

        Raises
        ------
        MeasureError
            With all sentences, each on a line of its own, unless there are none.
        """
        if not self._frames:
            return
        found = [_say(sentence, frames) for sentence, frames in self._frames.items()]
        count = f"{len(found)} problem{'s' * (len(found) > 1)}"
        if len(found) > _MOST:
            found = [*found[:_MOST], f"And {len(found) - _MOST} more."]
        raise MeasureError("\n".join([f"{self._what}: {count}.", *found]))


def _say(sentence: str, frames: Sequence[int]) -> str:
    if frames:
        sentence = f"On {in_words('frame', frames)} {sentence}"
    return f"{sentence}."


def in_words(noun: str, numbers: Collection[int]) -> str:
    """A noun, in the singular or plural, with its numbers.

    >>> in_words("frame", [3])
    'frame 3'
    """
    return f"{noun}{'s' * (len(set(numbers)) > 1)} {in_ranges(numbers)}"


def in_ranges(numbers: Iterable[int]) -> str:
    """Numbers as short text.

    >>> in_ranges([7, 0, 1, 2])
    '0-2, 7'
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
