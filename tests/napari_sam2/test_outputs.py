"""A folder of results is whole or absent, whatever happens to the run."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from napari_sam2.errors import InputError
from napari_sam2.outputs import OutputFolder, whole_file, writing

REQUEST = {"image": "abc", "edits": [1, 2], "model": "nano"}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def run(out, text="masks", request=REQUEST, **options):
    with OutputFolder(out, request, **options) as folder:
        (folder.path / "labels.tif").write_text(text)
        return folder.finish()


def interrupt(out, request=REQUEST, text="half"):
    with pytest.raises(KeyboardInterrupt), OutputFolder(out, request) as folder:
        (folder.path / "labels.tif").write_text(text)
        raise KeyboardInterrupt


def test_results_appear_all_at_once(tmp_path):
    out = tmp_path / "results" / "first"
    with OutputFolder(out, REQUEST) as folder:
        assert not folder.resumed
        assert folder.path == tmp_path / "results" / "first.partial"
        (folder.path / "labels.tif").write_text("masks")
        (folder.path / "store").mkdir()
        (folder.path / "store" / "chunk").write_text("scratch")
        assert not out.exists()
        assert folder.finish(without=["store"]) == out
    assert names(out) == ["labels.tif", "run.json"]
    assert names(out.parent) == ["first"]
    assert json.loads((out / "run.json").read_text())["files"] == ["labels.tif"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    run(tmp_path / "out")
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["labels.tif", "run.json"]


def test_the_same_request_goes_on_after_an_interruption(tmp_path):
    interrupt(tmp_path / "out")
    assert names(tmp_path) == ["out.partial"]
    with OutputFolder(tmp_path / "out", dict(reversed(REQUEST.items()))) as folder:
        assert folder.resumed
        assert (folder.path / "labels.tif").read_text() == "half"
        folder.finish()
    assert names(tmp_path) == ["out"]


def test_another_request_starts_over(tmp_path):
    interrupt(tmp_path / "out")
    with OutputFolder(tmp_path / "out", REQUEST | {"model": "tiny"}) as folder:
        assert not folder.resumed
        assert names(folder.path) == ["run.json"]


def test_a_run_that_wrote_nothing_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="bad prompt"), OutputFolder(tmp_path / "a" / "out", REQUEST):
        raise InputError("bad prompt")
    assert names(tmp_path) == []


def test_results_are_not_replaced_unasked(tmp_path):
    run(tmp_path / "out")
    with pytest.raises(
        InputError, match=r"out already holds results; choose another --out or add --overwrite"
    ):
        run(tmp_path / "out", "other")
    assert (tmp_path / "out" / "labels.tif").read_text() == "masks"
    assert names(tmp_path) == ["out"]


def test_overwrite_replaces_them_only_at_the_end(tmp_path):
    run(tmp_path / "out")
    (tmp_path / "out" / ".DS_Store").touch()
    with OutputFolder(tmp_path / "out", REQUEST, overwrite=True) as folder:
        (folder.path / "regions.csv").write_text("new")
        assert (tmp_path / "out" / "labels.tif").read_text() == "masks"
        folder.finish()
    assert names(tmp_path / "out") == ["regions.csv", "run.json"]
    assert names(tmp_path) == ["out"]


def test_overwrite_spares_what_no_run_wrote(tmp_path):
    run(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes.txt', which no run"):
        run(tmp_path / "out", overwrite=True)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "movie.tif").touch()
    with pytest.raises(InputError, match=r"holds 'movie.tif', which no run"):
        run(tmp_path / "raw", overwrite=True)
    assert names(tmp_path) == ["out", "raw"]


def test_overwrite_spares_the_folder_that_it_reads_from(tmp_path):
    run(tmp_path / "out")
    with pytest.raises(InputError, match=r"would replace the folder that .*labels.tif is read from"):
        run(tmp_path / "out", overwrite=True, inputs=[tmp_path / "out" / "labels.tif"])
    assert (tmp_path / "out" / "labels.tif").read_text() == "masks"


def test_a_results_folder_filled_meanwhile_is_not_replaced(tmp_path):
    with (
        pytest.raises(InputError, match="holds 'x', which no run"),
        OutputFolder(tmp_path / "out", REQUEST) as folder,
    ):
        (folder.path / "labels.tif").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x").touch()
        folder.finish()
    assert names(tmp_path) == ["out", "out.partial"]


@pytest.mark.parametrize("place", ["out.partial", "out.replaced"])
def test_a_strangers_folder_with_our_name_is_not_touched(tmp_path, place):
    (tmp_path / place).mkdir()
    (tmp_path / place / "thesis.tex").touch()
    with pytest.raises(InputError, match=f"{place} is in the way"):
        run(tmp_path / "out")
    assert names(tmp_path / place) == ["thesis.tex"]


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "out").write_text("file")
    with pytest.raises(InputError, match="out is a file"):
        run(tmp_path / "out")
    with pytest.raises(InputError, match=r"cannot write .*below: "):
        run(tmp_path / "out" / "below")
    assert (tmp_path / "out").read_text() == "file"


def test_the_folder_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for out in (".", "..", "/"):
        with pytest.raises(InputError, match="is the folder this command runs in"):
            run(out)
    assert names(tmp_path / "here") == []


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    def refuse(self, *_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"^cannot write .*out: Permission denied; "):
        run(tmp_path / "out")
    monkeypatch.undo()
    assert names(tmp_path) == []


def test_two_runs_do_not_share_a_folder(tmp_path):
    with OutputFolder(tmp_path / "out", REQUEST) as folder:
        (folder.path / "labels.tif").touch()
        with pytest.raises(InputError, match="another run is writing"):
            run(tmp_path / "out")
        folder.finish()
    assert names(tmp_path) == ["out"]


KILLED = """
import os, signal, sys
from napari_sam2.outputs import OutputFolder
with OutputFolder(sys.argv[1], {"image": "abc", "edits": [1, 2], "model": "nano"}) as folder:
    (folder.path / "labels.tif").write_text("half")
    print("written", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_kept_out_until_it_dies(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "written\n"
        with pytest.raises(InputError, match="another run is writing"):
            run(tmp_path / "out")
        process.kill()
        process.wait()
    with OutputFolder(tmp_path / "out", REQUEST) as folder:
        assert folder.resumed and (folder.path / "labels.tif").read_text() == "half"
        folder.finish()
    assert names(tmp_path) == ["out"]


def test_a_run_killed_while_replacing_loses_neither_side(tmp_path):
    run(tmp_path / "out", "old")
    interrupt(tmp_path / "new", text="new")
    (tmp_path / "out").rename(tmp_path / "out.replaced")
    (tmp_path / "new.partial").rename(tmp_path / "out.partial")
    with pytest.raises(InputError, match="already holds results"):
        run(tmp_path / "out")
    assert (tmp_path / "out" / "labels.tif").read_text() == "old"
    with OutputFolder(tmp_path / "out", REQUEST, overwrite=True) as folder:
        assert folder.resumed
        folder.finish()
    assert (tmp_path / "out" / "labels.tif").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_a_run_killed_while_removing_the_replaced_results_is_tidied_up(tmp_path):
    run(tmp_path / "out", "old")
    shutil.copytree(tmp_path / "out", tmp_path / "out.replaced")
    run(tmp_path / "out", "new", overwrite=True)
    assert names(tmp_path) == ["out"]


def test_results_that_cannot_be_put_in_place_are_kept(tmp_path, monkeypatch):
    run(tmp_path / "out", "old")
    ordinary = Path.rename

    def refuse(self, target):
        if self.name == "out.partial":
            raise PermissionError(errno.EACCES, "Permission denied")
        return ordinary(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match=r"out cannot be replaced \(Permission denied\)"):
        run(tmp_path / "out", "new", overwrite=True)
    monkeypatch.undo()
    assert (tmp_path / "out" / "labels.tif").read_text() == "old"
    with OutputFolder(tmp_path / "out", REQUEST, overwrite=True) as folder:
        assert folder.resumed
        folder.finish()
    assert (tmp_path / "out" / "labels.tif").read_text() == "new"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence_and_the_work_is_kept(tmp_path, number):
    with (
        pytest.raises(
            InputError, match=r"^disk full while writing .*out/regions.csv; free some space and run the"
        ),
        OutputFolder(tmp_path / "out", REQUEST) as folder,
    ):
        (folder.path / "labels.tif").write_text("half")
        raise OSError(number, os.strerror(number), "out/regions.csv")
    assert names(tmp_path) == ["out.partial"]
    with OutputFolder(tmp_path / "out", REQUEST) as folder:
        assert folder.resumed


def test_other_failures_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), OutputFolder(tmp_path / "out", REQUEST):
        (tmp_path / "movie.tif").read_bytes()


def test_a_record_that_cannot_be_read_starts_over(tmp_path):
    interrupt(tmp_path / "out")
    (tmp_path / "out.partial" / "run.json").write_text("[")
    with OutputFolder(tmp_path / "out", REQUEST) as folder:
        assert not folder.resumed


def test_whole_file_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "session.json"
    with whole_file(path) as partial:
        partial.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as partial:
        partial.write_text("half of the n")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert names(tmp_path) == ["session.json"]


def test_writing_names_the_file_and_the_reason(tmp_path):
    with (
        pytest.raises(InputError, match=r"^cannot write here: Permission denied; mend that"),
        writing("here"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied")
