"""labels.tif opens anywhere, knows its pixel size, and is never there by half."""

import errno
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports import write_ome_tiff
from napari_sam2.frames import open_frames


def stack(largest=7):
    labels = np.zeros((4, 10, 12), np.int32)
    labels[1, 2:5, 3:9] = largest
    labels[3, :2] = 1
    return labels


def pixels_of(path):
    with tifffile.TiffFile(path) as tiff:
        (pixels,) = ElementTree.fromstring(tiff.ome_metadata).findall("{*}Image/{*}Pixels")
        return tiff.series[0].axes, tiff.pages[0], dict(pixels.attrib)


def test_time_lapse_with_sizes(tmp_path):
    path = tmp_path / "labels.tif"
    write_ome_tiff(stack(), path, pixel_size=(0.5, 0.25), unit="µm", step=30, step_unit="s", axis="t")
    np.testing.assert_array_equal(tifffile.imread(path), stack())
    axes, page, pixels = pixels_of(path)
    assert axes == "TYX" and page.dtype == np.uint16
    assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    assert (pixels["PhysicalSizeY"], pixels["PhysicalSizeX"]) == ("0.5", "0.25")
    assert (pixels["PhysicalSizeYUnit"], pixels["PhysicalSizeXUnit"]) == ("µm", "µm")
    assert (float(pixels["TimeIncrement"]), pixels["TimeIncrementUnit"]) == (30, "s")
    assert (pixels["SizeT"], pixels["SizeZ"]) == ("4", "1")


def test_depth_stack_with_sizes(tmp_path):
    path = tmp_path / "labels.tif"
    write_ome_tiff(stack(), path, pixel_size=(10, 10), unit="nm", step=40.0, step_unit="nm", axis="z")
    axes, _, pixels = pixels_of(path)
    assert axes == "ZYX"
    assert (pixels["PhysicalSizeZ"], pixels["PhysicalSizeZUnit"]) == ("40.0", "nm")
    assert "TimeIncrement" not in pixels


def test_unknown_sizes_are_left_out(tmp_path):
    path = tmp_path / "labels.tif"
    write_ome_tiff(stack(), path)
    _, _, pixels = pixels_of(path)
    assert not [name for name in pixels if name.startswith(("Physical", "Time"))]


@pytest.mark.parametrize(("largest", "dtype"), [(65535, np.uint16), (65536, np.uint32)])
def test_ids_get_the_room_they_need(tmp_path, largest, dtype):
    path = tmp_path / "labels.tif"
    write_ome_tiff(stack(largest), path)
    read = tifffile.imread(path)
    assert read.dtype == dtype and read.max() == largest


def test_volumes_in_time(tmp_path, volumes):
    path = tmp_path / "labels.tif"
    write_ome_tiff(volumes, path, pixel_size=(2, 0.5, 0.25), unit="µm", step=30, step_unit="s")
    np.testing.assert_array_equal(tifffile.imread(path), volumes)
    axes, _, pixels = pixels_of(path)
    assert axes == "TZYX"
    assert [float(pixels[f"PhysicalSize{letter}"]) for letter in "ZYX"] == [2, 0.5, 0.25]


def test_our_frames_read_the_sizes_back(tmp_path):
    path = tmp_path / "labels.tif"
    write_ome_tiff(stack(), path, pixel_size=(0.5, 0.25), unit="µm", step=30, step_unit="s")
    with open_frames(path) as frames:
        assert (frames.pixel_size, frames.unit, frames.step, frames.step_unit) == ((0.5, 0.25), "µm", 30, "s")


@pytest.mark.parametrize("size", [0, -1.0, float("nan"), (1, 2, 3)])
def test_impossible_sizes_are_refused(tmp_path, size):
    with pytest.raises(MeasureError, match="pixel_size is"):
        write_ome_tiff(stack(), tmp_path / "labels.tif", pixel_size=size)
    assert not list(tmp_path.iterdir())


class Long:
    """A stack that is made a frame at a time; after so many frames of the second reading the disk is full."""

    def __init__(self, frames, side, fail_at=None):
        self.frames, self.side, self.fail_at, self.reads = frames, side, fail_at, 0

    def __len__(self):
        return self.frames

    def __getitem__(self, index):
        self.reads += 1
        if self.fail_at is not None and self.reads > self.frames + self.fail_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return np.broadcast_to(np.int32(index % 5), (self.side, self.side))


def test_a_large_stack_is_a_bigtiff(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_sam2.analysis.exports.ome_tiff._BIG", 2 * 3 * 64 * 64 - 1)
    for frames, big in ((2, False), (3, True)):
        write_ome_tiff(Long(frames, 64), tmp_path / "labels.tif")
        with tifffile.TiffFile(tmp_path / "labels.tif") as tiff:
            assert tiff.is_bigtiff == big
            assert tiff.series[0].asarray()[-1, 0, 0] == frames - 1


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "labels.tif"
    write_ome_tiff(stack(), path)
    with pytest.raises(OSError, match="No space"):
        write_ome_tiff(Long(4, 64, fail_at=2), path)
    np.testing.assert_array_equal(tifffile.imread(path), stack())
    assert [each.name for each in tmp_path.iterdir()] == ["labels.tif"]
