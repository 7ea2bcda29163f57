"""`napari-sam2 track`, from the words typed to the files in the folder; and everything that can be wrong."""

import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from napari_sam2.analysis.results import TABLES
from napari_sam2.cli.main import run
from napari_sam2.frames import open_frames
from napari_sam2.label_store import LabelStore
from napari_sam2.session import Session, read_prompts

HEADER = "object_id,frame,kind,y,x,y1,x1,label\n"
FILES = {
    "labels.tif",
    *(f"{name}.csv{end}" for name in TABLES["t"] for end in ("", ".json")),
    "overlay.png",
    "summary.png",
    "session.json",
    "run.json",
}


def track(*more: object) -> int:
    words = ["track", "movie.tif", "--prompts", "clicks.csv", "--out", "results", *map(str, more)]
    return run(words)


def test_every_output_is_there_and_opens(here: Path, weights: Path, capsys: pytest.CaptureFixture[str]):
    assert track("--model", weights, "--pixel-size", "0.5", "--step", "30") == 0
    out = here / "results"
    assert {path.name for path in out.iterdir()} == FILES
    assert not (here / "results.partial").exists()

    labels = tifffile.imread(out / "labels.tif")
    assert labels.shape == (6, 64, 80)
    assert set(np.unique(labels)) == {0, 1, 2}
    regions = pd.read_csv(out / "regions.csv")
    for row in regions.itertuples():
        assert (labels[row.frame] == row.object_id).sum() == row.area_px
        assert row.area == row.area_px * 0.25
    assert regions["predicted_iou"].notna().all()
    tracks = pd.read_csv(out / "tracks.csv")
    assert list(tracks["object_id"]) == [1, 2]
    assert (tracks["duration"] == (tracks["last_frame"] - tracks["first_frame"]) * 30).all()
    with Image.open(out / "overlay.png") as overlay:
        assert overlay.size[0] > 100
    about = json.loads((out / "regions.csv.json").read_text(encoding="utf-8"))
    assert about["parameters"]["model"] == "small"
    told = capsys.readouterr()
    assert "2 of 2 objects followed over 6 frames" in told.out
    assert told.err == ""


def test_a_label_image_gives_the_prompts(here: Path, weights: Path):
    painted = np.zeros((6, 64, 80), np.uint8)
    painted[1, 10:20, 10:30] = 4
    tifffile.imwrite(here / "painted.tif", painted)
    words = ["track", "movie.tif", "--prompts", "painted.tif", "--out", "results", "--model", str(weights)]
    assert run(words) == 0
    labels = tifffile.imread(here / "results" / "labels.tif")
    assert set(np.unique(labels)) <= {0, 4}
    inside = labels[1][10:20, 10:30] == 4
    assert inside.mean() > 0.9


@pytest.mark.parametrize(
    ("words", "frames"),
    [
        (["--direction", "forward"], {0, 1, 2, 3, 4, 5}),
        (["--start", "2", "--stop", "4"], {2, 3}),
    ],
)
def test_the_range_and_the_direction_are_kept(here: Path, weights: Path, words: list[str], frames: set[int]):
    assert track("--model", weights, *words) == 0
    regions = pd.read_csv(here / "results" / "regions.csv")
    assert set(regions["frame"]) == frames
    if "forward" in words:
        assert regions.loc[regions["object_id"] == 2, "frame"].min() == 2


def test_the_session_of_a_run_repeats_it(here: Path, weights: Path):
    assert track("--model", weights, "--framing", "frame", "--stop", "4") == 0
    words = [
        "track",
        "movie.tif",
        "--prompts",
        "results/session.json",
        "--out",
        "again",
        "--model",
        str(weights),
    ]
    assert run(words) == 0
    assert np.array_equal(tifffile.imread("again/labels.tif"), tifffile.imread("results/labels.tif"))
    for name in ("session.json", "regions.csv", "tracks.csv.json"):
        assert (here / "again" / name).read_text() == (here / "results" / name).read_text()


