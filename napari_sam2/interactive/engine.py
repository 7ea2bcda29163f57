"""The engine: requests to the process in which the model runs, and its answers back.

A process and not a thread: a request can be cut short at any time, and a crash or a full memory ends the
process and not the viewer. A thread is about as fast: `python -m benchmarks.interactive` measures both.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Full, Queue, SimpleQueue
from typing import Any

from napari_sam2.frames import Frames
from napari_sam2.interactive.channel import Cancel, Channel, ReadPixels, for_another_process, read_pixels
from napari_sam2.interactive.requests import Answer, Done, Failed, Loaded, Look, Lost, Request, Seen

_WAITING_ANSWERS = 4
"""Answers that wait here to be taken; when there are more, the worker waits."""

_GRACE = 2.0
"""Seconds for the process to end by itself."""


class Engine:
    """Runs the model for one stack, in a process that starts with the first request.

    Parameters
    ----------
    frames : Frames
        The stack. Files are opened again in the process; the pixels of arrays are sent as they are
        needed.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._process: _Process | None = None
        self._open: dict[int, Request] = {}

    def ask(self, request: Request) -> None:
        """Send a request; a look at the same object and frame makes earlier ones stale."""
        if self._process is None:
            self._process = _Process(self._frames)
        if isinstance(request, Look):
            for number, other in list(self._open.items()):
                if isinstance(other, Look) and (other.object_id, other.frame) == (
                    request.object_id,
                    request.frame,
                ):
                    del self._open[number]
        self._open[request.number] = request
        self._process.outbox.put(request)

    def cancel(self, number: int) -> None:
        """No more answers to this request."""
        if self._open.pop(number, None) is not None and self._process is not None:
            self._process.outbox.put(Cancel(number))

    def answers(self, seconds: float, *, wait: bool = False) -> Iterator[Answer]:
        """Answers that have come, the stale ones left out, until so many seconds are over.

        With `wait`, also those that come meanwhile.
        """
        until = time.monotonic() + seconds
        while self._process is not None:
            left = until - time.monotonic()
            try:
                answer = self._process.inbox.get(wait and left > 0, max(left, 0))
            except Empty:
                return
            if isinstance(answer, Lost):
                self._drop()
                yield answer
                return
            if answer.number in self._open:
                if isinstance(answer, Done | Failed | Loaded | Seen):
                    del self._open[answer.number]
                yield answer
            if left <= 0:
                return

    @property
    def idle(self) -> bool:
        """Whether nothing is asked that is not answered."""
        return not self._open

    @property
    def pid(self) -> int | None:
        """Number of the process; None when there is none."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process; idempotent. A later request starts another."""
        self._drop()

    def _drop(self) -> None:
        self._open.clear()
        if self._process is not None:
            self._process.close()
            self._process = None


class _Process:
    """One process with the two threads that speak to it."""

    def __init__(self, frames: Frames) -> None:
        self.outbox: SimpleQueue[Any] = SimpleQueue()
        self.inbox: Queue[Answer] = Queue(_WAITING_ANSWERS)
        self._closing = threading.Event()
        self._frames = frames
        # Not multiprocessing: its child runs the person's script again when that has no main guard.
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "napari_sam2.interactive.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr is not None else subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.pid = self._child.pid
        assert self._child.stdin is not None and self._child.stdout is not None
        self._channel = Channel(self._child.stdout, self._child.stdin)
        self._threads = [
            threading.Thread(target=work, name=f"napari-sam2 {name}", daemon=True)
            for name, work in (("requests", self._send), ("answers", self._receive))
        ]
        self.outbox.put(for_another_process(frames))
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End the process and the threads."""
        self._closing.set()
        self.outbox.put(None)
        self._threads[0].join(_GRACE)
        with suppress(OSError):
            self._child.stdin.close()  # type: ignore[union-attr]
        try:
            self._child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for thread in self._threads:
            thread.join()
        self._child.stdout.close()  # type: ignore[union-attr]

    def _send(self) -> None:
        while (thing := self.outbox.get()) is not None:
            try:
                self._channel.send(thing)
            except OSError:
                return  # the other thread sees the end as well, and tells

    def _receive(self) -> None:
        while True:
            try:
                message = self._channel.receive()
            except EOFError:
                self._put(Lost(_end_of(self._child)))
                return
            if isinstance(message, ReadPixels):
                self.outbox.put(read_pixels(self._frames, message.key))
            else:
                self._put(message)

    def _put(self, answer: Answer) -> None:
        """Wait for room, as long as anybody takes answers."""
        while not self._closing.is_set():
            with suppress(Full):
                self.inbox.put(answer, timeout=0.1)
                return


def _end_of(child: "subprocess.Popen[bytes]") -> str:
    """Why a process is gone, and what to do."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)
    how = f"signal {-child.returncode}" if (child.returncode or 0) < 0 else f"status {child.returncode}"
    return (
        f"the model's process ended unexpectedly ({how}), most often because memory ran short; what was "
        "found so far is kept: close other programs or choose a smaller model, and try again"
    )
