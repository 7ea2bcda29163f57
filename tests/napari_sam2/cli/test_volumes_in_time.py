"""`napari-sam2 track --axis zt`, from the words typed to tables and labels in three dimensions."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_sam2.analysis import read_table
from napari_sam2.analysis.results import TABLES
from napari_sam2.cli.main import run

TIMES, SLICES, HEIGHT, WIDTH = 3, 4, 48, 56
CLICKS = "object_id,t,z,kind,y,x,y1,x1,label\n1,0,1,point,20,24,,,1\n2,1,2,box,10,12,30,34,\n"
FILES = {
    "labels.tif",
    *(f"{name}.csv{end}" for name in TABLES["zt"] for end in ("", ".json")),
    "overlay.png",
    "summary.png",
    "session.json",
    "run.json",
}
SIZES = ["--pixel-size", "2", "0.5", "0.5", "--step", "30"]


@pytest.fixture
def volumes(here: Path) -> Path:
    """volumes.tif and clicks3d.csv in the folder in which commands run."""
    big = np.random.default_rng(0).integers(0, 4096, (12, 14), dtype=np.uint16).repeat(8, 0).repeat(8, 1)
    images = np.stack(
        [[big[2 * t + z :, 2 * z + t :][:HEIGHT, :WIDTH] for z in range(SLICES)] for t in range(TIMES)]
    )
    tifffile.imwrite(here / "volumes.tif", images, imagej=True, metadata={"axes": "TZYX"})
    (here / "clicks3d.csv").write_text(CLICKS)
    return here


def track(weights: Path, *more: object, out: str = "results", prompts: str = "clicks3d.csv") -> int:
    words = ["track", "volumes.tif", "--axis", "zt", "--prompts", prompts, "--out", out]
    return run([*words, "--model", str(weights), *map(str, more)])


def test_every_output_is_there_and_in_three_dimensions(volumes: Path, weights: Path, capsys):
    assert track(weights, *SIZES) == 0
    assert "2 of 2 objects followed over 3 frames" in capsys.readouterr().out
    out = volumes / "results"
    assert {path.name for path in out.iterdir()} == FILES
    with tifffile.TiffFile(out / "labels.tif") as tif:
        assert tif.series[0].axes == "TZYX"
        labels = tif.asarray()
        assert 'PhysicalSizeZ="2.0"' in tif.ome_metadata and 'TimeIncrement="30.0"' in tif.ome_metadata
    assert labels.shape == (TIMES, SLICES, HEIGHT, WIDTH)
    assert set(np.unique(labels)) == {0, 1, 2}
    for row in read_table(out / "volumes.csv").itertuples():
        body = labels[row.frame] == row.object_id
        assert row.volume_px == body.sum() and row.volume == body.sum() * 0.5
        assert row.centroid_z == pytest.approx(np.nonzero(body)[0].mean() * 2)
        assert row.time == row.frame * 30
    tracks = pd.read_csv(out / "tracks.csv")
    assert list(tracks["object_id"]) == [1, 2]
    about = json.loads((out / "volumes.csv.json").read_text(encoding="utf-8"))
    assert about["parameters"]["model"] == "small"
    assert about["pixel_size"] == [2, 0.5, 0.5]


def test_the_session_replays_to_the_same_masks(volumes: Path, weights: Path):
    assert track(weights, *SIZES) == 0
    words = ["replay", "results/session.json", "--out", "again", "--model", str(weights)]
    assert run(words) == 0
    first, again = (tifffile.imread(volumes / name / "labels.tif") for name in ("results", "again"))
    assert np.array_equal(first, again)
    tables = [(volumes / name / "volumes.csv").read_bytes() for name in ("results", "again")]
    assert tables[0] == tables[1]
    assert track(weights, prompts="results/session.json", out="third") == 0
    assert np.array_equal(first, tifffile.imread(volumes / "third" / "labels.tif"))


def test_an_interrupted_run_goes_on(volumes: Path, weights: Path, monkeypatch: pytest.MonkeyPatch):
    from napari_sam2.label_store import LabelStore

    assert track(weights, out="whole") == 0
    written = []

    def cut(self: LabelStore, result: object) -> None:
        if len(written) == 2 * SLICES:
            raise KeyboardInterrupt
        written.append(result)
        write(self, result)

    write = LabelStore.write
    with monkeypatch.context() as patched:
        patched.setattr(LabelStore, "write", cut)
        assert track(weights, out="cut") == 130
    assert not (volumes / "cut").exists()
    done = int((volumes / "cut.partial" / "labels.zarr" / "volumes_done").read_text())
    assert 0 < done < TIMES
    assert track(weights, out="cut") == 0
    results = [tifffile.imread(volumes / name / "labels.tif") for name in ("whole", "cut")]
    assert np.array_equal(*results)
    assert "labels.zarr" not in os.listdir(volumes / "cut")


def test_volumes_are_chosen_by_their_numbers(volumes: Path, weights: Path):
    assert track(weights, "--start", 1, "--stop", 2) == 0
    labels = tifffile.imread(volumes / "results" / "labels.tif")
    assert labels[1].any() and not labels[0].any() and not labels[2].any()
    assert set(pd.read_csv(volumes / "results" / "volumes.csv")["frame"]) == {1}


def test_a_painted_volume_gives_the_prompts_and_is_measured(volumes: Path, weights: Path):
    painted = np.zeros((SLICES, HEIGHT, WIDTH), np.uint8)
    painted[1:3, 10:20, 10:30] = 4
    tifffile.imwrite(volumes / "painted.tif", painted, photometric="minisblack")
    assert track(weights, prompts="painted.tif") == 0
    labels = tifffile.imread(volumes / "results" / "labels.tif")
    assert np.array_equal(labels[0][1:3] == 4, painted[1:3] == 4)
    words = ["measure", "volumes.tif", "results/labels.tif", "--axis", "zt", "--out", "tables"]
    assert run(words) == 0
    tables = [pd.read_csv(volumes / name / "volumes.csv") for name in ("results", "tables")]
    pd.testing.assert_frame_equal(*tables)


def test_results_go_to_other_tools(volumes: Path, weights: Path, refused, capsys):
    assert track(weights, *SIZES) == 0
    labels = tifffile.imread(volumes / "results" / "labels.tif")
    assert run(["export", "results", "--format", "ome-tiff", "--out", "o.ome.tif"]) == 0
    assert np.array_equal(tifffile.imread(volumes / "o.ome.tif"), labels)
    assert run(["export", "results/labels.tif", "--axis", "zt", "--format", "ctc", "--out", "01_RES"]) == 0
    assert np.array_equal(tifffile.imread(volumes / "01_RES" / "mask002.tif"), labels[2])
    assert run(["export", "results", "--format", "trackmate", "--out", "t.xml"]) == 0
    assert 'POSITION_Z="' in (volumes / "t.xml").read_text(encoding="utf-8")
    capsys.readouterr()
    told = refused("export", "results", "--format", "mp4", "--out", "m.mp4", "--image", "volumes.tif")
    assert "only the masks and tables are exported" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["movie.tif", "--prompts", "clicks.csv", "--axis", "zt"],
            "volumes in time need both time points (T)",
        ),
        (["volumes.tif", "--prompts", "clicks3d.csv"], "or both with axis zt"),
        (["volumes.tif", "--prompts", "clicks.csv", "--axis", "zt"], "it lacks columns 't', 'z'"),
        (
            ["volumes.tif", "--prompts", "clicks3d.csv", "--axis", "zt", "--start", "3"],
            "start 3 does not exist",
        ),
        (
            "volumes.tif --prompts clicks3d.csv --axis t --index z=1 --pixel-size 1 2 3".split(),
            "only with axis zt",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(volumes: Path, refused, words: list[str], sentence: str):
    assert sentence in refused("track", *words, "--out", "results")
