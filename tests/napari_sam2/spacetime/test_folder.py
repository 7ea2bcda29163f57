"""Long runs: what is held does not grow with the number of volumes."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from napari_sam2 import Session, open_frames, track
from napari_sam2.errors import ImageWarning
from napari_sam2.spacetime.folder import follow_into, measure

MODEL = SimpleNamespace(
    name="bright",
    sha256="0" * 64,
    options={},
    config=SimpleNamespace(image_size=64),
    averages=lambda framing: False,
)
SLICES, SIDE = 4, 160


class Endless:
    """Volumes with a bright block, made when they are read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, times: int) -> None:
        self.shape = (times, SLICES, SIDE, SIDE)

    def __getitem__(self, key: tuple) -> np.ndarray:
        plane = np.zeros((SIDE, SIDE), np.uint8)
        if 1 <= key[1] <= 2:
            plane[20:60, 20:60] = 200
        return plane[key[2:]]


def peak(times: int, folder, progress=None) -> int:
    session = Session(open_frames(Endless(times), axes="TZYX", axis="zt"))
    session.add_points(1, 1, [(30, 30)], [1])
    tracking = track(session, MODEL)
    tracemalloc.start()
    store = follow_into(tracking, folder / "labels.zarr", False, progress)
    measure(session.frames, store, {}, folder, None)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (np.asarray(store.labels[-2]) == 1).sum() == 40 * 40
    return most


def test_memory_does_not_grow_with_time(bright_tracker: type, tmp_path):
    told = []
    for name in ("short", "long"):
        (tmp_path / name).mkdir()
    short = peak(8, tmp_path / "short")
    long = peak(40, tmp_path / "long", lambda *what: told.append(what))
    assert long - short < 32 * SIDE * SIDE  # less than a byte for each pixel of one slice of what was added
    assert told[-1] == ("tracking", 40, 40)


def test_an_unknown_distance_of_slices_is_told(tmp_path):
    frames = open_frames(Endless(2), axes="TZYX", axis="zt", pixel_size=0.5)
    labels = (np.stack([frames[n][..., 0] for n in range(len(frames))]) > 0).astype(np.uint8)
    with pytest.warns(ImageWarning, match="the distance of the slices of image is not known in µm"):
        assert measure(frames, labels, {}, tmp_path, None)[:2] == (1, 2)
