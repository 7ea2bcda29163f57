"""Local processes: what each gets of the machine, and what happens when one dies."""

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_sam2.batch import processes
from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import Item, find_items
from napari_sam2.batch.processes import WorkerDied, do_stubbornly, environments
from napari_sam2.batch.records import Record, Records

Configured = Callable[..., Settings]


def machine(monkeypatch: pytest.MonkeyPatch, cores: int, gpus: list[str]) -> None:
    monkeypatch.setattr(processes, "n_cores", lambda: cores)
    monkeypatch.setattr(processes, "_gpus", lambda device: gpus)


@pytest.mark.parametrize(
    ("cores", "asked", "n_items", "workers", "threads"),
    [
        (16, {}, 100, 8, 2),
        (16, {}, 3, 3, 5),
        (16, {"workers": 4}, 100, 4, 4),
        (16, {"workers": 16}, 100, 16, 1),
        (16, {"workers": 2, "threads": 1}, 100, 2, 1),
        (1, {}, 100, 1, 1),
        (2, {"workers": 5}, 100, 5, 1),
    ],
)
def test_cores_are_shared_out(
    configured: Configured, monkeypatch: pytest.MonkeyPatch, cores, asked, n_items, workers, threads
):
    machine(monkeypatch, cores, [])
    places = environments(configured(**{"threads": None, **asked}), n_items)
    assert len(places) == workers
    assert {place["OMP_NUM_THREADS"] for place in places} == {str(threads)}
    assert not any("CUDA_VISIBLE_DEVICES" in place for place in places)


def test_each_gpu_has_a_worker_of_its_own(configured: Configured, monkeypatch: pytest.MonkeyPatch):
    machine(monkeypatch, 16, ["2", "5"])
    places = environments(configured(device="auto", threads=None), 100)
    assert [place["CUDA_VISIBLE_DEVICES"] for place in places] == ["2", "5"]
    assert {place["OMP_NUM_THREADS"] for place in places} == {"8"}
    assert len(environments(configured(workers=4), 100)) == 4


class _Fragile:
    """A worker that dies of its first items."""

    deaths = 0

    def do(self, item: Item) -> Record:
        if _Fragile.deaths > 0:
            _Fragile.deaths -= 1
            raise WorkerDied
        return Record(item.name, item.image, item.prompts, "done", {})

    def close(self) -> int:
        return -9


@pytest.mark.parametrize(("deaths", "state"), [(0, "done"), (1, "done"), (2, "failed")])
def test_an_item_that_kills_is_tried_once_more(stacks: Path, configured: Configured, deaths: int, state: str):
    settings = configured()
    records = Records(settings)
    records.folder.mkdir(parents=True)
    item = find_items(settings)[0]
    _Fragile.deaths = deaths
    worker, record = do_stubbornly(_Fragile, None, item, records)  # type: ignore[arg-type]
    assert record.state == state
    assert (worker is None) == (state == "failed")
    if state == "failed":
        assert "killed by signal 9, 2 times" in str(record.error)
        assert records.read(item) == record
