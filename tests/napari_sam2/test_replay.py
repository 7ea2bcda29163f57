"""A saved session takes into the next run how its image was shown and which model it was made with."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_sam2 import track
from napari_sam2.errors import InputError
from napari_sam2.frames import Frames, open_frames
from napari_sam2.models import load
from napari_sam2.models.cards import CARDS
from napari_sam2.models.load import load_model
from napari_sam2.replay import (
    check_model,
    model_of,
    options_of,
    read_session,
    recall_view,
    record_view,
)
from napari_sam2.session import ModelStamp, Session

PIXELS = np.random.default_rng(0).integers(0, 4000, (5, 2, 32, 40), dtype=np.uint16)


def frames(**options: object) -> Frames:
    return open_frames(PIXELS, axes="TCYX", **options)


def clicked(**options: object) -> Session:
    session = Session(frames(**options))
    session.add_points(object_id=1, frame=0, points=[(10, 12)], labels=[1])
    return session


def test_channels_and_contrast_come_back_with_the_session(tmp_path: Path):
    session = clicked(channels=[1], contrast=(100, 900))
    record_view(session, "window")
    session.save(tmp_path / "session.json")
    again = read_session(tmp_path / "session.json", frames())
    recall_view(again)
    assert again.frames.shown_channels == (1,)
    assert again.frames.contrast == session.frames.contrast
    assert again.parameters["framing"] == "window"
    assert np.array_equal(again.frames.rgb(2), session.frames.rgb(2))


def test_recording_the_same_view_again_adds_no_edit():
    session = clicked()
    record_view(session, "auto")
    before = session.history
    record_view(session, "auto")
    assert session.history == before


def test_prompts_are_propagated_as_asked(tmp_path: Path):
    path = tmp_path / "clicks.csv"
    path.write_text("object_id,frame,kind,y,x,y1,x1,label\n1,0,point,10,12,,,1\n")
    *_, last = read_session(path, frames(), direction="forward", stop=3).history
    assert (last.direction, last.start, last.stop) == ("forward", None, 3)


def test_a_saved_session_is_propagated_further_only_when_asked(tmp_path: Path):
    session = clicked()
    session.propagate(stop=2)
    session.save(tmp_path / "session.json")
    assert read_session(tmp_path / "session.json", frames()).history == session.history
    *same, more = read_session(tmp_path / "session.json", frames(), start=2, stop=4).history
    assert tuple(same) == session.history
    assert (more.direction, more.start, more.stop) == ("both", 2, 4)


def test_the_model_is_that_of_the_session_or_the_default():
    session = clicked()
    assert model_of(session) in CARDS
    session.model = ModelStamp("sam2.1_tiny", "a" * 64)
    assert model_of(session) == "sam2.1_tiny"
    session.model = ModelStamp("my_finetune", "a" * 64)
    with pytest.raises(InputError, match="'my_finetune'"):
        model_of(session)


def test_a_model_is_loaded_again_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(load, "has_fast_bfloat16", lambda: True)
    session = clicked()
    assert options_of(session) == {}
    model = load_model("nano", "cpu", precision="bfloat16", average=False)
    track(session, model)
    session.save(tmp_path / "session.json")
    again = Session.load(tmp_path / "session.json", frames())
    assert again.model == session.model
    assert options_of(again) == {"precision": "bfloat16", "average": False}
    assert load_model(model_of(again), "cpu", **options_of(again)).options == model.options


def test_a_model_that_only_has_the_name_is_refused():
    session = clicked()
    session.model = ModelStamp("nano", "a" * 64)
    check_model(session, SimpleNamespace(name="nano", sha256="a" * 64))
    with pytest.raises(InputError, match=r"another nano .*aaaaaaaaaaaa.*bbbbbbbbbbbb"):
        check_model(session, SimpleNamespace(name="nano", sha256="b" * 64))
