"""Saved as it happens: a restart, another viewer, a full disk, and a process that is killed midway."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from napari_sam2 import Session, open_frames, track
from napari_sam2.errors import InputError
from napari_sam2.interactive import autosave
from napari_sam2.interactive.autosave import autosaved
from napari_sam2.interactive.live import Live
from napari_sam2.session.edits import flattened

SCRIPT = """
import sys
from napari_sam2 import open_frames
from napari_sam2.interactive.live import Live
from napari_sam2.session.edits import flattened

live = Live(open_frames(sys.argv[1], axis="t"))
live.add_box(1, 0, (12, 6, 28, 22))
live.propagate(stop=4)
live.wait(300)
live.add_box(2, 2, (28, 30, 38, 44))
live.wait(300)
live.propagate()
while live.busy:
    live.poll(0.01)
    if live.progress is not None and live.progress.done >= 3:
        print("three frames", flush=True)
"""


def shown(live) -> np.ndarray:
    return np.array(live.store.labels)


def worked(live) -> None:
    """Objects, a propagation, a correction that waits, an absence, a division, something undone."""
    live.add_points(1, 0, [(20, 12)], [1])
    live.add_box(2, 0, (4, 30, 12, 38))
    live.propagate()
    live.wait()
    live.mark_division(1, [1, 2], 6)
    live.add_points(1, 5, [(30, 12)], [1])
    live.wait()
    live.painted(2, 9, np.zeros((40, 48), bool))
    live.rename_object(1, "mother")
    live.undo()
    live.checked.add((3, 1, "jumps"))


def same_again(live, other) -> None:
    assert other.session.history == live.session.history
    assert np.array_equal(shown(other), shown(live)) and other.scores().equals(live.scores())
    assert other.session.divisions == live.session.divisions
    for _ in live.session.history:
        live.undo(), other.undo()
        live.wait(), other.wait()
        assert np.array_equal(shown(other), shown(live))
    assert not shown(other).any() and not other.can_undo


def test_nothing_is_written_before_there_is_something_to_save(frames, simple):
    with closing(Live(frames)) as live:
        assert autosaved(frames) is None and not live.autosave_path.parent.exists()
    assert not live.autosave_path.parent.exists()


def test_after_a_restart_everything_is_as_it_was_and_can_be_undone(live, frames, simple):
    worked(live)
    live.close()
    with closing(Live.resume(autosaved(frames), frames)) as other:
        assert other._engine.asked == [], "no model is needed to see what there was"
        other.wait()
        with closing(Live(frames)) as fresh:
            worked(fresh)
            same_again(fresh, other)


def test_a_session_saved_by_hand_is_resumed_from_there(live, frames, simple, tmp_path):
    worked(live)
    live.save(tmp_path / "mine.json")
    assert (tmp_path / "mine.masks").exists()
    text = (tmp_path / "mine.json").read_text()
    with closing(Live.resume(tmp_path / "mine.json", frames)) as other:
        assert other.checked == {(3, 1, "jumps")} and other.autosave_path.parent != tmp_path
        same_again(live, other)
    assert (tmp_path / "mine.json").read_text() == text


def test_a_session_without_its_masks_finds_them_again(live, frames, simple, tmp_path):
    worked(live)
    live.save(tmp_path / "mine.json")
    (tmp_path / "mine.masks").unlink()
    with closing(Live.resume(tmp_path / "mine.json", frames)) as other:
        other.wait()
        same_again(live, other)


def test_masks_of_another_session_are_not_taken(live, frames, simple, tmp_path):
    worked(live)
    live.save(tmp_path / "mine.json")
    with closing(Live(frames)) as other:
        other.add_points(7, 3, [(9, 9)], [1])
        other.propagate()
        other.wait()
        other.save(tmp_path / "other.json")
    os.replace(tmp_path / "other.masks", tmp_path / "mine.masks")
    with closing(Live.resume(tmp_path / "mine.json", frames)) as again:
        again.wait()
        assert np.array_equal(shown(again), shown(live))


def test_work_after_a_restart_is_saved_too(live, frames, simple):
    worked(live)
    live.close()
    path = autosaved(frames)
    with closing(Live.resume(path, frames)) as other:
        assert other.autosave_path == path
        other.add_points(3, 2, [(35, 40)], [1])
        other.propagate()
        other.wait()
        before = shown(other)
    with closing(Live.resume(path, frames)) as third:
        assert np.array_equal(shown(third), before)
        while third.undo():
            third.wait()
        assert not shown(third).any()


def test_a_new_session_puts_the_earlier_one_aside(live, frames, simple):
    worked(live)
    before = shown(live)
    live.close()
    with closing(Live(frames)) as other:
        assert autosaved(frames) is not None
        other.add_points(1, 0, [(20, 12)], [1])
        previous = Path(f"{other.autosave_path.parent}.previous") / "session.json"
        with closing(Live.resume(previous, frames)) as third:
            assert np.array_equal(shown(third), before)


def test_two_viewers_on_one_image_do_not_touch_each_other(live, frames, simple):
    live.add_points(1, 0, [(20, 12)], [1])
    with closing(Live(frames)) as other:
        other.add_points(2, 3, [(20, 12)], [1])
        assert other.autosave_path.parent != live.autosave_path.parent
        assert autosaved(frames) is None, "a session that is open is not offered"
        assert {1} == set(Session.load(live.autosave_path, frames).objects)
        assert {2} == set(Session.load(other.autosave_path, frames).objects)


def test_a_disk_that_takes_nothing_costs_only_the_autosave(frames, simple, monkeypatch):
    def closed(frames):
        raise InputError("cannot write /data: Permission denied; mend that or choose another place")

    monkeypatch.setattr(autosave, "autosave_folder", closed)
    with closing(Live(frames)) as live:
        notices = []
        live.notice.connect(notices.append)
        worked(live)
        assert len(notices) == 1 and "not saved as you work" in notices[0] and "Permission" in notices[0]
        assert live.undo() and shown(live).any()


def test_what_cannot_be_resumed_is_one_sentence(live, frames, simple, tmp_path, stack):
    with pytest.raises(InputError, match="no saved session"):
        Live.resume(tmp_path, frames)
    worked(live)
    live.save(tmp_path / "mine.json")
    with pytest.raises(InputError, match="where its image is"):
        Live.resume(tmp_path / "mine.json")
    with pytest.raises(InputError, match="another image"):
        Live.resume(tmp_path / "mine.json", open_frames(stack[::-1].copy(), axis="t"))


def test_a_saved_session_tells_nobody_where_the_image_lies(live, tmp_path, monkeypatch):
    monkeypatch.setattr(live.frames, "source", "/patients/Jane Doe/scan.tif")
    worked(live)
    live.save(tmp_path / "mine.json")
    assert "patients" not in (tmp_path / "mine.json").read_text()
    assert json.loads(live.autosave_path.read_text())["more"]["source"] == "/patients/Jane Doe/scan.tif"


def test_a_viewer_killed_midway_loses_nothing(stack, tmp_path, simple):
    tifffile = pytest.importorskip("tifffile")
    image = tmp_path / "cells.tif"
    tifffile.imwrite(image, stack, imagej=True, metadata={"axes": "TYX"})
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(image)], stdout=subprocess.PIPE, text=True
    ) as viewer:
        assert viewer.stdout.readline() == "three frames\n"
        viewer.send_signal(signal.SIGKILL)
    with open_frames(image, axis="t") as frames:
        path = autosaved(frames)
        with closing(Live.resume(path)) as live:
            assert str(live.frames.source) == str(image)
            assert list(flattened(live.session.history))[-1].results >= 3
            before = shown(live)
            live.save(tmp_path / "session.json")
            # The model itself finds the very same masks from the session that was left behind.
            assert np.array_equal(before, track(Session.load(tmp_path / "session.json", frames)).to_labels())
            assert live.undo() and live.mask(2, 2).any(), "the click of before is shown without a model"
            live.redo()
            assert np.array_equal(shown(live), before)
            live.propagate()
            live.wait()
            assert live.store.labels[11].any()
