"""A session while it is worked on, with a quick model: edits, masks, stops, errors."""

from contextlib import closing

import numpy as np
import pytest

from napari_sam2.errors import InputError
from napari_sam2.interactive.live import Live
from napari_sam2.interactive.requests import Follow, Look, Prepare, UseModel
from napari_sam2.label_store import LabelStore
from napari_sam2.session import Session


def shown(live) -> np.ndarray:
    return np.array(live.store.labels)


def two_objects(live) -> None:
    live.add_points(1, 0, [(20, 12)], [1])
    live.add_box(2, 0, (4, 30, 12, 38))
    live.wait()


def followed(live) -> np.ndarray:
    two_objects(live)
    live.propagate()
    live.wait()
    return shown(live)


def steps(live, count: int) -> None:
    """Take in so many answers."""
    for _ in range(count):
        live.poll()


def test_a_click_shows_a_mask_on_its_frame_only(live):
    seen = []
    live.frames_changed.connect(seen.append)
    live.add_points(1, 3, [(20, 12)], [1])
    live.wait()
    assert live.mask(1, 3)[20, 12] and set(seen) == {frozenset({3})}
    assert not shown(live)[[0, 1, 2, *range(4, 12)]].any()
    assert live.scores().empty


def test_the_model_is_loaded_with_the_first_click_and_named_in_the_session(live):
    assert live.device_name is None and live._engine.asked == []
    live.add_points(1, 3, [(20, 12)], [1])
    live.wait()
    assert (live.model_name, live.device_name, live.session.model.name) == ("nano", "cpu", "nano")


def test_a_second_click_while_busy_makes_the_first_answer_stale(live):
    live.add_points(1, 3, [(20, 12)], [1])
    live.add_points(1, 3, [(20, 16)], [1])
    assert [type(one) for one in live._engine.asked] == [UseModel, Look, Look]
    live.wait()
    assert live.mask(1, 3).sum() == pytest.approx(np.pi * 6**2, rel=0.1)
    assert live.notices == []


def test_a_click_that_was_undone_before_its_answer_shows_nothing(live):
    live.add_points(1, 3, [(20, 12)], [1])
    live.undo()
    live.wait()
    assert not shown(live).any()
    live.redo()
    live.wait()
    assert live.mask(1, 3).any()


def test_points_are_moved_and_removed_in_their_order(live):
    live.add_points(1, 3, [(20, 12), (24, 12), (22, 16)], [1, 1, 0])
    live.add_box(1, 3, (10, 2, 30, 22))
    live.move_point(1, 3, 1, (20, 14))
    given = live.session.objects[1].prompts[3]
    assert given.points == ((20, 12), (20, 14), (22, 16)) and given.labels == (1, 1, 0)
    assert given.box == (10, 2, 30, 22)
    live.remove_point(1, 3, 0)
    live.remove_box(1, 3)
    assert live.session.objects[1].prompts[3].points == ((20, 14), (22, 16))
    for _ in range(3):
        assert live.undo()
    assert live.session.objects[1].prompts[3].points[1] == (24, 12)
    with pytest.raises(InputError, match="no point 7"):
        live.move_point(1, 3, 7, (1, 1))


def test_an_edit_that_is_refused_leaves_everything_as_it_was(live):
    two_objects(live)
    before, history = shown(live), live.session.history
    for wrong in (
        lambda: live.add_points(1, 99, [(1, 1)], [1]),
        lambda: live.move_point(1, 0, 0, (999, 999)),
        lambda: live.delete_object(9),
        lambda: live.mark_division(1, [9], 3),
        lambda: live.repair(1, 0),
        lambda: live.unmark_division(1),
    ):
        with pytest.raises(InputError):
            wrong()
    assert live.session.history == history and np.array_equal(shown(live), before)
    assert live.undo() and live.session.history == history[:-1]


