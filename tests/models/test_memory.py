"""The bank keeps what SAM 2 reads, and nothing else."""

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.models.config import Sam2Config
from napari_sam2.models.memory import Memory, MemoryBank, nearest

CONFIG = Sam2Config()


def memory(frame: int) -> Memory:
    return Memory(torch.full((4,), float(frame)), torch.full((2, 1, 1), float(frame)))


def frames_of(tensors: list[torch.Tensor]) -> list[int]:
    return [int(x.flatten()[0]) for x in tensors]


def walk(bank: MemoryBank, frames: range, **kwargs: int) -> None:
    for frame in frames:
        bank.write(frame, memory(frame), conditioning=False)
        bank.forget(frame, frames.step, CONFIG, **kwargs)


def test_reads_the_prompted_frame_six_recent_ones_and_fifteen_pointers():
    bank = MemoryBank()
    bank.write(0, memory(0), conditioning=True)
    walk(bank, range(1, 30))
    reading = bank.read(30, 1, 100, CONFIG)
    assert frames_of(reading.spatial) == [0, 24, 25, 26, 27, 28, 29]
    assert reading.ages == [0, 6, 5, 4, 3, 2, 1]
    assert frames_of(reading.pointers) == [0, *range(29, 14, -1)]
    assert reading.offsets == [30, *range(1, 16)]


def test_a_prompted_frame_ahead_is_seen_but_its_pointer_is_not():
    bank = MemoryBank()
    bank.write(10, memory(10), conditioning=True)
    assert bank.read(8, 1, 100, CONFIG).layout == (1, 0)
    assert bank.read(8, -1, 100, CONFIG).offsets == [2]


def test_the_level_is_the_mean_of_those_of_the_prompted_frames_that_are_read():
    bank = MemoryBank()
    bank.write(0, replace(memory(0), level=-1.0), conditioning=True)
    bank.write(4, replace(memory(4), level=-2.0), conditioning=True)
    bank.write(5, replace(memory(5), level=-9.0), conditioning=False)
    assert bank.read(6, 1, 100, CONFIG).level == -1.5
    assert MemoryBank().read(6, 1, 100, CONFIG).level == 0


@given(st.integers(0, 40), st.integers(1, 60), st.sampled_from([1, -1]))
def test_forgetting_changes_no_later_reading(start, length, direction):
    frugal, full = MemoryBank(), MemoryBank()
    for bank in (frugal, full):
        bank.write(start, memory(start), conditioning=True)
    for step in range(1, length):
        frame = start + direction * step
        theirs, ours = (b.read(frame, direction, 500, CONFIG) for b in (full, frugal))
        assert frames_of(ours.spatial) == frames_of(theirs.spatial) and ours.ages == theirs.ages
        assert frames_of(ours.pointers) == frames_of(theirs.pointers) and ours.offsets == theirs.offsets
        for bank in (frugal, full):
            bank.write(frame, memory(frame), conditioning=False)
        frugal.forget(frame, direction, CONFIG)
    assert len(frugal.recent) <= 15
    assert sum(m.spatial_chw is not None for m in frugal.recent.values()) <= 6


@given(st.integers(20, 40), st.integers(1, 60))
def test_the_way_back_from_the_turn_reads_what_the_way_there_left(turn, length):
    frugal, full = MemoryBank(), MemoryBank()
    for bank in (frugal, full):
        bank.write(turn, memory(turn), conditioning=True)
        for frame in range(turn + 1, turn + length):
            bank.write(frame, memory(frame), conditioning=False)
            if bank is frugal:
                bank.forget(frame, 1, CONFIG, turn=turn)
    for frame in range(turn - 1, turn - 18, -1):
        theirs, ours = (b.read(frame, -1, 500, CONFIG) for b in (full, frugal))
        assert frames_of(ours.spatial) == frames_of(theirs.spatial)
        assert frames_of(ours.pointers) == frames_of(theirs.pointers)
        for bank in (frugal, full):
            bank.write(frame, memory(frame), conditioning=False)
        frugal.forget(frame, -1, CONFIG)


def test_the_limit_keeps_the_nearest_conditioning_frames_on_both_sides():
    frames = {f: memory(f) for f in (0, 10, 11, 12, 50)}
    assert sorted(nearest(frames, 20, 2)) == [12, 50]
    assert sorted(nearest(frames, 20, 3)) == [11, 12, 50]
    assert sorted(nearest(frames, 20, -1)) == [0, 10, 11, 12, 50]


def test_a_prompted_frame_beyond_the_limit_still_counts_as_recent():
    bank = MemoryBank()
    for frame in (0, 3, 11):
        bank.write(frame, memory(frame), conditioning=True)
    reading = bank.read(4, 1, 100, Sam2Config(max_conditioning=1))
    assert (frames_of(reading.spatial), reading.ages) == ([3, 0], [0, 4])
