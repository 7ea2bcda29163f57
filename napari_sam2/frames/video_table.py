"""When each frame of a video is shown, and where decoding can begin: what makes a frame number exact."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.video_file import OpenedVideo

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

CHECKED_FRAMES = 48
"""Frames at the start that are decoded to see whether the packets' times are those of the frames; longer
than the groups of pictures that encoders look ahead."""

OpenVideo = Callable[[], OpenedVideo]

UNEVEN = 1.5
"""A longest interval of this many shortest ones is told to the person."""


@dataclass(frozen=True)
class FrameTable:
    """The frames of a video in the order in which they are shown.

    Attributes
    ----------
    times : int64 array (frames,)
        When each is shown, in units of `time_base`.
    keys : int array
        Numbers of the frames that decoding can begin at; the first of them is 0.
    time_base : Fraction
        Seconds.
    has_times : bool
        A frame can be recognised by its time. Otherwise frames are counted from the start of the file.
    """

    times: NDArray[np.int64]
    keys: NDArray[np.intp]
    time_base: Fraction
    has_times: bool

    def __len__(self) -> int:
        return len(self.times)

    @property
    def step(self) -> float | None:
        """Mean time between frames in seconds."""
        seconds = int(self.times[-1] - self.times[0]) * self.time_base
        return float(seconds / (len(self) - 1)) if seconds > 0 else None

    @cached_property
    def longest_group(self) -> int:
        """Most frames from one that decoding can begin at to the next."""
        return int(np.diff(np.append(self.keys, len(self))).max())

    def remarks(self) -> list[str]:
        """What a person should know about the times, a clause each."""
        if not self.has_times:
            return [
                "does not say reliably when its frames are shown, so that going back means decoding from the "
                "start: for speed, convert it to mp4 with ffmpeg"
            ]
        between = np.diff(self.times).tolist()
        if not between or max(between) < UNEVEN * min(between):
            return []
        shortest, longest = (float(ticks * self.time_base * 1000) for ticks in (min(between), max(between)))
        return [
            f"has a variable frame rate, {shortest:.3g} to {longest:.3g} ms between frames: "
            f"the step of {self.step:.4g} s is their mean"
        ]

    def number_of(self, time: int | None) -> int | None:
        """The number of the frame that is shown at a time, None where there is none."""
        if time is None:
            return None
        number = int(np.searchsorted(self.times, time))
        return number if number < len(self) and self.times[number] == time else None


def build_table(open_video: OpenVideo, where: str) -> FrameTable:
    """Read the times of all packets, without decoding more than the first few.

    Parameters
    ----------
    open_video : callable
        Opens the video anew.
    where : str
        What the video is called in an error.

    Raises
    ------
    InputError
        The video holds no frames, or is truncated.
    """
    with open_video() as video:
        packets = [_Packet.of(packet) for packet in video.container.demux(video.stream) if packet.size]
        _check_whole(packets, video, where)
        base = _base(video.stream)
    shown = [packet for packet in packets if not packet.is_discard]
    times = sorted(packet.pts for packet in shown if packet.pts is not None)
    if len(times) == len(shown) == len(set(times)) and times:
        with open_video() as video:
            decoded: list[int | None] = [frame.pts for frame in islice(video.decode(), CHECKED_FRAMES)]
            in_stored_order = times == [packet.pts for packet in shown]
            if in_stored_order and video.container.format.name == "avi" and video.stream.has_b_frames:
                # AVI keeps no times: these were counted in an order that is not the one of showing
                decoded = []
        first = decoded[0] if decoded else None
        if first is not None and first in times:
            # frames before the first that can be decoded belong to a part that was cut off
            times = times[times.index(first) :]
        if decoded and decoded == times[: len(decoded)]:
            at = np.asarray(times, np.int64)
            keys = {packet.pts for packet in shown if packet.is_key and packet.pts is not None}
            entries = np.asarray([times[0], *sorted(keys & set(times[1:]))], np.int64)
            return FrameTable(at, np.searchsorted(at, entries), base, has_times=True)
    with open_video() as video:
        return _count_frames(video, where)


@dataclass(frozen=True)
class _Packet:
    pts: int | None
    end: int
    is_key: bool
    is_discard: bool
    is_corrupt: bool

    @classmethod
    def of(cls, packet: "Packet[VideoStream]") -> "_Packet":
        end = (packet.pos or 0) + packet.size
        return cls(packet.pts, end, packet.is_keyframe, packet.is_discard, packet.is_corrupt)


def _check_whole(packets: list[_Packet], video: OpenedVideo, where: str) -> None:
    """Compare what is there with what the file says of itself, where it does."""
    if not packets:
        raise InputError(f"{where} holds no video frames; it may be truncated: copy or export it again")
    told, size = video.stream.frames, video.container.size
    beyond = any(entry.pos + entry.size > size for entry in video.stream.index_entries)
    is_cut = packets[-1].is_corrupt or packets[-1].end >= size
    if beyond or (told > len(packets) and is_cut):
        whole = len(packets) - packets[-1].is_corrupt
        raise InputError(
            f"{where} is truncated: {whole} of its {told} frames are there; copy or export it again"
        )


def _count_frames(video: OpenedVideo, where: str) -> FrameTable:
    """Decode everything once, where packets do not tell when frames are shown."""
    times = [frame.pts for frame in video.decode()]
    if not times:
        raise InputError(f"{where} holds no frame that can be decoded; copy or export it again")
    rate = video.stream.average_rate or video.stream.guessed_rate
    known = [time for time in times if time is not None]
    if len(known) == len(times) and known == sorted(known):
        at, base = np.asarray(known, np.int64), _base(video.stream)
    else:
        at, base = np.arange(len(times), dtype=np.int64), 1 / rate if rate else Fraction(0)
    return FrameTable(at, np.zeros(1, np.intp), base, has_times=False)


def _base(stream: "VideoStream") -> Fraction:
    return stream.time_base or Fraction(0)