def test_a_division_that_was_marked_is_in_the_lineage(here: Path, weights: Path):
    session = Session(open_frames("movie.tif"))
    read_prompts("clicks.csv", session)
    session.mark_division(object_id=1, frame=2, daughters=(2,))
    session.save("marked.json")
    assert run(["track", "movie.tif", "--prompts", "marked.json", "--out", "r", "--model", str(weights)]) == 0
    divisions = pd.read_csv("r/divisions.csv")
    assert list(divisions["source"]) == ["marked"]
    # the small model puts both objects on all frames, so that the daughter is there before its birth
    assert "begins on frame 0" in divisions["reason"][0]
    assert len(pd.read_csv("r/lineage.csv")) == 2


def test_the_session_brings_its_channels(here: Path, weights: Path):
    two = np.random.default_rng(1).integers(0, 255, (4, 2, 64, 80), dtype=np.uint8)
    tifffile.imwrite(here / "movie.tif", two, imagej=True, metadata={"axes": "TCYX"})
    assert track("--model", weights, "--channels", "1") == 0
    words = [
        "track",
        "movie.tif",
        "--prompts",
        "results/session.json",
        "--out",
        "again",
        "--model",
        str(weights),
    ]
    assert run(words) == 0
    assert np.array_equal(tifffile.imread("again/labels.tif"), tifffile.imread("results/labels.tif"))


def test_results_are_replaced_only_when_asked(here: Path, weights: Path, capsys: pytest.CaptureFixture[str]):
    assert track("--model", weights, "--stop", "2") == 0
    assert track("--model", weights, "--stop", "3") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert track("--model", weights, "--stop", "3", "--overwrite") == 0
    assert set(pd.read_csv("results/regions.csv")["frame"]) == {0, 1, 2}


def test_after_ctrl_c_the_same_command_goes_on(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert track("--model", weights) == 0
    undisturbed = tifffile.imread("results/labels.tif")
    table = Path("results/regions.csv").read_text()

    monkeypatch.setattr("napari_sam2.run._SAVED_EVERY", 0.0)
    monkeypatch.setattr("napari_sam2.run._SHARE_OF_SAVING", 1e9)
    written: list[int] = []
    really_write = LabelStore.write

    def write(store: LabelStore, result) -> None:
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append(result.frame)
        really_write(store, result)

    monkeypatch.setattr(LabelStore, "write", write)
    assert track("--model", weights, "--overwrite") == 130
    told = capsys.readouterr().err
    assert "run the same command again" in told
    assert told.count("\n") == 1
    assert Path("results/regions.csv").read_text() == table
    assert Path("results.partial").is_dir()

    first_part = list(written)
    written.clear()
    monkeypatch.setattr(
        LabelStore, "write", lambda store, result: written.append(result.frame) or really_write(store, result)
    )
    assert track("--model", weights, "--overwrite") == 0
    assert len(first_part) == 4
    assert len(written) == 8 - 4
    assert np.array_equal(tifffile.imread("results/labels.tif"), undisturbed)
    assert Path("results/regions.csv").read_text() == table
    assert not Path("results.partial").exists()


def test_a_full_disk_is_one_sentence_and_the_work_is_kept(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "overlay.png")

    with monkeypatch.context() as patch:
        patch.setattr("napari_sam2.run.write_overlay", full)
        assert track("--model", weights) == 2
    told = capsys.readouterr().err
    assert "disk full" in told
    assert told.count("\n") == 1
    assert not Path("results").exists()
    monkeypatch.setattr(LabelStore, "write", lambda *_: pytest.fail("the masks were found again"))
    assert track("--model", weights) == 0
    assert set(np.unique(tifffile.imread("results/labels.tif"))) == {0, 1, 2}


# -- what a person can get wrong ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (HEADER + "1,0,point,64.6,40,,,1\n", "64.6"),
        (HEADER + "1,6,point,30,40,,,1\n", "frame 6"),
        (HEADER + "0,0,point,30,40,,,1\n", "object id 0"),
        (HEADER + "cell,0,point,30,40,,,1\n", "'cell'"),
        (HEADER + "1,0,circle,30,40,,,1\n", "'circle'"),
        ("", "empty"),
        (HEADER, "no prompts"),
        ("id,t,y,x\n1,0,30,40\n", "columns"),
    ],
)
def test_prompts_that_do_not_fit(here: Path, refused, rows: str, words: str):
    (here / "clicks.csv").write_text(rows)
    told = refused("track", "movie.tif", "--prompts", "clicks.csv", "--out", "results")
    assert "clicks.csv" in told
    assert words in told


