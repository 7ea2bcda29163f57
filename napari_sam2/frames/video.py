"""Videos through PyAV: mp4, mov, avi, mkv, webm and whatever else ffmpeg reads, exact to the frame."""

import os
import threading
import weakref
from collections import OrderedDict
from functools import partial
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_sam2.errors import InputError
from napari_sam2.frames.base import Stack
from napari_sam2.frames.video_file import OpenedVideo, OpenFile, open_video
from napari_sam2.frames.video_table import build_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame

CACHE_BYTES = 2**27
"""Decoded frames that are kept at most, so that stepping back does not decode everything since the last key
frame again for each step. No more frames are kept than lie between two key frames."""

AHEAD = 16
"""Decoding so many frames on the way is quicker than looking for the place in the file."""


class VideoReader:
    """Reads frames of a video by number, each the same whatever was read before it.

    A frame is looked for by its time: decoding begins at a key frame at or before it and goes on until a
    frame of just that time comes. Threads take turns. The file is opened when first read, and again in
    another process.
    """

    def __init__(self, open_file: OpenFile, where: str) -> None:
        self._open_video = partial(open_video, open_file, where)
        self.where = where
        self.table = build_table(self._open_video, where)
        self._reset()
        with self._lock:
            first = self._frame(0)
            grey = first.format.name.startswith(("gray", "mono", "ya"))
            deep = grey and first.format.components[0].bits > 8
            self._pixels = "gray16le" if deep else "gray" if grey else "rgb24"
            self._quarter_turns = round(first.rotation / 90)
            image = self._convert(first)
        with self._open_video() as opened:
            self.codec = opened.stream.codec_context.name
            self.is_matroska = "matroska" in opened.container.format.name
            self.told_seconds = (opened.container.duration or 0) / 1e6
        self.shape = (len(self.table), *image.shape)
        self.dtype = image.dtype

    def read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read (a part of) the one frame that the first index names."""
        with self._lock:
            image = self._convert(self._frame(int(key[0])))  # type: ignore[arg-type]
        if image.shape != self.shape[1:]:
            raise InputError(
                f"frame {key[0]} of {self.where} is {image.shape[0]} x {image.shape[1]} pixels but the first "
                f"is {self.shape[1]} x {self.shape[2]}; convert the video to frames of one size with ffmpeg"
            )
        return image[key[1:]]

    def close(self) -> None:
        """Close the file and forget the decoded frames."""
        with self._lock:
            self._stop()
            self._kept.clear()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, VideoFrame] = OrderedDict()
        self._opened: OpenedVideo | None = None
        self._decoded: Iterator[VideoFrame] = iter(())
        self._at = -1
        self._converter: Any = None

    def _stop(self) -> None:
        if self._opened is not None:
            self._decoded = iter(())
            self._closer()
            self._opened = None

    def _frame(self, number: int) -> "VideoFrame":
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        keys = self.table.keys[self.table.keys <= number]
        if self._opened is not None and self._at < number and keys[-1] <= self._at + AHEAD:
            found = self._decode_to(number)
            if found is not None:
                return found
        # Some streams cannot be entered at every frame that they call a key frame.
        for key in dict.fromkeys((*keys[:-3:-1].tolist(), 0)):
            self._start_at(key)
            found = self._decode_to(number)
            if found is not None:
                return found
        raise InputError(
            f"frame {number} of {self.where} cannot be decoded; "
            "the file may be damaged: copy or export it again"
        )

    def _start_at(self, key: int) -> None:
        """Stand before the key frame of that number."""
        if key == 0 or self._opened is None:
            self._stop()
            self._opened = self._open_video()
            # PyAV leaves its file open when it is forgotten
            self._closer = weakref.finalize(self, self._opened.close)
        if key:
            self._opened.container.seek(int(self.table.times[key]), stream=self._opened.stream)
        self._decoded = self._opened.decode()
        if key:
            # what comes before a key frame may need frames that were passed over
            self._decoded = dropwhile(lambda frame: not frame.key_frame, self._decoded)
        self._at = -1

    def _decode_to(self, number: int) -> "VideoFrame | None":
        """Decode until a frame comes; None where it does not."""
        for frame in self._decoded:
            at = self.table.number_of(frame.pts) if self.table.has_times else self._at + 1
            if at is None:
                continue
            self._at = at
            self._keep(at, frame)
            if at >= number:
                return frame if at == number else None
        self._stop()
        return None

    def _keep(self, number: int, frame: "VideoFrame") -> None:
        self._kept[number] = frame
        self._kept.move_to_end(number)
        size = sum(plane.buffer_size for plane in frame.planes)
        while len(self._kept) > max(2, min(CACHE_BYTES // size, self.table.longest_group)):
            self._kept.popitem(last=False)

    def _convert(self, frame: "VideoFrame") -> NDArray[Any]:
        """Pixels as they are to be looked at: (y, x) or (y, x, colour), turned upright."""
        from av.video.reformatter import Interpolation, VideoReformatter

        if self._converter is None:
            self._converter = VideoReformatter()
        # the same colours on every processor, since they name the video in a session
        exact = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
        converted = self._converter.reformat(frame, format=self._pixels, interpolation=exact, threads=1)
        return np.ascontiguousarray(np.rot90(converted.to_ndarray(), self._quarter_turns))

    def __getstate__(self) -> dict[str, Any]:
        left = ("_lock", "_kept", "_opened", "_closer", "_decoded", "_at", "_converter")
        return {name: value for name, value in self.__dict__.items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()


def read_video(path: Path) -> Stack:
    """Describe a video file.

    The step is the mean time between frames in seconds: under a variable frame rate that of no frame in
    particular, so that a speed between two neighbouring frames may be off while one over many is right.

    Raises
    ------
    InputError
        PyAV is missing, or the file has no pictures, is truncated or damaged.
    """
    # absolute, because it is opened again in processes that may run elsewhere
    reader = VideoReader(partial(_open, os.path.abspath(path)), str(path))
    return video_stack(reader, path.stem, str(path))


def _open(path: str) -> BinaryIO:
    return open(path, "rb")


def video_stack(reader: VideoReader, name: str, source: str) -> Stack:
    """Describe a video that is open."""
    table = reader.table
    shown_seconds = float(int(table.times[-1]) * table.time_base)
    remarks = table.remarks()
    if reader.is_matroska and reader.told_seconds > 1 + 1.05 * shown_seconds:
        remarks.append(
            f"ends after {shown_seconds:.4g} s although it says that it lasts {reader.told_seconds:.4g} s: "
            "it may be truncated"
        )
    return Stack(
        reader,
        letters="TYXS" if len(reader.shape) == 4 else "TYX",
        name=name,
        where=reader.where,
        source=source,
        spacing={"t": (table.step, "s")} if table.step is not None else {},
        kind=f"video ({reader.codec})",
        remarks=remarks,
    )
