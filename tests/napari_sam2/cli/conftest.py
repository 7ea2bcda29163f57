"""A small movie, clicks on it, and a small model with random weights: enough to run every command."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

FRAMES, HEIGHT, WIDTH = 6, 64, 80

CLICKS = """object_id,frame,kind,y,x,y1,x1,label
1,0,point,30,40,,,1
2,2,box,10,12,30,34,
"""


@pytest.fixture(scope="session")
def weights(random_weights: Callable[[int, str], Path]) -> Path:
    """A very small network that finds something everywhere."""
    return random_weights(128, "small")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands run, with movie.tif and clicks.csv in it."""
    big = np.random.default_rng(0).integers(0, 4096, (16, 20), dtype=np.uint16).repeat(8, 0).repeat(8, 1)
    movie = np.stack([big[3 * i : 3 * i + HEIGHT, 2 * i : 2 * i + WIDTH] for i in range(FRAMES)])
    tifffile.imwrite(tmp_path / "movie.tif", movie, imagej=True, metadata={"axes": "TYX"})
    (tmp_path / "clicks.csv").write_text(CLICKS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with status 2, one sentence and not a file written; the sentence."""
    from napari_sam2.cli.main import run

    def contents() -> set[Path]:
        return set(here.rglob("*"))

    def refused(*arguments: object) -> str:
        before = contents()
        assert run([str(argument) for argument in arguments]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("napari-sam2: ")
        assert told.err.count("\n") == 1
        assert contents() == before
        return told.err

    return refused
