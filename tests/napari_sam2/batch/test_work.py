"""One item: where its prompts come from, and one sentence for each that cannot be done."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import Item, find_items
from napari_sam2.batch.records import Record, Records
from napari_sam2.batch.work import do_item
from napari_sam2.session import Session

Configured = Callable[..., Settings]


@pytest.fixture
def ready(stacks: Path, tiny_weights: Path) -> Path:
    shutil.copy(tiny_weights, stacks / "tiny.safetensors")
    return stacks


def first(settings: Settings) -> Item:
    return find_items(settings)[0]


def labels(settings: Settings, item: Item) -> np.ndarray:
    return tifffile.imread(settings.results / item.name / "labels.tif")


def test_an_item_is_done_once(ready: Path, configured: Configured):
    settings = configured()
    item = first(settings)
    record = do_item(settings, item)
    assert (record.state, record.objects, record.frames) == ("done", 1, 2)
    assert Records(settings).read(item) == record
    assert do_item(settings, item) == record

    # killed after the results had their name, before the record was written
    Records(settings).write(item, replace(record, state="begun", fingerprint=None, model_sha256=None))
    assert do_item(settings, item) == record

    # a session of one item applied to another one, and to itself
    saved = settings.results / "a" / "session.json"
    applied = configured(prompts=str(saved), other_image=True, out="applied", model=None, framing=None)
    assert "no name here" in str(do_item(applied, first(applied)).error)
    applied = configured(prompts=str(saved), other_image=True, out="applied", framing=None)
    one, other, _ = find_items(applied)
    assert do_item(applied, one).state == "done"
    assert np.array_equal(labels(applied, one), labels(settings, item))
    assert do_item(applied, other).state == "done"
    assert json.loads((applied.results / "b" / "session.json").read_text())["image"]["name"] == "b"


def test_prompts_by_rule(ready: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch):
    def seeded(frames, rule, *, diameter, model, framing, direction, start, stop):
        assert (rule, diameter, model.name, direction) == ("spots", 5.0, "tiny", "forward")
        session = Session(frames)
        session.add_points(object_id=3, frame=0, points=[(10, 10)], labels=[1])
        return session

    monkeypatch.setattr("napari_sam2.batch.work.seeded_session", seeded)
    settings = configured(prompts={"auto": "spots", "diameter": 5.0}, direction="forward")
    item = first(settings)
    assert do_item(settings, item).error is None
    assert set(np.unique(labels(settings, item))) == {0, 3}


def failure(settings: Settings, item: Item) -> str:
    record = do_item(settings, item)
    assert record.state == "failed"
    assert record.error is not None and "\n" not in record.error
    assert not (settings.results / item.name).exists()
    assert Records(settings).read(item) == record
    return record.error


def test_labels_that_do_not_fit(ready: Path, configured: Configured):
    tifffile.imwrite(ready / "painted.tif", np.ones((3, 5), np.uint8))
    settings = configured(images=["movies"], prompts="painted.tif")
    told = failure(settings, first(settings))
    assert "painted.tif: the labels have shape 3 x 5, but the image needs 2 x 24 x 24" in told


def test_prompts_that_lack(ready: Path, configured: Configured):
    (ready / "movies" / "a_clicks.csv").unlink()
    settings = configured()
    assert "there is no prompts file" in failure(settings, first(settings))


def test_the_session_of_another_image(ready: Path, configured: Configured):
    settings = configured()
    do_item(settings, first(settings))
    for name in "abc":
        shutil.copy(settings.results / "a" / "session.json", ready / "movies" / f"{name}.json")
    replayed = configured(prompts="{stem}.json", out="again", framing=None)
    own, other, _ = find_items(replayed)
    told = failure(replayed, other)
    assert "made on another image, a of shape 2 x 24 x 24" in told and "other-image" in told
    assert do_item(replayed, own).state == "done"
    assert np.array_equal(labels(replayed, own), labels(settings, own))


def test_a_fault_of_the_program_keeps_its_traceback(
    ready: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("napari_sam2.batch.work.read_session", broken)
    settings = configured()
    record = do_item(settings, first(settings))
    assert record.state == "failed"
    assert str(record.error).startswith("Traceback") and "ZeroDivisionError: oops" in str(record.error)


def test_results_that_no_batch_made_are_kept(ready: Path, configured: Configured):
    settings = configured()
    (settings.results / "a").mkdir(parents=True)
    (settings.results / "a" / "thesis.docx").touch()
    item = first(settings)
    record: Record = do_item(settings, item, overwrite=True)
    assert "holds 'thesis.docx', which no run" in str(record.error)
    assert (settings.results / "a" / "thesis.docx").exists()
