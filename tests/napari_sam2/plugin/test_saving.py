"""The tab of results: tables, files, and sessions that go on."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_sam2.analysis import read_table
from napari_sam2.interactive import Live
from napari_sam2.interactive.objects import Progress
from napari_sam2.plugin.panel import PromptPanel
from napari_sam2.plugin.saving import Saving
from napari_sam2.plugin.table_view import TableView

IN_TIME = {"scale": (30, 0.5, 0.5), "units": ("s", "um", "um"), "axis_labels": ("t", "y", "x")}


@pytest.fixture(autouse=True)
def sessions(tmp_path, monkeypatch) -> Path:
    """A folder of its own for what is autosaved."""
    monkeypatch.setenv("NAPARI_SAM2_SESSIONS", str(tmp_path / "sessions"))
    return tmp_path / "sessions"


def _mask(frame: int) -> np.ndarray:
    mask = np.zeros((40, 50), bool)
    mask[5:13, 5 + frame : 13 + frame] = True
    return mask


def _open(qtbot) -> PromptPanel:
    viewer = ViewerModel()
    viewer.add_image(
        np.random.default_rng(0).integers(0, 200, (3, 40, 50), np.uint8), name="cells", **IN_TIME
    )
    panel = PromptPanel(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.live is not None)
    return panel


@pytest.fixture
def panel(qtbot) -> PromptPanel:
    """Object 1 on three frames; measured."""
    panel = _open(qtbot)
    for frame in range(3):
        panel.live.add_mask(1, frame, _mask(frame))
    qtbot.waitUntil(lambda: panel.results.tables.complete, timeout=20_000)
    return panel


@pytest.fixture
def saving(panel) -> Saving:
    return panel.findChild(Saving)


@pytest.fixture
def answer(monkeypatch):
    """Answers file dialogs with a path."""

    def give(path: Path | str) -> None:
        for dialog in ("getSaveFileName", "getOpenFileName"):
            monkeypatch.setattr(QFileDialog, dialog, lambda *_, **__: (str(path), ""))

    return give


def _wait(saving, qtbot):
    qtbot.waitUntil(lambda: not saving._bar.running, timeout=30_000)


def test_all_results_are_a_folder_as_the_command_line_writes_it(
    panel, saving, qtbot, answer, tmp_path, notices
):
    panel.live.mark_division(1, [1], 2)
    answer(tmp_path / "out")
    saving.save_results()
    _wait(saving, qtbot)
    assert notices()[-1] == f"Saved {tmp_path / 'out'}."
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"labels.tif", "regions.csv", "tracks.csv", "lineage.csv", "overlay.png", "session.json"} <= names
    regions = read_table(tmp_path / "out" / "regions.csv")
    assert regions["area"].tolist() == [16, 16, 16]
    assert regions.attrs["napari_sam2"]["parameters"]["image"] == "cells"
    assert tifffile.imread(tmp_path / "out" / "labels.tif").sum() == 3 * 64
    assert len(json.loads((tmp_path / "out" / "session.json").read_text())["edits"]) == 4


def test_results_that_are_there_are_replaced_only_with_leave(
    panel, saving, qtbot, answer, tmp_path, monkeypatch, notices
):
    answer(tmp_path / "out")
    saving.save_results()
    _wait(saving, qtbot)
    before = (tmp_path / "out" / "run.json").stat().st_mtime_ns
    for button in ("No", "Yes"):
        monkeypatch.setattr(QMessageBox, "question", lambda *_, b=button: QMessageBox.StandardButton[b])
        saving.save_results()
        _wait(saving, qtbot)
        assert ((tmp_path / "out" / "run.json").stat().st_mtime_ns > before) == (button == "Yes")


def test_a_folder_of_other_things_is_never_replaced(
    panel, saving, qtbot, answer, tmp_path, monkeypatch, notices
):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    answer(tmp_path / "mine")
    saving.save_results()
    _wait(saving, qtbot)
    assert "'thesis.txt', which no run of napari-sam2 wrote" in notices()[-1]
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_what_changes_while_results_are_saved_is_said(panel, saving, qtbot, answer, tmp_path, notices):
    answer(tmp_path / "out")
    saving.save_results()
    panel.live.add_mask(2, 0, np.roll(_mask(0), 20, axis=0))
    _wait(saving, qtbot)
    assert notices()[-1].endswith("perhaps without what you changed meanwhile: save again.")
    assert len(json.loads((tmp_path / "out" / "session.json").read_text())["edits"]) == 3


def test_tables_are_two_files(saving, answer, tmp_path, notices):
    answer(tmp_path / "cells_regions.csv")
    saving.save_tables()
    assert notices()[-1] == "Saved cells_regions.csv and cells_tracks.csv."
    assert read_table(tmp_path / "cells_tracks.csv")["frames_present"].tolist() == [3]


def test_label_images_are_one_tiff_with_sizes(saving, qtbot, answer, tmp_path):
    answer(tmp_path / "labels")
    saving.save_labels()
    _wait(saving, qtbot)
    with tifffile.TiffFile(tmp_path / "labels.tif") as file:
        assert file.asarray().shape == (3, 40, 50)
        assert 'PhysicalSizeX="0.5"' in file.ome_metadata


def test_the_page_is_drawn_with_the_lineage(panel, saving, qtbot, answer, tmp_path):
    panel.live.mark_division(1, [1], 2)
    qtbot.waitUntil(lambda: panel.results.tables.complete)
    answer(tmp_path / "page.png")
    saving.save_page()
    _wait(saving, qtbot)
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_a_page_of_an_unknown_kind_is_one_sentence(saving, qtbot, answer, tmp_path, notices):
    answer(tmp_path / "page.docx")
    saving.save_page()
    _wait(saving, qtbot)
    assert "end its name in .png, .pdf or .html" in notices()[-1]


def test_a_saved_session_is_opened_again_with_its_masks(panel, saving, qtbot, answer, tmp_path, monkeypatch):
    answer(tmp_path / "mine.json")
    saving.save_session()
    panel.live.delete_object(1)
    assert not panel.live.store[1].any()
    panel.live.undo()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    before = panel.live
    saving.open_session()
    assert panel.live is before
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    saving.open_session()
    assert panel.live is not before
    assert np.array_equal(panel.live.store[1] == 1, _mask(1))
    assert panel.live.can_undo


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("not json", "is not a session file"), (None, "there is no saved session")],
)
def test_a_session_that_is_none_is_one_sentence(
    saving, answer, tmp_path, monkeypatch, notices, text, sentence
):
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    if text is not None:
        (tmp_path / "bad.json").write_text(text)
    answer(tmp_path / "bad.json")
    saving.open_session()
    assert sentence.lower() in notices()[-1].lower()
    assert saving._panel.live is not None


def test_after_a_crash_the_session_goes_on(panel, qtbot, notices):
    path = panel.live.autosave_path
    panel.live.rename_object(1, "mother")
    # What a killed viewer leaves: its files, and no lock.
    panel.shut_down()
    again = _open(qtbot)
    saving = again.findChild(Saving)
    qtbot.waitUntil(lambda: not saving._continue.isHidden())
    assert saving._continue.text().startswith("Continue the session of ")
    assert notices()[-1].startswith("A session of 'cells' is kept from")
    saving.go_on()
    assert again.live.session.objects[1].name == "mother"
    assert np.array_equal(again.live.store[2] == 1, _mask(2))
    assert again.live.autosave_path == path
    again.live.undo()
    assert again.live.session.objects[1].name == "object 1"
    qtbot.waitUntil(saving._continue.isHidden)


def test_a_new_beginning_puts_the_earlier_session_aside(panel, qtbot, sessions):
    panel.shut_down()
    again = _open(qtbot)
    saving = again.findChild(Saving)
    qtbot.waitUntil(lambda: not saving._continue.isHidden())
    again.live.add_mask(1, 0, _mask(0))
    saving._tell_state()
    assert saving._continue.isHidden()
    assert [path.name for path in sessions.iterdir() if path.suffix == ".previous"]


def test_the_tab_says_where_the_work_is_kept(panel, saving):
    saving._tell_state()
    assert saving._state.text().startswith("Saved as you work, last at ")
    assert Path(saving._state.toolTip()).name == "session.json"


def test_a_folder_that_cannot_be_written_is_said(qtbot, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NAPARI_SAM2_SESSIONS", str(tmp_path / "file"))
    panel = _open(qtbot)
    panel.live.add_mask(1, 0, _mask(0))
    saving = panel.findChild(Saving)
    saving._tell_state()
    assert saving._state.text().startswith("Not saved as you work")


def test_without_masks_saving_says_what_to_do(qtbot, answer, tmp_path, notices):
    panel = _open(qtbot)
    qtbot.waitUntil(lambda: panel.results.tables.complete)
    saving = panel.findChild(Saving)
    answer(tmp_path / "out")
    saving.save_results()
    _wait(saving, qtbot)
    assert notices()[-1] == "There is no mask in cells yet; add an object and follow it first."
    for action in (saving.save_tables, saving.save_page, saving.show_tables):
        action()
        assert notices()[-1] == "There is no mask yet; add an object and follow it first."


def test_nothing_is_saved_while_objects_are_followed(panel, saving, monkeypatch, notices):
    monkeypatch.setattr(Live, "progress", property(lambda _: Progress("following", 1, 3, 1.0, 2.0)))
    for action in (saving.save_results, saving.save_labels, saving.save_tables):
        action()
        assert notices()[-1].startswith("Objects are being followed; wait until that ends")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_leave_is_one_sentence(saving, qtbot, answer, tmp_path, notices):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    answer(locked / "labels.tif")
    saving.save_labels()
    _wait(saving, qtbot)
    assert notices()[-1].startswith("Cannot write")


def test_tables_are_shown_below_the_image_and_lead_to_their_objects(viewer, qtbot):
    viewer.add_image(np.zeros((3, 40, 50), np.uint8), name="cells", **IN_TIME)
    panel = PromptPanel(viewer)
    viewer.window.add_dock_widget(panel)
    qtbot.waitUntil(lambda: panel.live is not None)
    for frame in range(3):
        panel.live.add_mask(1, frame, _mask(frame))
    qtbot.waitUntil(lambda: panel.results.tables.complete, timeout=20_000)
    panel.findChild(Saving).show_tables()
    view = viewer.window.dock_widgets["Tables: cells"]
    assert isinstance(view, TableView)
    view.chosen.emit(2, 1)
    assert panel.current_frame == 2