def test_masks_of_propagation_arrive_frame_by_frame(live):
    two_objects(live)
    busy, seen = [], []
    live.busy_changed.connect(busy.append)
    live.frames_changed.connect(lambda frames: seen.extend(frames))
    assert live.propagate() > 0
    assert live.busy and live.progress.total == 12 and np.isnan(live.progress.frames_per_second)
    live.poll()
    assert live.progress.done == 1 and seen[-1] == 0
    live.wait()
    assert busy == [True, False] and live.progress is None and sorted(set(seen)) == list(range(12))
    assert len(live.scores()) == 24 and live.was_followed(1, 5)
    assert [status.status for status in live.objects()] == ["followed on 12 frames"] * 2


def test_nothing_to_follow_is_one_sentence_and_no_step(live):
    followed(live)
    history = live.session.history
    with pytest.raises(InputError, match="nothing to follow"):
        live.propagate()
    assert live.session.history == history and not live.busy


def test_a_second_propagation_has_to_wait(live):
    two_objects(live)
    live.propagate([1])
    with pytest.raises(InputError, match="running"):
        live.propagate([2])
    live.wait()
    live.propagate([2])
    live.wait()
    assert len(live.scores()) == 24


def test_stop_keeps_what_is_done_and_the_session_says_so(live):
    two_objects(live)
    live.propagate()
    steps(live, 4)
    live.stop()
    live.wait()
    assert not live.busy and live.store.labels[3].any() and not live.store.labels[4:].any()
    assert next(reversed(live.session.history)).edits[-1].results == 4
    live.propagate()
    assert live.progress.total == 8
    live.wait()
    assert live.store.labels[11].any()


def test_a_propagation_that_found_nothing_is_no_step(live):
    two_objects(live)
    history = live.session.history
    live.propagate()
    live.stop()
    assert live.session.history == history and not live.busy
    live.propagate()
    assert live.undo() and live.session.history == history and not live.busy
    assert live.undo() and live.session.history == history[:-1]


def test_undo_of_a_running_propagation_stops_it_and_takes_it_back(live):
    two_objects(live)
    before = shown(live)
    live.propagate()
    steps(live, 5)
    assert live.undo() and not live.busy
    live.wait()
    assert np.array_equal(shown(live), before)
    assert live.redo() and live.store.labels[4].any() and not live.store.labels[5:].any()


def test_clicks_while_it_runs_are_answered_between_frames(live):
    two_objects(live)
    live.propagate()
    steps(live, 2)
    live.add_points(3, 9, [(30, 40)], [1])
    steps(live, 1)
    assert live.mask(3, 9).any() and live.progress.done == 2
    live.wait()
    assert live.mask(3, 9).any() and live.mask(1, 9).any()
    live.undo()
    assert not live.mask(3, 9).any() and live.mask(1, 9).any()
    live.undo()
    assert not live.mask(1, 9).any()


def test_a_repair_changes_one_object_between_its_anchors_and_nothing_else(live):
    before = followed(live)
    live.lock(1, 3)
    live.lock(1, 9)
    live.add_points(1, 6, [(30, 12)], [1])
    live.wait()
    assert (shown(live) != before).any((1, 2)).nonzero()[0].tolist() == [6]
    assert live._engine.asked[-1].hint is not None, "a correction shows the earlier mask"
    live.repair(1, 6)
    live.wait()
    after = shown(live)
    assert (after != before).any((1, 2)).nonzero()[0].tolist() == [4, 5, 6, 7, 8]
    assert np.array_equal(after == 2, before == 2)
    assert [one.status for one in live.objects()] == ["followed on 12 frames"] * 2


def test_a_repair_takes_no_pixel_of_another_object(live):
    before = followed(live)
    live.add_points(1, 6, [(8, 34)], [1])
    live.wait()
    live.repair(1, 6)
    live.wait()
    assert np.array_equal(shown(live) == 2, before == 2)


def test_repairs_reach_only_as_far_as_the_object_was_followed(live):
    live.add_points(1, 4, [(20, 12)], [1])
    live.propagate(direction="forward", stop=8)
    live.wait()
    live.add_points(1, 6, [(22, 14)], [1])
    live.repair(1, 6)
    assert {run.last for walk in live._run.plan for run in walk.runs} == {7, 5}
    live.wait()
    assert not live.store.labels[8:].any()
    with pytest.raises(InputError, match="not followed through this frame"):
        live.repair(1, 10)


