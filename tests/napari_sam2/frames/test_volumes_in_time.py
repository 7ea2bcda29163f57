"""Volumes that follow in time: one source, seen slice by slice, along time or along depth."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2 import open_frames
from napari_sam2.errors import InputError

TIMES, SLICES = 5, 8


@pytest.fixture
def volumes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4000, (TIMES, SLICES, 20, 30), dtype=np.uint16)


def test_the_frames_are_the_slices_of_one_volume_after_the_other(volumes: np.ndarray):
    frames = open_frames(volumes, axis="zt")
    assert frames.shape == (TIMES * SLICES, 20, 30) and frames.n_slices == SLICES
    for t, z in np.ndindex(TIMES, SLICES):
        assert np.array_equal(frames[t * SLICES + z][..., 0], volumes[t, z])


@pytest.mark.parametrize("order", ["TZCYX", "ZTYXC", "CTZYX", "YXTZC"])
def test_any_order_of_dimensions(volumes: np.ndarray, order: str):
    coloured = np.stack([volumes, volumes // 2], axis=2)
    turned = coloured.transpose(["TZCYX".index(letter) for letter in order])
    frames = open_frames(turned, axes=order, axis="zt", channels=1)
    assert np.array_equal(frames[3 * SLICES + 2], coloured[3, 2].transpose(1, 2, 0))
    assert np.array_equal(frames.single("t", 2)[3], coloured[3, 2].transpose(1, 2, 0))
    assert np.array_equal(frames.single("z", 3)[2], coloured[3, 2].transpose(1, 2, 0))


def test_one_slice_and_one_volume_are_shown_as_the_whole_is(volumes: np.ndarray):
    frames = open_frames(volumes, axis="zt", contrast=(100, 900), pixel_size=(2, 0.5, 0.4), step=30)
    through_time, volume = frames.single("t", 6), frames.single("z", 1)
    assert (through_time.axis, through_time.shape) == ("t", (TIMES, 20, 30))
    assert (volume.axis, volume.shape) == ("z", (SLICES, 20, 30))
    assert np.array_equal(through_time.rgb(1), frames.rgb(SLICES + 6))
    assert np.array_equal(volume.rgb(6), frames.rgb(SLICES + 6))
    assert len({one.fingerprint() for one in (frames, through_time, volume)}) == 3


def test_each_axis_has_its_own_size(volumes: np.ndarray):
    frames = open_frames(volumes, axis="zt", pixel_size=(2, 0.5, 0.4), step=30)
    assert (frames.depth, frames.pixel_size, frames.unit) == (2, (0.5, 0.4), "µm")
    assert (frames.step, frames.step_unit) == (30, "s")
    volume, through_time = frames.single("z", 0), frames.single("t", 0)
    assert (volume.step, volume.step_unit, volume.pixel_size) == (2, "µm", (0.5, 0.4))
    assert (through_time.step, through_time.step_unit) == (30, "s")
    unknown = open_frames(volumes, axis="zt").single("z", 0)
    assert (unknown.step, unknown.step_unit) == (None, "frame")


def test_an_ome_tiff_says_its_sizes(volumes: np.ndarray, tmp_path: Path):
    sizes = {"PhysicalSizeZ": 1.5, "PhysicalSizeZUnit": "µm", "TimeIncrement": 7, "TimeIncrementUnit": "s"}
    sizes |= {f"PhysicalSize{a}{b}": c for a in "XY" for b, c in (("", 0.3), ("Unit", "µm"))}
    tifffile.imwrite(tmp_path / "v.ome.tif", volumes, metadata={"axes": "TZYX", **sizes})
    with open_frames(tmp_path / "v.ome.tif", axis="zt") as frames:
        assert (frames.depth, frames.pixel_size, frames.step) == (1.5, (0.3, 0.3), 7)
        assert np.array_equal(frames.single("t", 3)[2][..., 0], volumes[2, 3])
        again = pickle.loads(pickle.dumps(frames.single("z", 2)))
        assert np.array_equal(again[3][..., 0], volumes[2, 3])
        again.close()


@pytest.mark.parametrize(
    ("letters", "shape", "choices", "sentence"),
    [
        ("TYX", (5, 8, 8), {}, r"has 5 time points \(T\), and volumes in time need both"),
        ("YX", (8, 8), {}, "has one image of 8 x 8 pixels, and volumes in time need both"),
        ("TZYX", (5, 6, 8, 8), {"index": {"z": 3}}, "index names the axis Z"),
        ("TZRYX", (5, 6, 2, 8, 8), {}, r"2 positions \(R\) besides the axis T and Z to go along"),
        ("TZYX", (5, 6, 8, 8), {"pixel_size": (1, 2, 3, 4)}, "pixel_size has 4 numbers"),
        (
            "TZYX",
            (5, 6, 8, 8),
            {"axis": "t", "index": {"z": 1}, "pixel_size": (1, 2, 3)},
            "only with axis zt",
        ),
    ],
)
def test_what_does_not_fit_is_told(letters: str, shape: tuple[int, ...], choices: dict, sentence: str):
    with pytest.raises(InputError, match=sentence):
        open_frames(np.zeros(shape, np.uint8), axes=letters, **{"axis": "zt", **choices})
