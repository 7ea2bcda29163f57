"""Frames read ahead come in order, are no more than a few, and their errors come in turn."""

import threading

import numpy as np
import pytest

from napari_sam2.models.ahead import read_ahead


class Counted:
    """Frames that hold their own number, and know who read them."""

    shape = (9, 4, 4)

    def __init__(self, broken: int | None = None) -> None:
        self.read: list[int] = []
        self.threads: set[str] = set()
        self.broken = broken

    def rgb(self, index: int) -> np.ndarray:
        self.read.append(index)
        self.threads.add(threading.current_thread().name)
        if index == self.broken:
            raise ValueError(f"frame {index} is broken")
        return np.full((3, 4, 4), index, np.float32)


@pytest.mark.parametrize("ahead", [1, 4])
@pytest.mark.parametrize("order", [[], [5], [8, 6, 3], list(range(9))])
def test_frames_come_in_the_order_asked_for(order, ahead):
    frames = Counted()
    assert [(index, int(image[0, 0, 0])) for index, image in read_ahead(frames, order, ahead)] == [
        (index, index) for index in order
    ]
    assert frames.read == order


def test_they_are_read_by_another_thread_and_not_all_at_once():
    frames = Counted()
    coming = read_ahead(frames, range(9))
    for done in range(3):
        next(coming)
        assert len(frames.read) <= done + 2
    assert threading.current_thread().name not in frames.threads
    coming.close()
    assert len(frames.read) <= 4
    assert not any(thread.name in frames.threads for thread in threading.enumerate())


def test_an_error_waits_for_its_turn():
    frames, done = Counted(broken=3), []
    with pytest.raises(ValueError, match="frame 3 is broken"):
        for index, _ in read_ahead(frames, range(9), 4):
            done.append(index)
    assert done == [0, 1, 2]
