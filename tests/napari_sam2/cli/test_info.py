"""`napari-sam2 info`: what was understood, and how to put it right."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.cli.main import app, run
from napari_sam2.frames import open_frames


def told_by(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, str]:
    """What `info` prints, by name."""
    assert run(["info", *map(str, words)]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == str(words[0])
    return {line[2:16].strip(): line[16:] for line in lines}


def test_what_is_understood_of_a_stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    stack = np.random.default_rng(0).integers(0, 4096, (5, 2, 20, 30)).astype(np.uint16)
    metadata = {"axes": "TCYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.2, "TimeIncrement": 3.0}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, metadata=metadata | {"Channel": {"Name": ["DAPI", "GFP"]}})
    low, high = open_frames(path).contrast.low, open_frames(path).contrast.high
    assert told_by(capsys, path, "--channels", "GFP") == {
        "kind": "OME-TIFF",
        "axes": "TCYX, 5 x 2 x 20 x 30",
        "frames": "5 time points (t) of 20 x 30 pixels",
        "type": "uint16",
        "channels": "DAPI, GFP",
        "shown": "GFP",
        "pixel size": "0.2 x 0.1 µm",
        "step": "3 s",
        "contrast": f"{low[0]:.6g} to {high[0]:.6g}, {low[1]:.6g} to {high[1]:.6g}",
    }


def test_what_is_wrong_is_put_right_by_the_options_of_track(here: Path, capsys: pytest.CaptureFixture[str]):
    told = told_by(capsys, "movie.tif", "--axes", "ZYX", "--pixel-size", "0.5", "0.4", "--step", "2")
    assert told["frames"] == "6 slices (z) of 64 x 80 pixels"
    assert (told["pixel size"], told["step"]) == ("0.5 x 0.4 µm", "2 µm")
    assert told_by(capsys, "movie.tif")["pixel size"] == "unknown"
    shared = {argument.name for argument in app["track"].assemble_argument_collection()}
    own = {argument.name for argument in app["info"].assemble_argument_collection()}
    assert own - shared == {"--fingerprint"}


def test_the_fingerprint_is_that_of_the_session(here: Path, capsys: pytest.CaptureFixture[str]):
    told = told_by(capsys, "movie.tif", "--fingerprint")
    assert told["fingerprint"] == open_frames("movie.tif").fingerprint()


def test_series_are_listed_and_chosen(tmp_path: Path, write_series, capsys: pytest.CaptureFixture[str]):
    write_series(tmp_path / "scan" / "a", range(3), SeriesInstanceUID="1.2.3", SeriesNumber=7)
    write_series(tmp_path / "scan" / "b", [0, 1, 2, 9], SeriesInstanceUID="1.2.9", SeriesNumber=12)
    assert run(["info", str(tmp_path / "scan")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'scan'} holds 2 images; choose one with --series:",
        "  7       CT, 3 images of 12 x 10",
        "  12      CT, 4 images of 12 x 10",
    ]
    told = told_by(capsys, tmp_path / "scan", "--series", 12)
    assert told["kind"] == "DICOM series 12 (CT, 4 images of 12 x 10)"
    assert "has a gap, as if 6 slices are missing" in told["remark"]


def test_the_program_tells_what_to_know_before_trusting_an_image(tmp_path: Path, write_series):
    write_series(tmp_path / "scan", [0, 1, 2, 9])
    tifffile.imwrite(tmp_path / "labels.tif", np.ones((4, 12, 10), np.uint16), photometric="minisblack")
    words = ["measure", "scan", "labels.tif", "--axis", "z", "--out", "tables"]
    program = "from napari_sam2.cli.main import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("napari-sam2: scan has a gap, as if 6 slices are missing")


def test_what_cannot_be_read_is_one_sentence(here: Path, refused):
    (here / "broken.mp4").write_bytes(b"nothing")
    assert "broken.mp4 cannot be read as a video" in refused("info", "broken.mp4")
    assert "there is no file or folder nothing.tif" in refused("info", "nothing.tif")
    assert "https://127.0.0.1:9/a.zarr cannot be opened" in refused("info", "https://127.0.0.1:9/a.zarr")


def test_every_option_is_described():
    options = [one for one in app["info"].assemble_argument_collection() if not one.children]
    assert len(options) > 7
    for argument in options:
        assert argument.parameter.help, argument.name
