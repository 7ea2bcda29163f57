"""Whole batches through the real command: killed, gone on with, with corrupt stacks, on a Dask cluster."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import tifffile
from filelock import FileLock

from napari_sam2.analysis import read_table
from napari_sam2.cli.main import run

# Processes that import torch anew are slow to start where many others wait for the same cores.
pytestmark = pytest.mark.timeout(1800)

N_STACKS = 40
CORRUPT = {"s3", "s17", "s30"}
"""One truncated, one that is no TIFF, one empty."""


def records(folder: Path) -> dict[str, dict[str, object]]:
    found = {}
    for path in (folder / "results" / "records").glob("*.json"):
        record = json.loads(path.read_text())
        found[record["name"]] = record
    return found


def done_in(folder: Path) -> set[str]:
    return {name for name, record in records(folder).items() if record["state"] == "done"}


def wait_until(true: object, seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def killed_and_run_again(
    tmp_path_factory: pytest.TempPathFactory, write_batch: Callable[..., None]
) -> tuple[Path, dict[str, dict[str, object]]]:
    """A batch that was killed when some stacks were done, and run again; the records of its first run."""
    folder = tmp_path_factory.mktemp("forty")
    write_batch(folder, N_STACKS, CORRUPT)
    command = "import sys; from napari_sam2.cli.main import main; sys.exit(main())"
    words = [sys.executable, "-c", command, "batch", str(folder / "batch.yaml")]
    first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(done_in(folder)) >= 5)
    workers = psutil.Process(first.pid).children(recursive=True)
    assert len(workers) == 2
    first.send_signal(signal.SIGKILL)
    first.wait()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive, "workers whose batch was killed go too"
    before = {name: record for name, record in records(folder).items() if record["state"] == "done"}
    assert run(["batch", str(folder / "batch.yaml")]) == 2
    return folder, before


@pytest.mark.slow
def test_killed_and_run_again_each_stack_is_done_once(
    killed_and_run_again: tuple[Path, dict[str, dict[str, object]]],
):
    folder, before = killed_and_run_again
    after = records(folder)
    assert 5 <= len(before) < N_STACKS - len(CORRUPT)
    assert {name for name, record in after.items() if record["state"] == "failed"} == CORRUPT
    assert len(done_in(folder)) == N_STACKS - len(CORRUPT)
    for name, record in before.items():
        assert after[name] == record, f"{name} was done twice"
    assert not list((folder / "results").glob("*.partial*"))


@pytest.mark.slow
def test_the_tables_of_all_stacks_are_theirs(
    killed_and_run_again: tuple[Path, dict[str, dict[str, object]]],
):
    folder, _ = killed_and_run_again
    for table in ("regions", "tracks"):
        rows = pd.read_parquet(folder / "results" / f"{table}.parquet")
        assert set(rows["item"]) == {f"s{k}" for k in range(N_STACKS)} - CORRUPT
        for name, own in rows.groupby("item"):
            expected = read_table(folder / "results" / str(name) / f"{table}.csv")
            own = own[expected.columns].reset_index(drop=True)
            pd.testing.assert_frame_equal(own, expected, check_dtype=False)


@pytest.mark.slow
def test_the_manifest_tells_all(killed_and_run_again: tuple[Path, dict[str, dict[str, object]]]):
    folder, _ = killed_and_run_again
    manifest = json.loads((folder / "results" / "manifest.json").read_text())
    assert manifest["counts"] == {"done": 37, "failed": 3, "to do": 0, "changed": 0}
    by_name = {item["name"]: item for item in manifest["items"]}
    for name in CORRUPT:
        assert by_name[name]["error"].count("\n") == 0
        assert f"{name}.tif" in by_name[name]["error"]
    good = by_name["s0"]
    assert len(good["fingerprint"]) == len(good["model_sha256"]) == len(good["prompts_sha256"]) == 64
    assert good["versions"]["torch"] and good["seconds"] > 0 and good["threads"] == 1
    assert manifest["settings"]["framing"] == "frame"


@pytest.mark.slow
def test_once_more_only_the_failed_are_tried_again(
    killed_and_run_again: tuple[Path, dict[str, dict[str, object]]],
    write_stack: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
):
    folder, _ = killed_and_run_again
    before = records(folder)
    write_stack(folder / "movies", "s3", 3)
    assert run(["batch", str(folder / "batch.yaml")]) == 2
    told = capsys.readouterr()
    assert "2 of 40 items failed" in told.err
    assert "40 items, 38 done, 2 failed" in told.out
    assert "failed: s17: " in told.out and "failed: s30: " in told.out
    after = records(folder)
    assert {name for name in after if after[name] != before[name]} == CORRUPT


@pytest.fixture
def small(tmp_path: Path, write_batch: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Path:
    write_batch(tmp_path, 3, {"s1"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_item_after_item_as_a_job_array(small: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["batch", "batch.yaml", "--item", "2"]) == 0
    assert done_in(small) == {"s2"}
    assert not (small / "results" / "regions.parquet").exists()
    assert run(["batch", "batch.yaml", "--collect"]) == 0
    assert set(pd.read_parquet(small / "results" / "tracks.parquet")["item"]) == {"s2"}
    assert run(["batch", "batch.yaml", "--item", "1"]) == 2
    assert "1 of 3 items failed" in capsys.readouterr().err
    assert run(["batch", "batch.yaml", "--item", "0"]) == 0
    assert set(pd.read_parquet(small / "results" / "tracks.parquet")["item"]) == {"s0", "s2"}
    assert run(["batch", "batch.yaml", "--item", "3"]) == 2
    assert "there is no item 3: the batch has items 0 to 2" in capsys.readouterr().err

    # what the batch gives is what track gives
    words = ["track", "movies/s2.tif", "--prompts", "movies/s2_clicks.csv", "--out", "alone"]
    assert run([*words, "--model", "tiny.safetensors", "--framing", "frame", "--device", "cpu"]) == 0
    alone, item = (tifffile.imread(small / path / "labels.tif") for path in ("alone", "results/s2"))
    assert np.array_equal(alone, item)

    # other parameters are not silently those of earlier results
    with open("batch.yaml", "a") as file:
        file.write("step: 30\n")
    assert run(["batch", "batch.yaml"]) == 2
    assert "items in" in (told := capsys.readouterr().err) and "step was not given and is 30" in told
    assert run(["batch", "batch.yaml", "--item", "0", "--overwrite"]) == 0
    manifest = json.loads((small / "results" / "manifest.json").read_text())
    assert [item["state"] for item in manifest["items"]] == ["done", "failed", "changed"]


def test_an_item_that_another_run_is_at_work_on(small: Path, capsys: pytest.CaptureFixture[str]):
    (small / "results" / "records").mkdir(parents=True)
    with FileLock(small / "results" / "records" / "s2.lock"):
        assert run(["batch", "batch.yaml", "--item", "2"]) == 0
    told = capsys.readouterr().out
    assert "another run is at work on s2" in told
    assert not (small / "results" / "s2").exists()
    assert run(["batch", "batch.yaml", "--item", "2"]) == 0
    assert done_in(small) == {"s2"}


def test_two_runs_at_once_share_the_work(small: Path):
    """Each item is done by one of them, and the last of them writes the table."""
    statuses = []
    threads = [
        threading.Thread(target=lambda: statuses.append(run(["batch", "batch.yaml"]))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 2 and 2 in statuses
    assert done_in(small) == {"s0", "s2"}
    assert set(pd.read_parquet(small / "results" / "regions.parquet")["item"]) == {"s0", "s2"}


@pytest.fixture
def cluster() -> Iterator[object]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:::distributed")
def test_on_a_cluster_whose_worker_is_killed_the_tables_are_the_same(
    cluster: object, tmp_path: Path, write_batch: Callable[..., None], capsys: pytest.CaptureFixture[str]
):
    write_batch(tmp_path, 8, {"s3"})
    assert run(["batch", str(tmp_path / "batch.yaml")]) == 2
    (tmp_path / "results").rename(tmp_path / "local")
    victim = next(iter(cluster.workers.values())).pid  # type: ignore[attr-defined]

    def kill() -> None:
        wait_until(lambda: len(done_in(tmp_path)) >= 2)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    address = cluster.scheduler_address  # type: ignore[attr-defined]
    assert run(["batch", str(tmp_path / "batch.yaml"), "--scheduler", address]) == 2
    killer.join()
    assert done_in(tmp_path) == {f"s{k}" for k in range(8)} - {"s3"}
    assert capsys.readouterr().out.count("8 items, 7 done, 1 failed") == 2
    for table in ("regions.parquet", "tracks.parquet"):
        found = (tmp_path / "results" / table).read_bytes()
        assert found == (tmp_path / "local" / table).read_bytes()


def test_no_scheduler(small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("napari_sam2.batch.cluster._ANSWER_WITHIN", 1)
    assert run(["batch", "batch.yaml", "--scheduler", "tcp://127.0.0.1:9"]) == 2
    told = capsys.readouterr().err
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in told
    assert told.count("\n") == 1
