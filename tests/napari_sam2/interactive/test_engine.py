"""The model in a process of its own: answers, stops, crashes, arrays read at this end."""

import os
import signal
import time

import numpy as np
import pytest

from napari_sam2 import open_frames
from napari_sam2.frames import Frames
from napari_sam2.interactive.live import Live


@pytest.fixture
def opened():
    """Sessions with the bundled model in its process, closed at the end."""
    lives = []

    def open_live(frames: Frames) -> Live:
        live = Live(frames)
        live.notices = []
        live.notice.connect(live.notices.append)
        lives.append(live)
        return live

    yield open_live
    for live in lives:
        live.close()


class Lazy:
    """An array that reads a frame when asked, and fails when it is told to."""

    def __init__(self, array: np.ndarray) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype
        self.error: Exception | None = None
        self.reads = 0

    def __getitem__(self, key):
        self.reads += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return self._array[key]


def polled(live: Live) -> Live:
    live.poll()
    return live


def until(condition, timeout: float = 120) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def test_it_answers_stops_survives_and_comes_back(opened, stack):
    """One process through all that can happen to it, since each start costs seconds."""
    lazy = Lazy(stack)
    live = opened(open_frames(lazy, axis="t"))
    assert live._engine.pid is None, "no process before there is something to do"

    live.add_box(1, 0, (12, 6, 28, 22))
    live.wait(120)
    pid = live._engine.pid
    assert live.mask(1, 0).sum() > 100 and live.device_name == "cpu" and pid != os.getpid()

    reads = lazy.reads
    live.add_points(1, 0, [(20, 14)], [1])
    live.wait(120)
    assert lazy.reads == reads, "the second click on a frame reads and encodes nothing anew"

    live.propagate()
    until(lambda: polled(live).progress is None or live.progress.done >= 2)
    live.stop()
    done = int(live.store.labels.any((1, 2)).sum())
    time.sleep(0.5)
    live.poll()
    assert int(live.store.labels.any((1, 2)).sum()) == done and not live.busy

    lazy.error = MemoryError()
    live.add_points(2, 9, [(30, 40)], [1])
    live.wait(120)
    assert len(live.notices) == 1 and "memory of this computer is full" in live.notices[0]
    lazy.error = ZeroDivisionError("by a strange codec")
    live.add_points(2, 10, [(30, 40)], [1])
    live.wait(120)
    assert len(live.notices) == 2 and "frame 10" in live.notices[1] and "strange codec" in live.notices[1]
    assert live._engine.pid == pid

    live.propagate([1])
    os.kill(pid, signal.SIGKILL)
    until(lambda: not polled(live).busy)
    assert len(live.notices) == 3 and "signal 9" in live.notices[2] and "memory" in live.notices[2]
    live.propagate([1])
    live.wait(120)
    assert len(live.notices) == 3 and live.store.labels[11].any() and live._engine.pid != pid

    pid = live._engine.pid
    live.rest()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    live.add_points(3, 4, [(20, 18)], [1])
    live.wait(120)
    assert len(live.notices) == 3 and live.mask(3, 4).any() and live._engine.pid not in (None, pid)


def test_a_dask_array_and_closing_while_it_runs(opened, stack):
    array = pytest.importorskip("dask.array").from_array(stack, chunks=(1, -1, -1))
    live = opened(open_frames(array, axis="t"))
    live.add_box(1, 0, (12, 6, 28, 22))
    live.propagate()
    until(lambda: polled(live).progress is not None and live.progress.done > 0)
    pid = live._engine.pid
    live.close()
    assert live.notices == [] and live.store.labels[0].any()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_file_and_a_model_that_does_not_exist(opened, stack, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "cells.tif", stack, imagej=True, metadata={"axes": "TYX"})
    with open_frames(tmp_path / "cells.tif", axis="t") as frames:
        live = opened(frames)
        live.use_model(tmp_path / "weights.pt")
        live.add_box(1, 0, (12, 6, 28, 22))
        live.wait(120)
        assert len(live.notices) == 1 and "weights.pt" in live.notices[0]
        live.use_model("nano")
        live.wait(120)
        live.propagate(stop=3)
        live.wait(120)
        assert len(live.notices) == 1
        assert live.store.labels[2].any() and not live.store.labels[3].any()
        live.close()
