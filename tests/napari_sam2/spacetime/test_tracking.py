"""Bodies are followed through volumes: along depth as they move, apart from others, across short gaps."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_sam2 import Session, open_frames, track
from napari_sam2.errors import InputError
from napari_sam2.label_store import LabelStore
from napari_sam2.models.windows import ENDED
from napari_sam2.spacetime import Volumes, VolumeTracking, compile_steps

MODEL = SimpleNamespace(
    name="bright",
    sha256="0" * 64,
    options={},
    config=SimpleNamespace(image_size=64),
    averages=lambda framing: False,
)


def session_on(labels: np.ndarray) -> Session:
    return Session(open_frames((labels > 0).astype(np.uint8) * 200, axis="zt"))


def click(session: Session, object_id: int, t: int, z: int, y: int, x: int) -> None:
    session.add_points(object_id, t * session.frames.n_slices + z, [(y, x)], [1])


@pytest.fixture
def session(balls: np.ndarray) -> Session:
    session = session_on(balls)
    click(session, 1, 0, 2, 12, 10)
    click(session, 2, 0, 5, 28, 28)
    return session


def test_a_body_is_followed_through_depth_and_time(session: Session, balls: np.ndarray, bright_tracker: type):
    labels = track(session, MODEL).to_labels()
    assert labels.shape == balls.shape and labels.dtype == np.int32
    assert np.array_equal(labels, balls)


def test_a_seed_in_the_middle_is_followed_both_ways(balls: np.ndarray, bright_tracker: type):
    session = session_on(balls)
    click(session, 2, 3, 5, 28, 28)
    click(session, 1, 2, 4, 12, 12)
    assert np.array_equal(track(session, MODEL).to_labels(), balls)


def test_results_come_slice_by_slice(session: Session, balls: np.ndarray, bright_tracker: type):
    store = LabelStore.in_memory(session.frames.shape)
    for result in track(session, MODEL):
        store.write(result)
    assert np.array_equal(store.labels.reshape(balls.shape), balls)


def test_slices_far_from_a_body_are_not_looked_at(balls: np.ndarray, bright_tracker: type):
    tall = session_on(np.concatenate([balls, np.zeros((len(balls), 40, 40, 40), np.int32)], axis=1))
    click(tall, 1, 0, 2, 12, 10)
    track(tall, MODEL).to_labels()
    at_seed, later = 49, (len(balls) - 1) * (5 + 5 + 2 * 2)
    assert at_seed < bright_tracker.walked <= at_seed + later


def test_what_lies_beyond_a_gap_is_another_body(bright_tracker: type):
    labels = np.zeros((2, 9, 20, 20), np.int32)
    labels[:, 0:3, 5:12, 5:12] = 1
    labels[:, 3 + ENDED :, 5:12, 5:12] = 2
    session = session_on(labels)
    click(session, 1, 0, 1, 8, 8)
    assert np.array_equal(track(session, MODEL).to_labels(), labels * (labels == 1))


def test_a_body_may_miss_a_slice(bright_tracker: type):
    labels = np.zeros((2, 9, 20, 20), np.int32)
    labels[:, 2:7, 5:12, 5:12] = 1
    labels[1, 3] = 0
    session = session_on(labels)
    click(session, 1, 0, 4, 8, 8)
    assert np.array_equal(track(session, MODEL).to_labels(), labels)


def test_an_object_that_was_lost_is_found_again(bright_tracker: type):
    labels = np.zeros((6, 5, 20, 20), np.int32)
    labels[:, 1:4, 5:12, 5:12] = 1
    labels[2:4] = 0
    session = session_on(labels)
    click(session, 1, 0, 2, 8, 8)
    assert np.array_equal(track(session, MODEL).to_labels(), labels)


def test_only_the_volumes_asked_for_are_kept(session: Session, balls: np.ndarray, bright_tracker: type):
    n_slices = balls.shape[1]
    part = track(session, MODEL, start=2 * n_slices, stop=4 * n_slices)
    labels = part.to_labels()
    assert np.array_equal(labels[2:4], balls[2:4])
    assert not labels[:2].any() and not labels[4:].any()
    frames = {result.frame // n_slices for result in part}
    assert frames == {2, 3}


@pytest.mark.parametrize("done", [0, 1, 3, 6])
def test_an_interrupted_run_goes_on_to_the_same_masks(
    session: Session, balls: np.ndarray, bright_tracker: type, tmp_path, done: int
):
    session = session_on(balls)
    click(session, 1, 3, 5, 12, 13)
    click(session, 2, 2, 5, 28, 28)
    steps = compile_steps(session)
    begun = VolumeTracking(session, MODEL, "frame", steps)
    store = LabelStore.on_disk(tmp_path / "labels.zarr", session.frames.shape)
    walk = begun.follow(store)
    for _ in range(done):
        next(walk)
    if done < len(steps):
        store.write(next(begun.find(steps[done], store)))  # killed within the next volume
    again = LabelStore.on_disk(tmp_path / "labels.zarr", session.frames.shape)
    numbers = list(VolumeTracking(session, MODEL, "frame", steps).follow(again, done))
    assert numbers == list(range(done + 1, len(steps) + 1))
    assert np.array_equal(np.asarray(again.labels).reshape(balls.shape), balls)


def test_labels_on_disk_are_read_volume_by_volume(
    session: Session, balls: np.ndarray, bright_tracker, tmp_path
):
    store = LabelStore.on_disk(tmp_path / "labels.zarr", session.frames.shape)
    volumes = track(session, MODEL).to_labels(store)
    assert isinstance(volumes, Volumes) and len(volumes) == len(balls)
    assert np.array_equal(np.asarray(volumes[2]), balls[2])
    assert np.array_equal(volumes[3][5], balls[3, 5])
    assert np.array_equal(np.asarray(volumes.through_time(5)), balls[:, 5])


def test_without_prompts_there_is_nothing_to_track(balls: np.ndarray):
    with pytest.raises(InputError, match="there is nothing to track"):
        track(session_on(balls), MODEL)
