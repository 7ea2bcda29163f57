"""The worker alone, in this thread: what goes wrong in the network is an answer, and the next is well."""

from dataclasses import replace

import pytest
import torch

from napari_sam2.frames import Contrast
from napari_sam2.interactive.requests import (
    Display,
    Done,
    Failed,
    Follow,
    Found,
    Look,
    Prepare,
    Seen,
    UseModel,
)
from napari_sam2.interactive.worker import Worker
from napari_sam2.models.plan import Anchor, ObjectRun, Pass
from napari_sam2.models.prompts import Prompt
from napari_sam2.models.windows import full

CLICK = Prompt(((20.0, 14.0),), (1,))


@pytest.fixture
def worker(frames, lively):
    worker = Worker(frames)
    worker._model = lively
    return worker


def look(frames, number=1, frame=3) -> Look:
    return Look(number, 1, frame, CLICK, None, None, Display.of(frames))


def walk(frames) -> Follow:
    plan = (Pass(1, (ObjectRun(1, (Anchor(0, CLICK),), 0, 4),)),)
    return Follow(2, plan, {}, None, Display.of(frames))


@pytest.mark.filterwarnings("ignore:memory is short")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "graphics card is full"),
        (RuntimeError("DefaultCPUAllocator: not enough memory"), "this computer is full"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "RuntimeError: mat1 and mat2"),
    ],
)
def test_a_network_that_fails_is_one_sentence_and_works_again(
    worker, frames, lively, monkeypatch, error, words
):
    whole = list(worker.answer(walk(frames)))
    calls = iter(range(100))
    encode = lively.network.encode_image

    def failing(image_bchw):
        if next(calls) >= 2:
            raise error
        return encode(image_bchw)

    monkeypatch.setattr(lively.network, "encode_image", failing)
    *found, failed = worker.answer(walk(frames))
    assert all(isinstance(one, Found) for one in found) and isinstance(failed, Failed)
    assert words in failed.sentence and failed.number == 2 and "Traceback" not in failed.sentence
    monkeypatch.undo()
    again = list(worker.answer(walk(frames)))
    assert len(again) == len(whole) == 6 and isinstance(again[-1], Done)


def test_a_frame_is_encoded_once_for_all_clicks_on_it(worker, frames, lively, monkeypatch):
    encoded = []
    encode = lively.network.encode_image
    monkeypatch.setattr(lively.network, "encode_image", lambda x: (encoded.append(len(x)), encode(x))[1])
    request = Look(1, 1, 3, CLICK, None, "frame", Display.of(frames))
    assert [type(one) for one in worker.answer(Prepare(9, 3, Display.of(frames)))] == [Done]
    assert [type(one) for one in worker.answer(request)] == [Seen] and encoded == [1]
    list(worker.answer(request))
    assert encoded == [1]


def test_a_second_click_in_the_window_of_the_first_encodes_nothing(worker, frames, lively, monkeypatch):
    encoded = []
    encode = lively.network.encode_image
    monkeypatch.setattr(lively.network, "encode_image", lambda x: (encoded.append(len(x)), encode(x))[1])
    window = full(frames.shape[1:])
    monkeypatch.setattr("napari_sam2.models.sizing.around", lambda box, shape, framing: window)
    list(worker.answer(look(frames)))
    before = len(encoded)
    near = Prompt(((20.0, 14.0), (22.0, 16.0)), (1, 1))
    (seen,) = worker.answer(replace(look(frames), prompt=near))
    assert isinstance(seen, Seen) and len(encoded) - before <= 1
    encoded.clear()
    (seen,) = worker.answer(replace(look(frames), prompt=replace(near, labels=(1, 0))))
    assert encoded == []


def test_another_contrast_is_another_picture(worker, frames, lively):
    (one,) = worker.answer(look(frames))
    assert len(worker._scenes) == 1
    low, high = frames.contrast.low, frames.contrast.high
    display = replace(Display.of(frames), contrast=Contrast(low, tuple(2 * value for value in high)))
    before = frames.contrast
    (other,) = worker.answer(replace(look(frames), display=display))
    frames.contrast = before
    assert one.patch.predicted_iou != other.patch.predicted_iou


def test_a_worker_without_a_model_and_with_one_that_is_none(frames):
    worker = Worker(frames)
    (failed,) = worker.answer(look(frames))
    assert isinstance(failed, Failed) and "choose" in failed.sentence
    (failed,) = worker.answer(UseModel(5, "nanoo", "cpu"))
    assert isinstance(failed, Failed) and "nanoo" in failed.sentence and failed.number == 5
