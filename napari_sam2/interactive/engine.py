"""The engine: requests in, answers out, in the order in which a person needs them."""

import time
from collections import deque
from collections.abc import Iterator

from napari_sam2.frames import Frames
from napari_sam2.interactive.requests import Answer, Follow, Look, Request, UseModel
from napari_sam2.interactive.worker import Worker


class Engine:
    """Runs the model for one stack.

    Parameters
    ----------
    frames : Frames
        The stack.
    """

    def __init__(self, frames: Frames) -> None:
        self._worker = Worker(frames)
        self._waiting: deque[Request] = deque()
        self._running: tuple[int, Iterator[Answer]] | None = None
        self._cancelled: set[int] = set()
        self._latest: dict[tuple[int, int], int] = {}

    def ask(self, request: Request) -> None:
        """Send a request; a look at the same object and frame makes earlier ones stale."""
        if isinstance(request, Look):
            self._latest[request.object_id, request.frame] = request.number
        self._waiting.append(request)

    def cancel(self, number: int) -> None:
        """No more answers to this request."""
        self._cancelled.add(number)

    def answers(self, seconds: float) -> Iterator[Answer]:
        """Answers that have come, the stale ones left out; at least one when there is one."""
        until = time.monotonic() + seconds
        while True:
            answer = self._step()
            if answer is None:
                return
            if not self._stale(answer):
                yield answer
            if time.monotonic() > until:
                return

    @property
    def idle(self) -> bool:
        """Whether nothing is asked that is not answered."""
        return not self._waiting and self._running is None

    def close(self) -> None:
        """End the worker; idempotent."""
        self._waiting.clear()
        self._running = None

    def _step(self) -> Answer | None:
        urgent = next((r for r in self._waiting if not isinstance(r, Follow)), None)
        if self._running is None or urgent is not None:
            request = urgent or (self._waiting[0] if self._waiting else None)
            if request is None:
                return None
            self._waiting.remove(request)
            answers = self._worker.answer(request)
            if isinstance(request, Look | UseModel):
                return next(answers)
            self._running = request.number, answers
        number, answers = self._running
        answer = None if number in self._cancelled else next(answers, None)
        if answer is None:
            self._running = None
            return self._step()
        return answer

    def _stale(self, answer: Answer) -> bool:
        from napari_sam2.interactive.requests import Seen

        if answer.number in self._cancelled:
            return True
        return isinstance(answer, Seen) and self._latest[answer.object_id, answer.frame] != answer.number