def test_a_missing_image(refused):
    assert "nothere.tif" in refused("track", "nothere.tif", "--prompts", "clicks.csv", "--out", "results")


def test_missing_prompts(refused):
    assert "nothere.csv" in refused("track", "movie.tif", "--prompts", "nothere.csv", "--out", "results")


def test_a_single_image(here: Path, refused):
    tifffile.imwrite(here / "flat.tif", np.zeros((64, 80), np.uint8))
    assert "flat.tif" in refused("track", "flat.tif", "--prompts", "clicks.csv", "--out", "results")


def test_an_image_with_nan(here: Path, refused):
    image = np.ones((6, 64, 80), np.float32)
    image[1, 5, 5] = np.nan
    tifffile.imwrite(here / "nan.tif", image)
    assert "NaN" in refused("track", "nan.tif", "--prompts", "clicks.csv", "--out", "results")


def test_a_truncated_tiff(here: Path, refused):
    whole = (here / "movie.tif").read_bytes()
    (here / "cut.tif").write_bytes(whole[: len(whole) // 2])
    assert "cut.tif" in refused("track", "cut.tif", "--prompts", "clicks.csv", "--out", "results")


def test_truncated_weights(here: Path, weights: Path, refused):
    (here / "cut.safetensors").write_bytes(weights.read_bytes()[:20_000])
    words = ["track", "movie.tif", "--prompts", "clicks.csv", "--out", "results"]
    assert "cut.safetensors" in refused(*words, "--model", "cut.safetensors")


class Runs:
    """Unpickled, it would make a file."""

    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_weights_that_want_to_run_code(here: Path, refused):
    (here / "evil.pt").write_bytes(pickle.dumps(Runs()))
    words = ["track", "movie.tif", "--prompts", "clicks.csv", "--out", "results"]
    assert "evil.pt" in refused(*words, "--model", "evil.pt")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--model", "sam3"], "sam3"),
        (["--model", "nothere.pt"], "nothere.pt"),
        (["--device", "abacus"], "abacus"),
        (["--start", "4", "--stop", "4"], "stop"),
        (["--start", "99"], "99"),
        (["--channels", "7"], "7"),
        (["--pixel-size", "1", "2", "3"], "pixel_size has 3 numbers"),
        (["--pixel-size", "-1"], "-1"),
        (["--step", "0"], "step"),
        (["--index", "deep"], "--index deep"),
        (["--axes", "XY"], "XY"),
        (["--direction", "up"], "--direction"),
        (["--framing", "tight"], "--framing"),
    ],
)
def test_options_that_do_not_fit(refused, weights: Path, more: list[str], words: str):
    model = [] if "--model" in more else ["--model", weights]
    told = refused("track", "movie.tif", "--prompts", "clicks.csv", "--out", "results", *model, *more)
    assert words in told


def test_an_output_folder_that_cannot_be_made(refused, weights: Path):
    told = refused(
        "track", "movie.tif", "--prompts", "clicks.csv", "--out", "clicks.csv/out", "--model", weights
    )
    assert "clicks.csv" in told


def test_a_folder_of_something_else_is_never_replaced(here: Path, refused, weights: Path):
    (here / "thesis").mkdir()
    (here / "thesis" / "chapter.txt").write_text("years of work")
    words = [
        "track",
        "movie.tif",
        "--prompts",
        "clicks.csv",
        "--out",
        "thesis",
        "--overwrite",
        "--model",
        weights,
    ]
    assert "chapter.txt" in refused(*words)


def test_the_session_of_another_image(here: Path, refused, weights: Path, capsys: pytest.CaptureFixture[str]):
    assert track("--model", weights) == 0
    tifffile.imwrite(
        here / "movie.tif", np.zeros((6, 64, 80), np.uint16), imagej=True, metadata={"axes": "TYX"}
    )
    capsys.readouterr()
    words = ["track", "movie.tif", "--prompts", "results/session.json", "--out", "again", "--model", weights]
    assert "another image" in refused(*words)


def test_the_session_of_a_model_without_a_name(refused, weights: Path, capsys: pytest.CaptureFixture[str]):
    assert track("--model", weights) == 0
    capsys.readouterr()
    told = refused("track", "movie.tif", "--prompts", "results/session.json", "--out", "again")
    assert "'small'" in told
