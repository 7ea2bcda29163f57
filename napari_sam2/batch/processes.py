"""Items in processes of this machine, each process with its share of the cores or a GPU of its own."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import Item
from napari_sam2.batch.records import Record, Records

Tell = Callable[[Record], None]
"""Called with the record of each item when there is one."""

_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_TRIES = 2
_CORES_OF_A_WORKER = 2
"""When nobody says: small networks gain little from more threads, and every process needs memory."""


class WorkerDied(Exception):
    """The process ended without an answer."""


class Worker:
    """A process that does items, one at a time.

    Parameters
    ----------
    settings : Settings
        Of the batch.
    overwrite : bool
        Replace results that were made of something else.
    environment : mapping
        Added to that of this process.
    """

    def __init__(self, settings: Settings, *, overwrite: bool, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            # -P: a file named like a library in the folder where a batch is started must not shadow it
            [sys.executable, "-P", "-m", "napari_sam2.batch.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "MPLBACKEND": "agg", **environment},
            text=True,
            encoding="utf-8",
        )
        self._first: dict[str, Any] | None = {"settings": settings.as_json(), "overwrite": overwrite}

    def do(self, item: Item) -> Record:
        """Have an item done.

        Raises
        ------
        WorkerDied
            The process was killed, or crashed, over it.
        """
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            for message in (self._first, item.as_json()):
                if message is not None:
                    process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        except OSError:
            raise WorkerDied from None
        self._first = None
        try:
            answer = json.loads(process.stdout.readline())
        except ValueError:
            raise WorkerDied from None
        if "error" in answer:
            return failed(item, answer["error"])
        return Record(**answer["record"])

    def close(self) -> int:
        """End the process, also in the midst of an item, and return its exit status."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
        # Only of a process that has gone: to close a pipe in which another thread waits would wait too.
        status = process.wait()
        process.stdout.close()
        return status


def failed(item: Item, error: str) -> Record:
    """The record of an item that no worker could make one of."""
    return Record(item.name, item.image, item.prompts, "failed", {}, error=error)


def do_stubbornly(
    make: Callable[[], Worker], worker: Worker | None, item: Item, records: Records
) -> tuple[Worker | None, Record]:
    """Have an item done, by a new process when one dies of it; at the second death it has failed."""
    status = 0
    for _ in range(_TRIES):
        worker = worker or make()
        try:
            return worker, worker.do(item)
        except WorkerDied:
            status, worker = worker.close(), None
    died = f"killed by signal {-status}" if status < 0 else f"gone with status {status}"
    record = failed(
        item,
        f"the process that worked on it was {died}, {_TRIES} times; if it was for want of memory, give it "
        "more or take fewer workers",
    )
    records.write(item, record)
    return None, record


def environments(settings: Settings, n_items: int) -> list[dict[str, str]]:
    """What each local worker gets: its threads, and a GPU where there are any."""
    gpus = _gpus(settings.device)
    cores = n_cores()
    workers = settings.workers or len(gpus) or max(1, cores // _CORES_OF_A_WORKER)
    workers = min(workers, max(1, n_items))
    threads = settings.threads or max(1, cores // workers)
    return [
        {**thread_limits(threads), **({"CUDA_VISIBLE_DEVICES": gpus[k % len(gpus)]} if gpus else {})}
        for k in range(workers)
    ]


def n_cores() -> int:
    """Cores that this process may use, which on a cluster are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_limits(threads: int) -> dict[str, str]:
    """What tells all libraries how many threads to take."""
    return dict.fromkeys(_POOLS, str(threads))


def _gpus(device: str) -> list[str]:
    """The GPUs to share out, as CUDA names them."""
    if device not in ("auto", "cuda"):
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return visible.split(",") if visible else [str(k) for k in range(torch.cuda.device_count())]


def run_locally(
    settings: Settings,
    items: Sequence[Item],
    places: Sequence[Mapping[str, str]],
    *,
    overwrite: bool,
    tell: Tell,
) -> None:
    """Do items in processes, one for each of `places`, which are their environments.

    An item whose process dies is tried once more. Leaving early, by Ctrl-C or any error, ends all
    processes; what they found of the items at hand waits for the next run.
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    outcomes: queue.SimpleQueue[Record | Exception] = queue.SimpleQueue()
    threads = [_Serving(settings, place, overwrite, waiting, outcomes) for place in places]
    for thread in threads:
        thread.start()
    try:
        for _ in items:
            outcome = _next(outcomes)
            if isinstance(outcome, Exception):
                raise outcome
            tell(outcome)
    finally:
        for thread in threads:
            thread.stop()


def _next(outcomes: "queue.SimpleQueue[Record | Exception]") -> Record | Exception:
    while True:
        # With a timeout, for else Windows would not hear Ctrl-C.
        with suppress(queue.Empty):
            return outcomes.get(timeout=1)


class _Serving(threading.Thread):
    """Keeps one process busy."""

    def __init__(
        self,
        settings: Settings,
        place: Mapping[str, str],
        overwrite: bool,
        waiting: "queue.SimpleQueue[Item]",
        outcomes: "queue.SimpleQueue[Record | Exception]",
    ) -> None:
        super().__init__(daemon=True)
        self._settings, self._place, self._overwrite = settings, place, overwrite
        self._waiting, self._outcomes = waiting, outcomes
        self._worker: Worker | None = None
        self._stopped = False

    def run(self) -> None:
        records = Records(self._settings)
        try:
            while not self._stopped:
                item = self._waiting.get_nowait()
                self._worker, record = do_stubbornly(self._make, self._worker, item, records)
                self._outcomes.put(record)
        except queue.Empty:
            self.stop()
        except Exception as error:
            self._outcomes.put(error)

    def stop(self) -> None:
        """End the process and the thread."""
        self._stopped = True
        if self._worker is not None:
            self._worker.close()

    def _make(self) -> Worker:
        if self._stopped:
            raise RuntimeError("stopped")
        self._worker = Worker(self._settings, overwrite=self._overwrite, environment=self._place)
        return self._worker
