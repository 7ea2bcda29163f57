"""The menu of models: bundled, downloaded, a person's own."""

import threading
import time
from types import SimpleNamespace

import pytest
from psygnal import Signal
from qtpy.QtWidgets import QFileDialog

from napari_sam2.interactive.objects import Progress
from napari_sam2.models.cards import CARDS
from napari_sam2.models.errors import ModelError
from napari_sam2.plugin import model_picker
from napari_sam2.plugin.model_picker import ModelPicker
from napari_sam2.plugin.settings import Settings

TINY = "sam2.1_tiny"


class FakeLive:
    """A session that only notes which model it is told to use."""

    model_changed = Signal()

    def __init__(self, model=None, framing=None) -> None:
        self.session = SimpleNamespace(model=model, parameters={"framing": framing} if framing else {})
        self.model_name, self.device_name, self.used = model or "nano", None, []
        self.loading: Progress | None = None

    def use_model(self, *chosen) -> None:
        self.used.append(chosen)
        self.model_changed.emit()

    def cancel_model(self) -> None:
        self.loading = None
        self.model_changed.emit()


class FakePanel:
    live_changed = Signal(object)

    def __init__(self) -> None:
        self.live = FakeLive()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder of downloaded weights, empty."""
    monkeypatch.setenv("NAPARI_SAM2_CACHE", str(tmp_path))
    monkeypatch.setattr(model_picker, "read_settings", Settings)
    return tmp_path


@pytest.fixture
def panel() -> FakePanel:
    return FakePanel()


@pytest.fixture
def picker(qtbot, panel) -> ModelPicker:
    picker = ModelPicker(panel)
    qtbot.addWidget(picker)
    picker.show()
    return picker


def _choose(picker, text):
    row = next(k for k in range(picker._models.count()) if picker._models.itemText(k).startswith(text))
    picker._models.setCurrentIndex(row)
    picker._models.activated.emit(row)


def test_the_bundled_model_is_chosen_and_loaded_only_when_it_is_needed(picker, panel):
    assert (picker.model, picker.device, picker.framing) == ("nano", "auto", None)
    assert panel.live.used == []
    assert picker._download.isHidden()
    assert picker._use.text() == "nano is loaded when it is needed"
    panel.live.device_name = "cpu"
    panel.live.model_changed.emit()
    assert picker._use.text() == "in use: nano on cpu"


def test_every_published_model_is_offered_with_size_and_licence(picker):
    texts = [picker._models.itemText(row) for row in range(picker._models.count())]
    assert texts[0] == "nano · bundled"
    assert f"{TINY} · 156 MB" in texts
    assert len(texts) == len(CARDS) + 1
    _choose(picker, TINY)
    assert "Licence Apache-2.0" in picker._about.text()
    assert picker._download.text() == "Download 156 MB"


def test_a_model_that_is_not_here_is_used_once_it_is_downloaded(picker, panel, qtbot, cache, monkeypatch):
    def download(card, progress):
        progress(78_000_000, 156_008_466)
        (cache / card.file_name).write_bytes(b"weights")

    monkeypatch.setattr(model_picker, "download_weights", download)
    _choose(picker, TINY)
    assert panel.live.used == []
    picker._download.click()
    qtbot.waitUntil(lambda: not picker._bar.running)
    assert panel.live.used == [(TINY, "auto", None)]
    assert picker._models.currentText() == f"{TINY} · here"
    assert picker._download.isHidden()


def test_a_download_can_be_cancelled_and_begun_again(picker, panel, qtbot, monkeypatch):
    told = threading.Event()

    def download(card, progress):
        for done in range(100_000):
            progress(done, 100_000)
            told.set()
            time.sleep(0.001)

    monkeypatch.setattr(model_picker, "download_weights", download)
    _choose(picker, TINY)
    picker._download.click()
    assert picker._download.isHidden()
    assert told.wait(5)
    picker._bar.stop()
    qtbot.waitUntil(lambda: not picker._bar.running)
    assert not picker._download.isHidden()
    assert panel.live.used == []


def test_a_download_that_fails_is_one_sentence(picker, qtbot, monkeypatch, notices):
    def download(card, progress):
        raise ModelError("sam2.1_tiny could not be downloaded: check the connection.")

    monkeypatch.setattr(model_picker, "download_weights", download)
    _choose(picker, TINY)
    picker._download.click()
    qtbot.waitUntil(lambda: not picker._bar.running)
    assert notices() == ["sam2.1_tiny could not be downloaded: check the connection."]


def test_another_model_chosen_during_a_download_stays_chosen(picker, panel, qtbot, cache, monkeypatch):
    go = threading.Event()

    def download(card, progress):
        go.wait(5)
        (cache / card.file_name).write_bytes(b"weights")

    monkeypatch.setattr(model_picker, "download_weights", download)
    _choose(picker, TINY)
    picker._download.click()
    _choose(picker, "nano")
    go.set()
    qtbot.waitUntil(lambda: not picker._bar.running)
    assert picker.model == "nano"
    assert panel.live.used == [("nano", "auto", None)]


def test_own_weights_are_used_by_their_path(picker, panel, tmp_path, monkeypatch):
    own = tmp_path / "my_cells.pt"
    own.write_bytes(b"weights")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(own), ""))
    _choose(picker, "your own")
    assert picker._models.currentText() == "my_cells.pt"
    assert panel.live.used == [(str(own), "auto", None)]


def test_no_file_chosen_keeps_the_model_before(picker, panel, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    _choose(picker, "your own")
    assert picker.model == "nano"
    assert panel.live.used == []


def test_device_and_framing_are_taken_at_once(picker, panel):
    picker._devices.setCurrentIndex(picker._devices.findData("cpu"))
    picker._devices.activated.emit(1)
    picker._framings.setCurrentIndex(picker._framings.findData("window"))
    picker._framings.activated.emit(2)
    assert panel.live.used == [("nano", "cpu", None), ("nano", "cpu", "window")]
    assert picker._use.text().startswith("loading nano")


def test_a_session_that_goes_on_keeps_its_model_and_a_new_one_takes_the_chosen(picker, panel):
    kept = FakeLive("sam2.1_small", "window")
    panel.live_changed.emit(kept)
    assert (picker.model, picker.framing) == ("sam2.1_small", "window")
    assert kept.used == []
    panel.live_changed.emit(None)
    assert picker._use.text() == ""
    _choose(picker, "nano")
    new = FakeLive()
    panel.live_changed.emit(new)
    assert new.used == [("nano", "auto", "window")]


def test_a_model_that_the_session_brings_itself_can_be_given_up(picker, panel):
    panel.live.loading = Progress("downloading sam2.1_small", 46_000_000, 184_000_000, 0.0, 0.0)
    panel.live.model_changed.emit()
    assert picker._use.text() == "downloading sam2.1_small: 46 of 184 MB"
    picker._give_up.click()
    assert picker._give_up.isHidden()
    assert picker._use.text() == "nano is loaded when it is needed"


def test_what_the_settings_say_is_chosen_at_the_start(qtbot, panel, monkeypatch):
    monkeypatch.setattr(model_picker, "read_settings", lambda: Settings(device="cpu", framing="frame"))
    picker = ModelPicker(panel)
    qtbot.addWidget(picker)
    assert panel.live.used == [("nano", "cpu", "frame")]


def test_a_model_in_the_settings_that_is_gone_is_one_sentence(qtbot, panel, monkeypatch, notices):
    monkeypatch.setattr(model_picker, "read_settings", lambda: Settings(model="/gone/my.pt"))
    picker = ModelPicker(panel)
    qtbot.addWidget(picker)
    assert picker.model == "nano"
    assert notices() == ["There is no file /gone/my.pt of weights; choose another model in the panel."]
