"""From a session to masks: the Python contract, repairs that touch nothing else, replay."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_sam2 import Session, open_frames, track
from napari_sam2.errors import InputError
from napari_sam2.label_store import LabelStore
from napari_sam2.models.config import Sam2Config
from napari_sam2.models.errors import ModelError
from napari_sam2.models.network.sam2 import Sam2
from napari_sam2.models.tracker import TrackerState

FRAMES, SIDE = 14, 80


@pytest.fixture(scope="module")
def model(enliven) -> SimpleNamespace:
    """A small network with random but lively weights: its masks are nonsense, but they react."""
    torch.manual_seed(5)
    config = Sam2Config(
        embed_dim=16, blocks=(1, 1, 2, 1), global_blocks=(3,), windows=(4, 4, 4, 4), background_size=4,
        image_size=64, hidden_dim=64, decoder_heads=2, decoder_mlp=64, iou_hidden=64, memory_layers=1,
        memory_mlp=64,
    )  # fmt: skip
    network = Sam2(config).eval()
    enliven(network)
    device = torch.device("cpu")
    return SimpleNamespace(
        network=network,
        device=device,
        config=config,
        name="lively",
        sha256="0" * 64,
        options={},
        averages=lambda framing: False,
    )


@pytest.fixture
def session() -> Session:
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((1, FRAMES, 10, 10), dtype=np.float32))
    image = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear")[0]
    return Session(open_frames(image.numpy(), axis="t"))


def three_objects(session: Session) -> Session:
    session.add_points(object_id=1, frame=0, points=[(30, 30)], labels=[1])
    session.add_box(object_id=2, frame=2, box=(10, 40, 40, 70))
    session.add_points(object_id=3, frame=5, points=[(60, 20), (5, 5)], labels=[1, 0])
    return session


def test_a_session_that_asks_for_no_known_framing_is_refused_in_a_sentence(session, model):
    three_objects(session)
    session.set_parameter("framing", "wide")
    with pytest.raises(
        InputError, match=r"framing 'wide', which does not exist: choose auto, frame or window"
    ):
        track(session, model)


def test_a_session_is_tracked_with_the_framing_that_it_asks_for(session, model):
    three_objects(session)
    session.set_parameter("framing", "window")
    assert track(session, model).framing == "window"
    assert track(session, model, framing="frame").framing == "frame"


@pytest.mark.parametrize(
    ("axis", "framing", "depth"),
    [("z", "window", True), ("z", "auto", True), ("z", "frame", False), ("t", "window", False)],
)
def test_objects_end_for_good_in_depth_but_for_the_framing_of_sam2(
    model, monkeypatch, axis: str, framing: str, depth: bool
):
    asked = []

    class Asked:
        def __init__(self, *args, **options) -> None:
            asked.append(options["depth"])

        def run(self, plan) -> list:
            return []

    monkeypatch.setattr("napari_sam2.models.tracker.Tracker", Asked)
    session = three_objects(Session(open_frames(np.zeros((FRAMES, SIDE, SIDE), np.uint8), axis=axis)))
    assert list(track(session, model, framing=framing)) == []
    assert asked == [depth]


def test_masks_come_a_frame_at_a_time(session, model):
    three_objects(session)
    results = track(session, model, direction="forward")
    assert len(results) == FRAMES
    first = next(iter(results))
    assert (first.frame, first.object_ids) == (0, (1,))
    assert first.masks.shape == (1, SIDE, SIDE) and first.masks.dtype == bool
    assert first.scores.shape == (1,)


def test_labels_are_the_results_with_overlaps_resolved(session, model):
    three_objects(session)
    labels = track(session, model).to_labels()
    assert labels.shape == (FRAMES, SIDE, SIDE) and labels.dtype == np.int32
    store = LabelStore.in_memory(labels.shape)
    for result in track(session, model):
        store.write(result)
    assert np.array_equal(labels, store.labels)
    assert set(np.unique(labels)) >= {0, 1}


def test_labels_go_to_disk_as_they_come(session, model, tmp_path):
    three_objects(session)
    store = LabelStore.on_disk(tmp_path / "labels.zarr", session.frames.shape)
    track(session, model).to_labels(store)
    assert np.array_equal(np.stack([store[i] for i in range(FRAMES)]), track(session, model).to_labels())


def corrected(session: Session) -> Session:
    three_objects(session).propagate()
    session.add_points(object_id=2, frame=8, points=[(50, 50)], labels=[1])
    session.propagate()
    session.add_points(object_id=2, frame=12, points=[(20, 60)], labels=[1])
    return session


def test_a_correction_changes_one_object_between_its_anchors_and_nothing_else(session, model):
    before = track(three_objects(session), model).to_labels()
    session.propagate()
    session.add_points(object_id=2, frame=8, points=[(50, 50)], labels=[1])
    after = track(session, model).to_labels()
    assert (before != after).any(), "a correction that changes nothing shows nothing"
    for other in (1, 3):
        assert np.array_equal(before == other, after == other)
    # Object 2 was given on frame 2: that frame and those before it are none of this correction's.
    assert np.array_equal(before[:3], after[:3])


def test_a_later_correction_stops_at_the_earlier_one(session, model):
    three_objects(session).propagate()
    session.add_points(object_id=2, frame=8, points=[(50, 50)], labels=[1])
    before = track(session, model).to_labels()
    session.propagate()
    session.add_points(object_id=2, frame=12, points=[(20, 60)], labels=[1])
    after = track(session, model).to_labels()
    assert np.array_equal(before[:9], after[:9])
    assert (before[9:] != after[9:]).any()


def test_a_locked_frame_is_a_border(session, model):
    three_objects(session).propagate()
    before = track(session, model).to_labels()
    accepted = max(range(3, 8), key=lambda frame: int((before[frame] == 2).sum()))
    session.lock(2, accepted, before[accepted] == 2)
    session.add_points(object_id=2, frame=10, points=[(50, 50)], labels=[1])
    after = track(session, model).to_labels()
    assert np.array_equal(before[: accepted + 1], after[: accepted + 1])
    assert (before[accepted + 1 :] != after[accepted + 1 :]).any()


def test_repairing_a_store_gives_what_a_replay_from_the_start_gives(session, model):
    store = LabelStore.in_memory(session.frames.shape)
    three_objects(session)
    track(session, model, onto=store).to_labels()
    session.propagate()
    session.add_points(object_id=2, frame=8, points=[(50, 50)], labels=[1])
    track(session, model, onto=store).to_labels()
    session.propagate()
    session.add_points(object_id=2, frame=12, points=[(20, 60)], labels=[1])
    track(session, model, onto=store).to_labels()
    assert np.array_equal(store.labels, track(session, model).to_labels())


def test_iterating_a_corrected_session_needs_no_store(session, model):
    corrected(session)
    store = LabelStore.in_memory(session.frames.shape)
    for result in track(session, model):
        store.write(result)
    assert np.array_equal(store.labels, track(session, model).to_labels())


def test_undo_brings_the_earlier_masks_back(session, model):
    before = track(three_objects(session), model).to_labels()
    session.propagate()
    session.add_points(object_id=2, frame=8, points=[(50, 50)], labels=[1])
    session.undo()
    assert np.array_equal(before, track(session, model).to_labels())


def test_a_saved_session_replays_to_the_same_masks(session, model, tmp_path):
    corrected(session)
    labels = track(session, model).to_labels()
    session.save(tmp_path / "session.json")
    again = Session.load(tmp_path / "session.json", session.frames)
    assert again.model == session.model
    assert np.array_equal(labels, track(again, model).to_labels())


def test_a_run_goes_on_from_a_saved_state(session, model):
    corrected(session)
    whole = track(session, model).to_labels()
    store, state = LabelStore.in_memory(session.frames.shape), TrackerState()
    first = track(session, model, state=state, onto=None)
    for _, result in zip(range(20), first._results(store), strict=False):
        store.write(result)
    track(session, model, state=state).to_labels(store)
    assert np.array_equal(whole, store.labels)


def test_a_range_limits_what_is_output(session, model):
    labels = track(three_objects(session), model, start=3, stop=7).to_labels()
    assert not labels[:3].any() and not labels[7:].any() and labels[3:7].any()


def test_a_session_that_says_nothing_is_one_sentence(session, model):
    with pytest.raises(InputError, match=r"nothing to track .* add a point, a box or a mask"):
        track(session, model)


def test_an_unknown_model_is_one_sentence(session):
    with pytest.raises(ModelError, match="nano"):
        track(three_objects(session), "nanoo")


def test_naming_the_contract_loads_no_torch():
    code = "from napari_sam2 import Session, track; import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
