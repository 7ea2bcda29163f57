"""How the viewer says what went wrong: one sentence, in a notification."""

from collections.abc import Iterator
from contextlib import contextmanager

from napari.utils.notifications import show_error

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.errors import InputError
from napari_sam2.models.errors import ModelError

MISTAKES = (InputError, MeasureError, ModelError, MemoryError)
"""What a person can mend. Anything else is a fault of the program and keeps its traceback."""


def tell(error: Exception) -> None:
    """Show a mistake as one sentence; raise what is a fault of the program.

    napari shows a fault too, with its traceback behind a button.
    """
    if not isinstance(error, MISTAKES):
        raise error
    show_error(sentence_of(error))


def sentence_of(error: Exception) -> str:
    """What a mistake says, as one sentence."""
    if isinstance(error, MemoryError):
        return "The memory of this machine is full; close other images or programs and try again."
    sentence = " ".join(str(error).split()).rstrip(".") + "."
    # A name that it begins with, of a model or a file, is left as it is written.
    return sentence[:1].upper() + sentence[1:] if sentence.partition(" ")[0].isalpha() else sentence


@contextmanager
def telling() -> Iterator[None]:
    """Tell of a mistake in the block, and go on after it."""
    try:
        yield
    except MISTAKES as error:
        tell(error)
