"""Items on a Dask cluster: each task has one done by a process that its Dask worker keeps."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import Item
from napari_sam2.batch.processes import Tell, Worker, do_stubbornly, failed, thread_limits
from napari_sam2.batch.records import Record, Records
from napari_sam2.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

_ANSWER_WITHIN = 20
"""Seconds."""


def connect(scheduler: str) -> "Client":
    """Reach a Dask scheduler.

    Raises
    ------
    InputError
        dask.distributed is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "--scheduler needs the package distributed; install it with: pip install 'napari-sam2[cluster]'"
        ) from error
    try:
        return Client(scheduler, timeout=_ANSWER_WITHIN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler} ({error}); check the address, such as tcp://node1:8786"
        ) from error


def run_on_cluster(
    settings: Settings, items: Sequence[Item], client: "Client", *, overwrite: bool, tell: Tell
) -> None:
    """Do items on a Dask cluster whose workers see the same files under the same paths.

    An item whose Dask worker dies is given to another one.
    """
    from distributed import KilledWorker, as_completed

    with client:
        futures = {
            client.submit(_do_on_worker, settings.as_json(), item.as_json(), overwrite, pure=False): item
            for item in items
        }
        for future in as_completed(futures, loop=client.loop):
            item = futures[future]
            try:
                record = Record(**future.result())
            except KilledWorker:
                record = failed(item, "the Dask workers that tried it died; give them more memory")
                Records(settings).write(item, record)
            tell(record)


_lock = threading.Lock()
_idle: list[Worker] = []
_serves: list[Any] = []


def _do_on_worker(
    settings_json: dict[str, Any], item_json: dict[str, Any], overwrite: bool
) -> dict[str, Any]:
    """In a Dask worker: have an item done by a process of its own, kept for the next one.

    So a crash over an item costs the item and not the Dask worker, which stays free to answer its
    scheduler; and the threads of PyTorch are as many as the batch file says, else one for each thread
    with which the Dask worker was started.
    """
    settings, item = Settings.from_json(settings_json), Item(**item_json)
    with _lock:
        if _serves != [settings_json, overwrite]:
            _serves[:] = [settings_json, overwrite]
            while _idle:
                _idle.pop().close()
        worker = _idle.pop() if _idle else None
    limits = thread_limits(settings.threads or 1)
    worker, record = do_stubbornly(
        lambda: Worker(settings, overwrite=overwrite, environment=limits), worker, item, Records(settings)
    )
    with _lock:
        if worker is not None and _serves == [settings_json, overwrite]:
            _idle.append(worker)
        elif worker is not None:
            worker.close()
    return record.as_json()
