"""Saved sessions: what the file says, and each way in which one is refused."""

import errno
import json
import os

import numpy as np
import pytest

from napari_sam2 import __version__
from napari_sam2.errors import InputError
from napari_sam2.session import ModelStamp, Session


@pytest.fixture
def edited(session, square):
    """A session with edits of every kind."""
    session.set_parameter("window factor", 3.5)
    session.add_points(1, 0, [(1.25, 2)], [1])
    with session.group():
        session.add_box(2, 3, (1, 1, 8, 9))
        session.add_points(2, 3, [(2, 2), (3, 3)], [1, 0])
    session.add_mask(3, 5, square())
    session.propagate(stop=10)
    session.remove_point(2, 3, 1)
    session.lock(2, 4, square(4))
    session.unlock(2, 4)
    session.rename_object(3, "Kern µ 核")
    session.remove_prompt(3, 5)
    session.delete_object(3)
    session.propagate([1, 2], "backward", 2, 9)
    session.model = ModelStamp("nano", "ab" * 32)
    return session


@pytest.fixture
def file(edited, tmp_path):
    """That session, saved."""
    edited.save(tmp_path / "session.json")
    return tmp_path / "session.json"


def refused(file, frames, *words, **options):
    with pytest.raises(InputError) as caught:
        Session.load(file, frames, **options)
    message = str(caught.value)
    assert all(word in message for word in (str(file), *words)), message
    assert "\n" not in message and not message.endswith("."), message


def changed(file, change) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def test_the_file_names_image_model_and_program(file):
    document = json.loads(file.read_text(encoding="utf-8"))
    edits = document.pop("edits")
    assert document == {
        "format": "napari-sam2 session",
        "version": 2,
        "program": f"napari-sam2 {__version__}",
        "image": {
            "name": "cells",
            "source": "cells.tif",
            "shape": [20, 12, 16],
            "axis": "t",
            "dtype": "uint16",
            "fingerprint": "fingerprint 0 (20, 12, 16)",
        },
        "model": {"name": "nano", "sha256": "ab" * 32},
        "parameters": {"window factor": 3.5},
    }
    assert edits[1] == {
        "kind": "add_points",
        "object_id": 1,
        "frame": 0,
        "points": [[1.25, 2.0]],
        "labels": [1],
    }
    assert edits[2]["kind"] == "group" and len(edits[2]["edits"]) == 2
    assert edits[3]["mask"]["shape"] == [12, 16] and sum(edits[3]["mask"]["runs"]) == 12 * 16


def test_each_edit_is_one_line(file, edited):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('  {"kind"') for line in lines) == len(edited.history)


def test_a_loaded_session_is_the_same_and_can_be_undone(file, edited, small_frames):
    loaded = Session.load(file, small_frames())
    assert loaded.history == edited.history
    assert loaded.objects == edited.objects
    assert loaded.model == edited.model
    while edited.undo():
        assert loaded.undo()
        assert loaded.objects == edited.objects and loaded.parameters == edited.parameters
    assert not loaded.can_undo


def test_undone_edits_are_not_saved(edited, tmp_path, small_frames):
    edited.undo()
    edited.save(tmp_path / "a.json")
    assert Session.load(tmp_path / "a.json", small_frames()).history == edited.history


def test_an_empty_session_of_an_array_without_a_model(tmp_path, small_frames):
    Session(small_frames(source=None)).save(tmp_path / "a.json")
    loaded = Session.load(tmp_path / "a.json", small_frames())
    assert loaded.history == () and loaded.model is None
    assert json.loads((tmp_path / "a.json").read_text())["image"]["source"] is None


def test_only_the_name_of_the_source_is_written(tmp_path, small_frames):
    for source in ("/home/anna/a.tif", r"C:\Users\anna\a.tif"):
        Session(small_frames(source=source)).save(tmp_path / "a.json")
        text = (tmp_path / "a.json").read_text()
        assert "anna" not in text and '"a.tif"' in text


