"""Videos inside DICOM files, as endoscopes record them: the stream is stored as it is, in pieces."""

import io
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, cast

from napari_sam2.errors import InputError
from napari_sam2.frames.dicom_files import DicomFiles, LooseFiles
from napari_sam2.frames.dicom_pixels import Pixels, called, find_pieces
from napari_sam2.frames.video import VideoReader


def is_video(pixels: Pixels) -> bool:
    """Whether the pixels are a video: MPEG-2, H.264 or HEVC."""
    before, _, number = pixels.syntax.removesuffix(".1").rpartition(".")
    return before == "1.2.840.10008.1.2.4" and 100 <= int(number) <= 108


def open_video_of(files: DicomFiles, pixels: Pixels) -> VideoReader:
    """Open the video in a file.

    Raises
    ------
    InputError
        The file lies in a zip, is truncated, or PyAV is missing.
    """
    where = called(files, pixels.name)
    if not isinstance(files, LooseFiles):
        raise InputError(f"{where} is a video, which is not read from a zip; unpack it and give the file")
    return VideoReader(_Opener(files.root / pixels.name, find_pieces(files, pixels)), where)


class _Opener:
    """Opens the pieces of a file as if they were one."""

    def __init__(self, path: Path, pieces: tuple[tuple[int, int], ...]) -> None:
        self.path = path
        self.pieces = pieces

    def __call__(self) -> BinaryIO:
        joined = _Joined(open(self.path, "rb"), self.pieces)
        return cast(BinaryIO, io.BufferedReader(joined))


class _Joined(io.RawIOBase):
    """Pieces of a file, given by where each begins and ends, read as one file."""

    def __init__(self, file: BinaryIO, pieces: tuple[tuple[int, int], ...]) -> None:
        self._file = file
        self._pieces = pieces
        self._starts = [0, *accumulate(end - start for start, end in pieces)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            raise OSError("a place before the beginning of the file")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = bisect_right(self._starts, self._at) - 1
        if piece >= len(self._pieces):
            return 0
        start, end = self._pieces[piece]
        place = start + self._at - self._starts[piece]
        self._file.seek(place)
        data = self._file.read(min(len(buffer), end - place))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
