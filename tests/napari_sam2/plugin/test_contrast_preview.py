"""What the model sees, as a picture."""

import numpy as np
import pytest
from napari.components import ViewerModel
from psygnal import Signal

from napari_sam2.errors import InputError
from napari_sam2.frames import open_frames
from napari_sam2.plugin.contrast_preview import ContrastPreview, describe_contrast
from napari_sam2.session import Session


class FakeLive:
    session_changed = Signal()

    def __init__(self, frames) -> None:
        self.frames, self.session = frames, Session(frames)


class FakePanel:
    live_changed = Signal(object)

    def __init__(self, frames) -> None:
        self.viewer = ViewerModel()
        self.image_layer = self.viewer.add_image(np.zeros((len(frames), 4, 4)))
        self.live = FakeLive(frames)

    @property
    def current_frame(self) -> int:
        return int(self.viewer.dims.current_step[0])


def _frames(**options):
    """Frame k has the grey value 1000 k on its left half and 0 on its right."""
    stack = np.zeros((4, 60, 80), np.uint16)
    stack[:, :, :40] = 1000 * np.arange(4)[:, None, None]
    return open_frames(stack, contrast=(0, 3000), **options)


@pytest.fixture
def preview(qtbot) -> ContrastPreview:
    preview = ContrastPreview(FakePanel(_frames()))
    qtbot.addWidget(preview)
    return preview


def _grey(preview) -> tuple[int, int]:
    image = preview._pixmap.toImage()
    y, width = image.height() // 2, image.width()
    return image.pixelColor(width // 4, y).red(), image.pixelColor(3 * width // 4, y).red()


def test_the_current_frame_is_shown_in_the_contrast_of_the_model(preview, qtbot):
    preview._panel.viewer.dims.set_current_step(0, 3)
    preview.show()
    qtbot.waitUntil(lambda: not preview._pixmap.isNull())
    assert _grey(preview) == (255, 0)
    preview._panel.viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: _grey(preview) == (85, 0))
    assert preview._window.text() == "ch0 as grey from 0 to 3000"


def test_nothing_is_read_out_of_sight(preview, qtbot, monkeypatch):
    read = []
    monkeypatch.setattr(preview._panel.live.frames, "rgb", read.append)
    preview._panel.viewer.dims.set_current_step(0, 2)
    preview.refresh()
    qtbot.wait(200)
    assert read == []


def test_moving_through_many_frames_reads_where_the_slider_rests(preview, qtbot, monkeypatch):
    preview.show()
    qtbot.waitUntil(lambda: not preview._pixmap.isNull())
    read, rgb = [], preview._panel.live.frames.rgb
    monkeypatch.setattr(preview._panel.live.frames, "rgb", lambda frame: read.append(frame) or rgb(frame))
    for frame in (1, 2, 3):
        preview._panel.viewer.dims.set_current_step(0, frame)
    qtbot.waitUntil(lambda: bool(read))
    assert read == [3]


def test_a_frame_that_cannot_be_read_is_said_in_its_place(preview, qtbot, monkeypatch):
    def broken(frame):
        raise InputError("frame 0 of a.tif cannot be read")

    monkeypatch.setattr(preview._panel.live.frames, "rgb", broken)
    preview.show()
    qtbot.waitUntil(lambda: "cannot be read" in preview._window.text())


def test_without_an_image_it_says_what_to_do(preview, qtbot):
    preview._panel.live = None
    preview.show()
    qtbot.waitUntil(lambda: preview._picture.text() == "choose an image")


def test_colours_and_channels_are_named():
    clip = open_frames(np.zeros((2, 8, 8, 3), np.uint8))
    assert describe_contrast(clip) == "colours from 0 to 255"
    channels = open_frames(
        np.random.default_rng(0).random((2, 2, 8, 8)), axes="TCYX", contrast=[(0, 1), (0, 0.5)]
    )
    assert describe_contrast(channels) == "ch0 as magenta from 0 to 1, ch1 as green from 0 to 0.5"


def test_a_large_frame_is_thinned_before_it_is_drawn(qtbot):
    preview = ContrastPreview(FakePanel(open_frames(np.zeros((2, 2000, 1500), np.uint8))))
    qtbot.addWidget(preview)
    preview.show()
    qtbot.waitUntil(lambda: not preview._pixmap.isNull())
    assert preview._pixmap.height() == 500


def test_the_contrast_of_the_layer_is_taken_and_given_back(preview, qtbot):
    frames = preview._panel.live.frames
    preview._panel.image_layer.contrast_limits = (0, 1000)
    preview._as_layer.click()
    assert (frames.contrast.low, frames.contrast.high) == ((0,), (1000,))
    preview._as_found.click()
    assert frames.contrast.high == (3000,)


def test_one_session_has_one_contrast(preview):
    live = preview._panel.live
    live.session.add_points(1, 0, [(5, 5)], [1])
    live.session_changed.emit()
    assert preview._as_layer.isEnabled()
    with live.session.group():
        live.session.propagate()
    live.session_changed.emit()
    assert not preview._as_layer.isEnabled()
    assert "undo that first" in preview._as_layer.toolTip()
    live.session.undo()
    live.session_changed.emit()
    assert preview._as_layer.isEnabled()