def test_a_name_that_is_no_valid_unicode_survives(session, tmp_path, small_frames):
    session.add_points(1, 0, [(1, 1)], [1])
    session.rename_object(1, "\ud800")
    session.save(tmp_path / "a.json")
    assert Session.load(tmp_path / "a.json", small_frames()).objects[1].name == "\ud800"


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_full_disk_loses_nothing_of_the_earlier_file(edited, file, monkeypatch, fails):
    before = file.read_bytes()
    edited.undo()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, fails, full)
    with pytest.raises(InputError, match="disk full"):
        edited.save(file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["session.json"]


def test_a_folder_that_does_not_exist(edited, tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        edited.save(tmp_path / "nowhere" / "session.json")


# -- files that are refused ------------------------------------------------------------------------


def test_no_such_file(tmp_path, small_frames):
    refused(tmp_path / "session.json", small_frames(), "no session file")


def test_a_folder(tmp_path, small_frames):
    refused(tmp_path, small_frames(), "cannot read")


@pytest.mark.parametrize(
    "content", [b"", b"object_id,frame", b"\xff\xfe", b'{"format": NaN}', b"[" * 100_000, b"1" * 10_000]
)
def test_not_json(tmp_path, small_frames, content):
    (tmp_path / "a.json").write_bytes(content)
    refused(tmp_path / "a.json", small_frames(), "not a session file", "JSON")


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": "geff"}', "null"])
def test_json_of_something_else(tmp_path, small_frames, content):
    (tmp_path / "a.json").write_text(content)
    refused(tmp_path / "a.json", small_frames(), "format", "napari-sam2 session")


def test_half_a_file(file, small_frames):
    file.write_bytes(file.read_bytes()[:-40])
    refused(file, small_frames(), "JSON")


def test_a_newer_version(file, small_frames):
    changed(file, lambda d: d.update(version=3, program="napari-sam2 9.0"))
    refused(file, small_frames(), "napari-sam2 9.0", "version 3", "update")


def test_a_file_of_version_1_is_read_as_it_is(file, small_frames):
    before = Session.load(file, small_frames()).history

    def older(document):
        document["version"] = 1
        for edit in document["edits"]:
            edit.pop("results", None)

    changed(file, older)
    assert Session.load(file, small_frames()).history == before


def test_divisions_absences_and_stopped_propagations(small_frames, tmp_path):
    session = Session(small_frames())
    for object_id in (1, 2, 3):
        session.add_points(object_id, 0, [(4, 4)], [1])
    session.propagate(results=7)
    session.lock(3, 5, np.zeros((12, 16), bool))
    session.mark_division(1, 4, [1, 2])
    session.mark_division(1, 9, [3])
    session.unmark_division(1, 9)
    session.save(tmp_path / "session.json")
    again = Session.load(tmp_path / "session.json", small_frames())
    assert again.history == session.history and again.divisions == ((1, 4, (1, 2)),)
    assert not again.objects[3].locks[5].any()


@pytest.mark.parametrize("version", [None, "1", 0, 1.5, True])
def test_a_version_that_is_none(file, small_frames, version):
    changed(file, lambda d: d.update(version=version))
    refused(file, small_frames(), "'version'")


def test_another_image(file, small_frames, edited):
    refused(file, small_frames(seed=1, name="other"), "another image", "cells", "20 x 12 x 16", "other")
    assert Session.load(file, small_frames(seed=1), check_image=False).history == edited.history


def test_an_image_that_the_edits_do_not_fit(file, small_frames):
    refused(file, small_frames(shape=(4, 12, 16)), "edit 4", "frame 5", check_image=False)
    refused(file, small_frames(shape=(20, 8, 8)), "edit 4", "object 3, frame 5", "mask", check_image=False)


@pytest.mark.parametrize("field", ["image", "edits", "parameters"])
def test_a_field_that_lacks(file, small_frames, field):
    changed(file, lambda d: d.pop(field))
    refused(file, small_frames(), repr(field))


@pytest.mark.parametrize(
    "options", [{"image_size": "512"}, {"precision": "int4"}, {"average": 1}, {"size": 1}]
)
def test_a_model_loaded_in_a_way_that_there_is_not(file, small_frames, options):
    changed(file, lambda d: d["model"].update(options=options))
    refused(file, small_frames(), "option", repr(next(iter(options))))


@pytest.mark.parametrize("model", [3, {"name": "nano"}, {"name": 1, "sha256": "ab"}])
def test_a_model_that_is_none(file, small_frames, model):
    changed(file, lambda d: d.update(model=model))
    refused(file, small_frames(), "must be")


def test_parameters_that_no_edit_set(file, small_frames):
    changed(file, lambda d: d["parameters"].update({"window factor": 4}))
    refused(file, small_frames(), "parameters", "set_parameter")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"kind": "paint"}, ["'paint'", "add_points"]),
        ({}, ["None"]),
        ({"kind": []}, ["kind"]),
        (7, ["'kind'"]),
        ({"kind": "group"}, ["'edits'"]),
        ({"kind": "group", "edits": 3}, ["'edits'"]),
        ({"kind": "group", "edits": [{"kind": "group", "edits": []}]}, ["'group'"]),
        ({"kind": "delete_object"}, ["fields", "object_id"]),
        ({"kind": "delete_object", "object_id": 1, "frame": 2}, ["fields", "frame"]),
        ({"kind": "delete_object", "object_id": 9}, ["object 9"]),
        ({"kind": "unlock", "object_id": 1, "frame": 0}, ["object 1, frame 0"]),
        ({"kind": "add_points", "object_id": 1, "frame": 99, "points": [], "labels": []}, ["frame 99"]),
        ({"kind": "add_points", "object_id": 1, "frame": 0, "points": {}, "labels": []}, ["points"]),
        ({"kind": "add_box", "object_id": 1, "frame": 0, "box": [10**400, 0, 1, 1]}, ["box"]),
        ({"kind": "propagate", "object_ids": 3, "direction": "both", "start": 0, "stop": 1}, ["list"]),
        ({"kind": "add_mask", "object_id": 1, "frame": 0, "mask": None}, ["mask"]),
        ({"kind": "add_mask", "object_id": 1, "frame": 0, "mask": {"shape": [12], "runs": []}}, ["mask"]),
        (
            {"kind": "add_mask", "object_id": 1, "frame": 0, "mask": {"shape": [12, 16], "runs": [9, 9]}},
            ["18", "12 x 16"],
        ),
    ],
)
def test_edits_that_do_not_apply(file, small_frames, edit, words):
    changed(file, lambda d: d["edits"].insert(4, edit))
    refused(file, small_frames(), "edit 5", *words)
