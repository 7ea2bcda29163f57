"""Opening a video with PyAV: its one stream of pictures, and sentences for what cannot be opened."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, cast

from napari_sam2.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

OpenFile = Callable[[], BinaryIO]
"""Opens a file that holds nothing but the video; can be pickled."""


@dataclass(frozen=True)
class OpenedVideo:
    """A video that is open, and its stream of pictures; leaving a `with` block closes it."""

    container: "InputContainer"
    stream: "VideoStream"
    file: BinaryIO

    def decode(self) -> "Iterator[VideoFrame]":
        """Decode from where the file stands; a damaged packet gives no frame."""
        from av.error import InvalidDataError

        for packet in self.container.demux(self.stream):
            try:
                yield from packet.decode()
            except InvalidDataError:
                continue

    def close(self) -> None:
        """Let go of the file."""
        self.container.close()
        self.file.close()

    def __enter__(self) -> "OpenedVideo":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_video(open_file: OpenFile, where: str) -> OpenedVideo:
    """Open the pictures of a video.

    Parameters
    ----------
    open_file : callable
        Opens the file.
    where : str
        What the video is called in an error.

    Raises
    ------
    InputError
        PyAV is missing, the file is no video, or has sound alone.
    """
    try:
        import av
        from av.stream import Disposition
    except ImportError as error:
        raise InputError(
            f"{where} is a video, and reading it needs the package PyAV; "
            "install it with: pip install 'napari-sam2[video]'"
        ) from error
    file = open_file()
    try:
        container = av.open(file, "r")
    except (av.error.FFmpegError, OSError) as error:
        file.close()
        raise InputError(
            f"{where} cannot be read as a video ({error.strerror or error}); "
            "it may be truncated or still being written: copy or export it again"
        ) from error
    stream = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:
        container.close()
        file.close()
        raise InputError(f"{where} has no video stream, only sound or text; give a file with moving pictures")
    video = cast("VideoStream", stream)
    video.thread_type = "AUTO"
    return OpenedVideo(container, video, file)
