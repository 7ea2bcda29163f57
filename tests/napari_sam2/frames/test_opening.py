import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames


def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 8, 9), np.uint8))
    program = """
import sys
from napari_sam2.frames import open_frames
assert not {"tifffile", "zarr", "dask", "imagecodecs", "PIL"} & set(sys.modules)
import numpy
open_frames(numpy.zeros((3, 8, 9)))
assert not {"tifffile", "zarr", "dask"} & set(sys.modules)
open_frames(sys.argv[1]).close()
assert not {"torch", "napari", "qtpy", "dask", "av", "pydicom", "nibabel"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program, tmp_path / "a.tif"], check=True)


def test_frames_are_passed_on():
    frames = open_frames(np.zeros((3, 8, 9)))
    assert open_frames(frames) is frames


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("movie.mp4", "cannot be read as a video"),
        ("scan.dcm", "is no DICOM file, or one without images"),
        ("photo.PNG", "is one 2-D image"),
        ("stack.oib", "is of a kind that this version does not read; export it as TIFF"),
        ("stack", "is of a kind that this version does not read"),
    ],
)
def test_files_of_other_kinds_are_refused_with_a_way_out(tmp_path, name, sentence):
    (tmp_path / name).write_bytes(b"some bytes")
    with pytest.raises(InputError, match=rf"{name} {sentence}"):
        open_frames(tmp_path / name)


def test_series_are_those_of_dicom(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 8, 9), np.uint8))
    for source in (np.zeros((3, 8, 9)), tmp_path / "a.tif"):
        with pytest.raises(InputError, match=r"leave it out"):
            open_frames(source, series=2)


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match=r"no file or folder .*nothing\.tif"):
        open_frames(tmp_path / "nothing.tif")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif is no file but a pipe"):
        open_frames(tmp_path / "a.tif")


def test_a_link_to_itself_is_no_file(tmp_path):
    try:
        (tmp_path / "a.tif").symlink_to(tmp_path / "a.tif")
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(InputError, match=r"no file or folder .*a\.tif"):
        open_frames(tmp_path / "a.tif")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.tif").write_bytes(b"")
    monkeypatch.setattr("napari_sam2.frames.tiff.open", refuse, raising=False)
    with pytest.raises(InputError, match=r"a\.tif cannot be opened \(Permission denied\)"):
        open_frames(tmp_path / "a.tif")


@pytest.mark.parametrize("source", [None, [1, 2], 7])
def test_things_that_are_no_images(source):
    with pytest.raises(InputError, match=f"type {type(source).__name__} is no image stack"):
        open_frames(source)


def test_what_is_unknown_stays_unknown():
    frames = open_frames(np.zeros((3, 8, 9)))
    assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == (None, "pixel", None, "frame")
    assert (frames.name, frames.source) == ("image", None)


def test_sizes_can_be_given():
    frames = open_frames(np.zeros((3, 8, 9)), pixel_size=0.5, step=30)
    assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((0.5, 0.5), "µm", 30, "s")
    frames = open_frames(np.zeros((3, 8, 9)), axis="z", pixel_size=(4, 5), unit="nanometer", step=10)
    assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((4, 5), "nm", 10, "nm")
    assert open_frames(np.zeros((3, 8, 9)), step=2, step_unit="min").step_unit == "min"


@pytest.mark.parametrize("field", ["pixel_size", "step"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_sizes_are_positive(field, value):
    with pytest.raises(InputError, match=f"{field} is {value}"):
        open_frames(np.zeros((3, 8, 9)), **{field: value})


def test_given_axes_come_before_those_of_the_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((5, 8, 9), np.uint8), metadata={"axes": "ZYX"})
    with open_frames(tmp_path / "a.ome.tif", axes="TYX") as frames:
        assert (frames.axis, frames.name) == ("t", "a")
