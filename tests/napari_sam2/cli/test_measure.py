"""`napari-sam2 measure`: label images in, tables out, without a model."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_sam2.analysis.results import TABLES
from napari_sam2.cli.main import run

FILES = {
    axis: {"summary.png", "run.json", *(f"{name}.csv{end}" for name in names for end in ("", ".json"))}
    for axis, names in TABLES.items()
}
WORDS = ["measure", "movie.tif", "labels.tif", "--out", "tables"]


@pytest.fixture
def labels(here: Path) -> np.ndarray:
    """A square of 8 x 10 pixels that moves two columns a frame and is away on frame 3; in labels.tif."""
    labels = np.zeros((6, 64, 80), np.uint16)
    for frame in (0, 1, 2, 4, 5):
        labels[frame, 20:28, 10 + 2 * frame : 20 + 2 * frame] = 7
    tifffile.imwrite(here / "labels.tif", labels)
    return labels


def test_the_tables_hold_what_was_drawn(here: Path, labels: np.ndarray, capsys: pytest.CaptureFixture[str]):
    assert run([*WORDS, "--pixel-size", "0.5", "--step", "10"]) == 0
    movie = tifffile.imread("movie.tif")
    regions = pd.read_csv("tables/regions.csv")
    assert list(regions["frame"]) == [0, 1, 2, 4, 5]
    assert set(regions["object_id"]) == {7}
    assert (regions["area"] == 8 * 10 * 0.25).all()
    means = [movie[frame][labels[frame] == 7].mean() for frame in regions["frame"]]
    assert regions["intensity_mean_ch0"].to_numpy() == pytest.approx(means)
    assert regions["predicted_iou"].isna().all()
    (track,) = pd.read_csv("tables/tracks.csv").itertuples()
    assert (track.first_frame, track.last_frame, track.gaps) == (0, 5, 1)
    assert track.path_length == pytest.approx(2 * 5 * 0.5)
    assert track.mean_speed == pytest.approx(2 * 5 * 0.5 / (5 * 10))
    told = capsys.readouterr().out
    assert "1 objects measured on 5 frames" in told
    assert "Missing between its first and last frame: object 7 (frame 3)." in told
    assert names_in("tables") == {*FILES["t"]}


def names_in(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def test_slices_have_volumes_and_no_events(here: Path, labels: np.ndarray):
    assert run([*WORDS, "--axes", "ZYX", "--axis", "z", "--pixel-size", "0.5", "--step", "3"]) == 0
    assert names_in("tables") == {*FILES["z"]}
    (body,) = pd.read_csv("tables/volumes.csv").itertuples()
    assert body.volume == pytest.approx(5 * 8 * 10 * 0.25 * 3)
    assert (body.bbox_z0, body.bbox_z1, body.parts) == (0, 6, 2)


def test_several_processes_measure_the_same(here: Path, labels: np.ndarray):
    assert run(WORDS) == 0
    assert run([*WORDS[:-1], "again", "--workers", "2"]) == 0
    for name in FILES["t"] - {"summary.png", "run.json"}:
        assert Path("tables", name).read_bytes() == Path("again", name).read_bytes()


def test_a_pixel_can_be_higher_than_wide(here: Path, labels: np.ndarray):
    assert run([*WORDS, "--pixel-size", "2", "0.5"]) == 0
    assert (pd.read_csv("tables/regions.csv")["area"] == 8 * 10).all()


def test_measuring_loads_no_torch(here: Path, labels: np.ndarray):
    code = (
        "import sys; from napari_sam2.cli.main import run; "
        f"assert run({WORDS!r}) == 0; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.ones((5, 64, 80), np.uint8), ["5 label images", "6 frames"]),
        (np.ones((6, 64, 70), np.uint8), ["(64, 70)", "(64, 80"]),
        (np.ones((6, 64, 80), np.float32), ["float32"]),
        (np.ones((6, 64, 80, 3), np.uint8), ["3 channels", "labels.tif"]),
    ],
)
def test_labels_that_do_not_fit(here: Path, refused, wrong: np.ndarray, words: list[str]):
    photometric = "rgb" if wrong.ndim == 4 else "minisblack"
    tifffile.imwrite(here / "labels.tif", wrong, photometric=photometric)
    told = refused(*WORDS)
    for word in words:
        assert word in told


def test_missing_labels(refused):
    assert "labels.tif" in refused(*WORDS)


def test_the_image_is_never_overwritten(here: Path, refused, labels: np.ndarray):
    assert "movie.tif" in refused("measure", "movie.tif", "labels.tif", "--out", "movie.tif", "--overwrite")
