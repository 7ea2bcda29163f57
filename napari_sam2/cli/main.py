"""The command line `napari-sam2`: what each command is, and how a run of it ends."""

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError

from napari_sam2 import __version__
from napari_sam2.cli.batch import batch
from napari_sam2.cli.demo import demo
from napari_sam2.cli.export import export
from napari_sam2.cli.info import info
from napari_sam2.cli.measure import measure
from napari_sam2.cli.mistakes import sentence
from napari_sam2.cli.models import models
from napari_sam2.cli.replay import replay
from napari_sam2.cli.score import score
from napari_sam2.cli.summary import summary
from napari_sam2.cli.track import track
from napari_sam2.cli.train import train
from napari_sam2.errors import ImageWarning

GOOD, MISTAKE, STOPPED = 0, 2, 130
"""Exit statuses: done; something a person can mend; stopped with Ctrl-C."""

app = App(
    name="napari-sam2",
    version=__version__,
    # Told by `run`, with what to do next.
    suppress_keyboard_interrupt=False,
    # Plain text keeps the line breaks of the examples.
    help_format="plaintext",
    help="""Click an object once; follow it through time or depth; get the table.

Start here:

    napari-sam2 demo
    napari-sam2 track movie.tif --prompts prompts.csv --out results

Each command tells more with --help. The exit status is 0 when all went well,
2 with one sentence on what to mend, and 130 after Ctrl-C.""",
)
for command in (info, track, replay, batch, measure, export, score, summary, models, train, demo):
    app.command(command)


def main() -> int:
    """Entry point of the installed script: runs `sys.argv` and returns the exit status."""
    # A person's mistake is told in one sentence, so no library may add lines of its own to it.
    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ImageWarning)
        warnings.showwarning = _warn
    return run(sys.argv[1:])


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status; mistakes are told on stderr."""
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except KeyboardInterrupt:
        _tell("Stopped; run the same command again to go on.")
        return STOPPED
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    except Exception as error:
        words = sentence(error, _called(error))
        if words is None:
            raise
        _tell(words)
        return MISTAKE
    return GOOD


def _called(error: Exception) -> str:
    chain = error.command_chain if isinstance(error, CycloptsError) else None
    return " ".join(["napari-sam2", *(chain or [])])


def _warn(message: Warning | str, *details: Any, **more: Any) -> None:
    _tell(" ".join(str(message).split()))


def _tell(words: str) -> None:
    print(f"napari-sam2: {words}", file=sys.stderr)
