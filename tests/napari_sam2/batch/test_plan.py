"""How items stand: done, failed, to do, or done with something else than is asked for now."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tifffile

from napari_sam2.batch.config import Settings
from napari_sam2.batch.items import find_items
from napari_sam2.batch.plan import count, make_plan
from napari_sam2.batch.records import Record, Records, request, stamp
from napari_sam2.frames import open_frames
from napari_sam2.models.errors import ModelError

Configured = Callable[..., Settings]


@pytest.fixture
def done(stacks: Path, configured: Configured) -> Settings:
    """A batch of which b is done, c has failed and a was not tried."""
    settings = configured()
    records = Records(settings)
    records.folder.mkdir(parents=True)
    _, b, c = find_items(settings)
    with open_frames(b.image) as frames:
        fingerprint = frames.fingerprint()
    asked = request(settings, b)
    record = Record(b.name, b.image, b.prompts, "done", asked, stamp(b.image), fingerprint=fingerprint)
    records.write(b, record)
    records.write(c, Record(c.name, c.image, c.prompts, "failed", {}, error="Traceback:\n  in x\nOops: 1"))
    (settings.results / "b").mkdir()
    (settings.results / "b" / "run.json").write_text(json.dumps({"request": "ab12", "files": []}))
    return settings


def standings(settings: Settings) -> dict[str, tuple[str, str]]:
    return {planned.item.name: (planned.standing, planned.why) for planned in make_plan(settings)}


def test_a_batch_that_was_begun(done: Settings):
    assert standings(done) == {"a": ("to do", ""), "b": ("done", ""), "c": ("failed", "Oops: 1")}
    assert count(make_plan(done)) == {"done": 1, "failed": 1, "to do": 1, "changed": 0}


def test_results_that_were_removed_are_to_do(done: Settings):
    shutil.rmtree(done.results / "b")
    assert standings(done)["b"] == ("to do", "")


def test_prompts_that_lack(done: Settings, stacks: Path):
    (stacks / "movies" / "a_clicks.csv").unlink()
    assert standings(done)["a"] == ("to do", f"there is no {stacks / 'movies' / 'a_clicks.csv'}")


def test_other_parameters(done: Settings, configured: Configured):
    assert standings(configured(step=30.0))["b"] == ("changed", "step was not given and is 30.0")
    assert standings(configured(prompts="auto:spots"))["b"][0] == "changed"


def test_what_changes_no_result_changes_nothing(done: Settings, configured: Configured):
    assert standings(configured(workers=4, threads=2, device="auto"))["b"] == ("done", "")


def test_other_prompts(done: Settings, stacks: Path):
    with open(stacks / "movies" / "b_clicks.csv", "a") as file:
        file.write("2,0,point,3,3,,,1\n")
    assert standings(done)["b"] == ("changed", "prompts changed")


def test_another_model(done: Settings, stacks: Path):
    (stacks / "tiny.safetensors").write_bytes(b"other weights")
    standing, why = standings(done)["b"]
    assert standing == "changed"
    assert why.startswith('model was "tiny.safetensors, SHA-256 ')


def test_a_copy_of_the_image_is_the_image(done: Settings, stacks: Path):
    os.utime(stacks / "movies" / "b.tif", (1, 1))
    assert standings(done)["b"] == ("done", "")


def test_another_image(done: Settings, stacks: Path):
    image = stacks / "movies" / "b.tif"
    tifffile.imwrite(image, tifffile.imread(image)[::-1], imagej=True, metadata={"axes": "TYX"})
    assert standings(done)["b"] == ("changed", "the image changed")
    image.write_bytes(b"damaged")
    assert standings(done)["b"][1].startswith("the image changed: ")


def test_killed_between_results_and_record(done: Settings):
    item = find_items(done)[1]
    records = Records(done)
    record = records.read(item)
    assert record is not None
    records.write(item, replace(record, state="begun", replaced=None))
    assert standings(done)["b"] == ("done", "")
    records.write(item, replace(record, state="begun", replaced="ab12"))
    assert standings(done)["b"] == ("to do", ""), "what lies there is what was to be replaced"


def test_a_damaged_record_counts_for_nothing(done: Settings):
    (done.results / "records" / "c.json").write_text("{")
    assert standings(done)["c"] == ("to do", "")


def test_a_model_that_is_none(configured: Configured):
    with pytest.raises(ModelError, match=r"model: typo\.pt is neither a file nor one of nano"):
        make_plan(configured(model="typo.pt"))