def test_a_mask_that_was_erased_is_an_absence_and_a_border(live):
    followed(live)
    live.painted(1, 7, np.zeros((40, 48), bool))
    assert not live.mask(1, 7).any() and live.objects()[0].prompted_frames == (0, 7)
    live.remove_prompt(1, 7)
    assert live.mask(1, 7).any(), "what propagation had found is there again"
    live.undo()
    assert not live.mask(1, 7).any()
    before = shown(live)
    live.add_points(1, 4, [(26, 12)], [1])
    live.repair(1, 4)
    live.wait()
    assert not live.mask(1, 7).any()
    assert np.array_equal(shown(live)[8:] == 2, before[8:] == 2)


def test_locking_an_absence_that_is_seen(live):
    followed(live)
    live.delete_object(2)
    live.add_points(2, 0, [(8, 34)], [1])
    live.wait()
    assert not live.mask(2, 5).any()
    live.lock(2, 5)
    live.propagate()
    live.wait()
    assert not live.mask(2, 5).any() and live.mask(2, 4).any()


def test_a_locked_mask_stays_when_the_prompt_under_it_changes(live):
    followed(live)
    live.add_points(1, 5, [(30, 20)], [1])
    live.wait()
    accepted = live.mask(1, 5)
    live.lock(1, 5)
    assert np.array_equal(live.mask(1, 5), accepted)
    live.propagate()
    live.wait()
    assert np.array_equal(live.mask(1, 5), accepted)


def test_painting_is_a_mask_prompt(live):
    painted = np.zeros((40, 48), bool)
    painted[5:15, 6:20] = True
    live.painted(4, 2, painted)
    assert np.array_equal(live.mask(4, 2), painted) and live._engine.asked == []
    live.add_points(5, 2, [(30, 30)], [1])
    live.propagate()
    live.wait()
    live.add_points(4, 2, [(30, 8)], [1])
    assert live.session.objects[4].prompts[2].mask is None, "a click corrects a mask that was followed"


def test_existing_labels_become_prompts_of_many_objects_in_one_step(live):
    labels = np.zeros((12, 40, 48), np.uint16)
    for one in range(1, 30):
        labels[one % 12, one : one + 8, one : one + 8] = one
    live.add_label_image(labels)
    assert np.array_equal(shown(live) > 0, labels > 0) and len(live.objects()) == 29
    assert live.undo() and not shown(live).any() and not live.can_undo
    live.redo()
    live.propagate()
    live.wait()
    assert len(live.scores()) == 29 * 12


def test_an_empty_label_image_is_one_sentence(live):
    with pytest.raises(InputError, match="background"):
        live.add_label_image(np.zeros((12, 40, 48), np.uint8))
    assert not live.can_undo


def test_a_deleted_object_is_gone_everywhere_and_comes_back(live):
    before = followed(live)
    live.delete_object(1)
    assert not (shown(live) == 1).any() and set(live.scores()["object_id"]) == {2}
    live.undo()
    assert np.array_equal(shown(live), before) and len(live.scores()) == 24


def test_deleting_stops_a_running_propagation(live):
    two_objects(live)
    live.propagate()
    steps(live, 3)
    live.delete_object(1)
    live.wait()
    assert not live.busy and not (shown(live) == 1).any() and live.store.labels[2].any()
    for _ in range(5):
        live.undo()
    assert not shown(live).any()


def test_divisions_are_marked_saved_and_undone(live):
    followed(live)
    live.mark_division(1, [1, 2], 6)
    assert live.session.divisions == ((1, 6, (1, 2)),)
    live.unmark_division(1)
    assert live.session.divisions == ()
    live.undo()
    assert live.session.divisions == ((1, 6, (1, 2)),)
    live.mark_division(1, [1], 8)
    with pytest.raises(InputError, match="frames 6, 8"):
        live.unmark_division(1)
    live.unmark_division(1, 8)
    assert live.session.divisions == ((1, 6, (1, 2)),)


