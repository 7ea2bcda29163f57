"""Every mistake of a person has one sentence; every fault of the program keeps its traceback."""

import errno

import pytest

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.cli.mistakes import sentence
from napari_sam2.errors import InputError
from napari_sam2.models.errors import ModelError


@pytest.mark.parametrize("kind", [InputError, ModelError, MeasureError])
def test_our_own_mistakes_are_told_as_they_are(kind: type[Exception]):
    assert (
        sentence(kind("prompts.csv, row 3: no frame 99."), "napari-sam2")
        == "prompts.csv, row 3: no frame 99."
    )


def test_a_sentence_is_one_line_even_when_a_library_wrote_several():
    assert sentence(InputError("first\n  second"), "napari-sam2") == "first second"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space is left"),
        (errno.EDQUOT, "No space is left"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOENT, "There is no 'out/a.tif'"),
    ],
)
def test_what_the_system_refuses_is_said_with_the_file(number: int, words: str):
    told = sentence(OSError(number, "as the system says it", "out/a.tif"), "napari-sam2")
    assert words in told
    assert "'out/a.tif'" in told


def test_an_unforeseen_refusal_says_what_the_system_said():
    told = sentence(OSError(errno.EIO, "Input/output error", "disk.tif"), "napari-sam2")
    assert told == "The system refuses 'disk.tif': Input/output error."


def test_a_refusal_that_names_no_file_is_still_a_sentence():
    assert "what is being written or read" in sentence(OSError(errno.ENOSPC, "full"), "napari-sam2")


@pytest.mark.parametrize(
    "fault", [KeyError("x"), ValueError("a bug"), RuntimeError("a bug"), OSError("no errno")]
)
def test_a_fault_of_the_program_is_not_a_mistake(fault: Exception):
    assert sentence(fault, "napari-sam2") is None
