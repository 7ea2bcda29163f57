"""`napari-sam2 track --prompts auto`, from the words typed to the folder."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.cli.main import run


@pytest.fixture
def discs(here: Path) -> Path:
    """A movie of two discs."""
    rows, columns = np.mgrid[:64, :80]
    movie = np.full((3, 64, 80), 100.0)
    for t in range(3):
        movie[t][np.hypot(rows - 20 - t, columns - 20) < 9] = 200
        movie[t][np.hypot(rows - 42, columns - 55 - t) < 9] = 200
    movie += np.random.default_rng(0).normal(0, 4, movie.shape)
    tifffile.imwrite(here / "discs.tif", movie.astype(np.uint16), imagej=True, metadata={"axes": "TYX"})
    return here


def test_objects_are_found_and_followed(discs: Path, weights: Path, capsys: pytest.CaptureFixture[str]):
    words = ["track", "discs.tif", "--prompts", "auto", "--out", "results", "--model", str(weights)]
    assert run(words) == 0
    assert "of 2 objects followed over 3 frames" in capsys.readouterr().out
    labels = tifffile.imread(discs / "results" / "labels.tif")
    assert labels[0][20, 20] != labels[0][42, 55]
    saved = json.loads((discs / "results" / "session.json").read_text(encoding="utf-8"))
    assert saved["parameters"]["seeding"] == "threshold"

    again = ["track", "discs.tif", "--prompts", "results/session.json", "--out", "again"]
    assert run([*again, "--model", str(weights)]) == 0
    assert (tifffile.imread(discs / "again" / "labels.tif") == labels).all()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--prompts", "auto:all"], "there is no seeding rule 'all'; choose auto, auto:threshold"),
        (["--prompts", "auto", "--limit", "1"], "more than the limit of 1"),
        (["--prompts", "auto", "--seed-frames", "9"], "frame 9 cannot be seeded; choose from 0 to 2"),
        (["--prompts", "clicks.csv", "--diameter", "9"], "--diameter belongs to --prompts auto"),
    ],
)
def test_mistakes_end_with_one_sentence(
    discs: Path, capsys: pytest.CaptureFixture[str], more: list[str], sentence: str
):
    assert run(["track", "discs.tif", "--out", "results", *more]) == 2
    told = capsys.readouterr().err.strip()
    assert sentence in told
    assert "\n" not in told
    assert not (discs / "results").exists()


def test_the_help_knows_the_most_seeds():
    from napari_sam2.cli.seeding import Seeding
    from napari_sam2.seeding import MOST_SEEDS

    (said,) = Seeding.__annotations__["limit"].__metadata__
    assert f"; {MOST_SEEDS} when not given" in said.help
