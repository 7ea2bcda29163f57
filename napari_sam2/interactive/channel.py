"""Objects through a pair of pipes, and an array whose pixels are read at the other end."""

import pickle
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.frames import Frames
from napari_sam2.frames.arrays import ArrayReader

Key = tuple[int | slice, ...]


@dataclass(frozen=True)
class ReadPixels:
    """The worker asks for a part of the image."""

    key: Key


@dataclass(frozen=True, eq=False)
class Pixels:
    """The part that was asked for, or why it cannot be had."""

    read: NDArray[Any] | Exception


@dataclass(frozen=True)
class Cancel:
    """No more answers to a request."""

    number: int


class Channel:
    """Sends and receives objects; any thread may send, one receives.

    Parameters
    ----------
    source, sink : binary files
        Where objects come from and go to.
    """

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source, self._sink = source, sink
        self._lock = threading.Lock()

    def send(self, thing: Any) -> None:
        """Send an object; raises OSError when nobody is there any more."""
        with self._lock:
            pickle.dump(thing, self._sink, protocol=5)
            self._sink.flush()

    def receive(self) -> Any:
        """The next object; raises EOFError when the other end is gone."""
        try:
            return pickle.load(self._source)
        except (pickle.UnpicklingError, OSError, ValueError) as error:
            raise EOFError("the other end was cut off") from error


class RemoteArray:
    """The pixels of an array that is in another process.

    Attributes
    ----------
    shape, dtype
        Of the array.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self._channel: Channel | None = None
        self._replies: SimpleQueue[Pixels] | None = None

    def connect(self, channel: Channel, replies: "SimpleQueue[Pixels]") -> None:
        """Say where to ask, and where the replies come in."""
        self._channel, self._replies = channel, replies

    def read(self, key: Key) -> NDArray[Any]:
        """Read a part at the other end; what goes wrong there is raised here."""
        assert self._channel is not None and self._replies is not None, "connect it first"
        self._channel.send(ReadPixels(key))
        read = self._replies.get().read
        if isinstance(read, Exception):
            raise read
        return read

    def close(self) -> None:
        """Nothing to let go of at this end."""


def for_another_process(frames: Frames) -> Frames:
    """Frames to send: files are opened again over there, arrays in memory are read over here."""
    array = frames.array
    return frames.reading(RemoteArray(array.shape, array.dtype)) if _stays(array) else frames


def read_pixels(frames: Frames, key: Key) -> Pixels:
    """Answer a request for pixels."""
    try:
        return Pixels(frames.array.read(key))
    except Exception as error:  # told at the other end, whatever it is
        return Pixels(error)


def _stays(array: Any) -> bool:
    return isinstance(array, ArrayReader)