def test_a_failure_while_following_is_one_notice_and_all_works_again(live):
    two_objects(live)
    live._engine.worker.fails[Follow] = "the memory of the graphics card is full; choose a smaller model"
    live.propagate()
    live.wait()
    assert live.notices == ["the memory of the graphics card is full; choose a smaller model"]
    assert not live.busy and len(live.session.history) == 2
    live.propagate()
    live.wait()
    assert live.store.labels[11].any() and len(live.notices) == 1


def test_a_model_that_cannot_be_loaded_is_one_notice_and_another_can_be_chosen(live):
    live._engine.worker.fails[UseModel] = "there is no model named 'nanoo'; choose one of nano"
    live.use_model("nanoo")
    live.add_points(1, 3, [(20, 12)], [1])
    live.add_points(2, 3, [(30, 12)], [1])
    live.wait()
    assert live.notices == ["there is no model named 'nanoo'; choose one of nano"]
    assert live.device_name is None and not live.mask(1, 3).any()
    live.use_model("nano")
    live.wait()
    assert live.mask(1, 3).any() and live.mask(2, 3).any(), "what was clicked meanwhile is answered"


def test_closing_twice_and_while_it_runs(frames, simple):
    live = Live(frames)
    two_objects(live)
    live.propagate()
    live.poll()
    live.close()
    live.close()
    assert live._engine.closed and not live.busy


def test_a_stack_of_one_frame(simple, stack):
    from napari_sam2 import open_frames

    live = Live(open_frames(stack[:1], axis="t"))
    live.add_points(1, 0, [(20, 12)], [1])
    live.wait()
    live.propagate()
    live.wait()
    assert live.store.labels[0].any()
    live.close()


def test_a_given_store_shows_the_masks(frames, simple, tmp_path):
    store = LabelStore.on_disk(tmp_path / "labels.zarr", frames.shape)
    live = Live(frames, store=store)
    before = followed(live)
    assert live.store is store and np.array_equal(np.array(store.labels), before)
    while live.undo():
        pass
    assert not np.array(store.labels).any()
    live.close()


def test_a_session_that_comes_without_masks_is_replayed(live, frames, simple):
    followed(live)
    live.add_points(1, 6, [(30, 12)], [1])
    live.repair(1, 6)
    live.wait()
    session = Session(frames)
    for edit in live.session.history:
        session._do(edit)
    with closing(Live(frames, session=session)) as other:
        other.replay()
        other.wait()
        assert np.array_equal(shown(other), shown(live))
        assert other.scores().equals(live.scores())
        other.undo()
        other.wait()
        live.undo()
        assert np.array_equal(shown(other), shown(live))


def test_a_frame_is_prepared_once_a_model_is_there_and_ends_no_propagation(live):
    live.prepare(5)
    assert live._engine.asked == []
    two_objects(live)
    live.prepare(5)
    live.propagate()
    live.wait()
    assert any(isinstance(one, Prepare) for one in live._engine.asked)
    assert not live.busy and live.store.labels[11].any() and len(live.scores()) == 24


def test_a_model_on_its_way_can_be_given_up(live):
    live.use_model("large")
    live.add_points(1, 3, [(20, 12)], [1])
    live.cancel_model()
    live.wait()
    assert live.device_name is None and not live.mask(1, 3).any() and live.notices == []
    live.use_model("nano")
    live.wait()
    assert live.model_name == "nano" and live.mask(1, 3).any()


def test_a_session_at_rest_has_no_worker_and_asks_anew_what_was_open(live):
    live.add_points(1, 0, [(20, 14)], [1])
    live.wait()
    live.add_points(2, 3, [(30, 30)], [1])
    live.rest()
    assert live._engine.closed and live.device_name is None
    asked = len(live._engine.asked)
    live.rest()
    assert len(live._engine.asked) == asked, "nothing starts the worker while it rests"
    live.wait()
    assert [type(one) for one in live._engine.asked[asked:]] == [UseModel, Look]
    assert live.mask(1, 0).any() and live.mask(2, 3).any() and live.device_name == "cpu"
    live.propagate()
    live.rest()
    assert not live.busy
    live.propagate()
    live.wait()
    assert live.store.labels[-1].any() and live.notices == []
