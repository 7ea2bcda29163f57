"""In which order a worker answers: looks before walks, the newest look only, nothing that was cancelled."""

import threading
from collections import deque
from collections.abc import Iterator

from napari_sam2.interactive.requests import Answer, Follow, Look, Request
from napari_sam2.interactive.worker import Worker


class Agenda:
    """What a worker has to do. One thread answers, any other may add and cancel.

    Between two results of a walk, whatever else has been asked meanwhile is answered first.

    Parameters
    ----------
    worker : Worker
        Who answers.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._waiting: deque[Request] = deque()
        self._cancelled: set[int] = set()
        self._walk: tuple[int, Iterator[Answer]] | None = None
        self._new = threading.Condition()

    def add(self, request: Request) -> None:
        """Take in a request; earlier looks at the same object and frame are dropped."""
        with self._new:
            if isinstance(request, Look):
                place = request.object_id, request.frame
                self._waiting = deque(
                    one
                    for one in self._waiting
                    if not (isinstance(one, Look) and (one.object_id, one.frame) == place)
                )
            self._waiting.append(request)
            self._new.notify()

    def cancel(self, number: int) -> None:
        """Answer this request no further."""
        with self._new:
            self._cancelled.add(number)

    def cancelled(self, number: int) -> bool:
        """Whether a request was cancelled."""
        return number in self._cancelled

    def wait(self) -> None:
        """Wait until there is something to do."""
        with self._new:
            self._new.wait_for(lambda: self._waiting)

    def answers(self) -> Iterator[Answer]:
        """Answers, until there is nothing to do."""
        while True:
            request = self._next()
            if request is not None and not isinstance(request, Follow):
                yield from self._worker.answer(request)
                continue
            if request is not None:
                self._walk = request.number, self._worker.answer(request)
            if self._walk is None:
                return
            number, walk = self._walk
            answer = None if self.cancelled(number) else next(walk, None)
            if answer is None:
                self._walk = None
            else:
                yield answer

    def _next(self) -> Request | None:
        """What is not a walk, else a walk when there is none under way; in the order of asking."""
        with self._new:
            for request in list(self._waiting):
                if self.cancelled(request.number):
                    self._waiting.remove(request)
                elif not isinstance(request, Follow) or self._walk is None:
                    if isinstance(request, Follow) and any(not isinstance(r, Follow) for r in self._waiting):
                        continue
                    self._waiting.remove(request)
                    return request
        return None
