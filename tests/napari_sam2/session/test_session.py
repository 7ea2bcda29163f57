"""Edits, undo and redo, groups, and what a session refuses."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.session import Session
from napari_sam2.session.edits import AddPoints, Group, Propagate
from napari_sam2.session.masks import PackedMask
from napari_sam2.session.state import Given


def refused(call, *words: str) -> None:
    """The call is refused with one sentence that has all words."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and ". " not in message and not message.endswith("."), message


# -- what edits do ---------------------------------------------------------------------------------


def test_points_and_a_box_on_one_frame_stand_together(session):
    session.add_points(object_id=1, frame=3, points=[(2, 3)], labels=[1])
    session.add_box(object_id=1, frame=3, box=(1, 1, 8, 9))
    session.add_points(object_id=1, frame=3, points=[(5, 6), (0.5, -0.5)], labels=[0, 1])
    assert session.objects[1].prompts == {
        3: Given(points=((2, 3), (5, 6), (0.5, -0.5)), labels=(1, 0, 1), box=(1, 1, 8, 9))
    }


def test_a_second_box_takes_the_place_of_the_first(session):
    session.add_box(1, 3, (1, 1, 8, 9))
    session.add_box(1, 3, (2, 2, 8, 9))
    assert session.objects[1].prompts[3].box == (2, 2, 8, 9)


def test_the_corners_of_a_box_may_come_in_any_order_and_reach_over_the_border(session):
    session.add_box(1, 0, (8, 30, -4, 1))
    assert session.objects[1].prompts[0].box == (-0.5, 1, 8, 15.5)


def test_a_mask_takes_the_place_of_points(session, square):
    session.add_points(1, 3, [(2, 3)], [1])
    session.add_mask(1, 3, square())
    given = session.objects[1].prompts[3]
    assert given.points == () and np.array_equal(given.mask.unpack(), square())
    session.undo()
    assert session.objects[1].prompts[3] == Given(points=((2, 3),), labels=(1,))


def test_a_mask_is_kept_as_it_was_when_given(session, square):
    mask = square()
    session.add_mask(1, 3, mask)
    mask[:] = True
    assert np.array_equal(session.objects[1].prompts[3].prompt().mask, square())


def test_the_prompt_for_the_model_says_the_same(session):
    session.add_points(1, 3, np.array([[2.5, 3.0]]), np.array([1]))
    session.add_box(1, 3, (1, 1, 8, 9))
    prompt = session.objects[1].prompts[3].prompt()
    assert (prompt.points, prompt.labels, prompt.box, prompt.mask) == (
        ((2.5, 3.0),),
        (1,),
        (1.0, 1.0, 8.0, 9.0),
        None,
    )


def test_removing_the_last_point_removes_the_prompt_but_not_the_object(session):
    session.add_points(1, 3, [(2, 3), (4, 5)], [1, 0])
    session.remove_point(1, 3, 0)
    assert session.objects[1].prompts[3] == Given(points=((4, 5),), labels=(0,))
    session.remove_point(1, 3, 0)
    assert session.objects[1].prompts == {}
    assert session.objects[1].name == "object 1"


def test_removing_the_last_point_leaves_the_box(session):
    session.add_points(1, 3, [(2, 3)], [1])
    session.add_box(1, 3, (1, 1, 8, 9))
    session.remove_point(1, 3, 0)
    assert session.objects[1].prompts[3] == Given(box=(1, 1, 8, 9))


def test_names_locks_and_parameters(session, square):
    session.add_points(2, 3, [(2, 3)], [1])
    session.rename_object(2, "nucleus")
    session.lock(2, 7, square())
    session.set_parameter("window", 3.5)
    assert session.objects[2].name == "nucleus"
    assert session.objects[2].locks == {7: PackedMask.of(square())}
    assert session.parameters == {"window": 3.5}
    session.unlock(2, 7)
    assert session.objects[2].locks == {}


def test_the_next_object_follows_the_largest(session):
    assert session.new_object() == 1
    session.add_points(4, 0, [(1, 1)], [1])
    session.add_points(2, 0, [(1, 1)], [1])
    assert session.new_object() == 5
    assert list(session.objects) == [2, 4]


def test_what_is_shown_cannot_be_changed(session):
    session.add_points(1, 0, [(1, 1)], [1])
    with pytest.raises(TypeError):
        session.objects[2] = session.objects[1]
    with pytest.raises(TypeError):
        session.parameters["a"] = 1


# -- undo and redo ---------------------------------------------------------------------------------


def test_undo_and_redo_to_any_depth(session, square):
    session.add_points(1, 0, [(1, 1)], [1])
    session.lock(1, 4, square())
    session.delete_object(1)
    assert not session.objects
    assert session.undo() and session.objects[1].locks
    assert session.undo() and not session.objects[1].locks
    assert session.undo() and not session.objects
    assert not session.can_undo and not session.undo()
    assert session.redo() and session.redo() and session.objects[1].locks
    assert session.redo() and not session.objects
    assert not session.can_redo and not session.redo()


def test_a_new_edit_forgets_what_was_undone(session):
    session.add_points(1, 0, [(1, 1)], [1])
    session.add_points(1, 0, [(2, 2)], [1])
    session.undo()
    session.add_points(1, 0, [(3, 3)], [1])
    assert not session.can_redo
    assert session.objects[1].prompts[0].points == ((1, 1), (3, 3))


def test_a_refused_edit_changes_nothing_and_keeps_what_was_undone(session):
    session.add_points(1, 0, [(1, 1)], [1])
    session.undo()
    refused(lambda: session.delete_object(1), "object 1")
    assert session.can_redo and session.history == ()


def test_a_group_is_one_step(session):
    with session.group():
        session.add_points(1, 0, [(1, 1)], [1])
        with session.group():
            session.add_points(2, 0, [(1, 1)], [1])
        session.rename_object(2, "two")
    (step,) = session.history
    assert isinstance(step, Group) and len(step.edits) == 3
    session.undo()
    assert not session.objects
    session.redo()
    assert session.objects[2].name == "two"


def test_an_empty_group_is_no_step(session):
    with session.group():
        pass
    assert not session.can_undo


def test_an_error_in_a_group_takes_its_edits_back(session):
    session.add_points(1, 0, [(1, 1)], [1])
    before = session.objects

    def group_with_a_mistake():
        with session.group():
            session.rename_object(1, "one")
            session.add_points(2, 0, [(1, 1)], [1])
            session.delete_object(7)

    refused(group_with_a_mistake, "object 7")
    assert session.objects == before and len(session.history) == 1


def test_an_error_in_an_inner_group_can_be_caught_in_the_outer(session):
    with session.group():
        session.add_points(1, 0, [(1, 1)], [1])
        with pytest.raises(InputError), session.group():
            session.add_points(2, 0, [(1, 1)], [1])
            session.delete_object(7)
    assert list(session.objects) == [1] and len(session.history) == 1


def test_a_group_cannot_be_undone_while_it_is_open(session):
    with session.group():
        session.add_points(1, 0, [(1, 1)], [1])
        with pytest.raises(RuntimeError, match="group"):
            session.undo()
        with pytest.raises(RuntimeError, match="group"):
            session.redo()
    assert session.can_undo


def test_a_group_applied_to_a_state_is_done_wholly_or_not_at_all(session):
    good = AddPoints(1, 0, ((1.0, 1.0),), (1,))
    with pytest.raises(InputError):
        Group((good, Propagate((5,)))).apply(session._state)
    assert not session.objects


ids = st.integers(1, 3)
some_frames = st.integers(0, 4)
points = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 15)), min_size=1, max_size=2)
some_masks = st.tuples(st.integers(0, 8), st.integers(1, 3))


def _mask(corner_and_size):
    corner, size = corner_and_size
    mask = np.zeros((12, 16), dtype=bool)
    mask[corner : corner + size, corner : corner + size] = True
    return mask


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add_points"), ids, some_frames, points),
        st.tuples(st.just("add_box"), ids, some_frames, st.integers(1, 9)),
        st.tuples(st.just("add_mask"), ids, some_frames, some_masks),
        st.tuples(st.just("remove_prompt"), ids, some_frames),
        st.tuples(st.just("remove_point"), ids, some_frames, st.integers(0, 2)),
        st.tuples(st.just("lock"), ids, some_frames, some_masks),
        st.tuples(st.just("unlock"), ids, some_frames),
        st.tuples(st.just("mark_division"), ids, some_frames, st.lists(ids, max_size=2)),
        st.tuples(st.just("unmark_division"), ids, some_frames),
        st.tuples(st.just("delete_object"), ids),
        st.tuples(st.just("rename_object"), ids, st.text("ab µ", min_size=1, max_size=3)),
        st.tuples(st.just("set_parameter"), st.sampled_from("ab"), st.sampled_from([1, 2.5, None, "x"])),
        st.tuples(st.just("propagate"), st.none() | st.lists(ids, min_size=1)),
        st.tuples(st.just("open a group")),
        st.tuples(st.just("undo")),
        st.tuples(st.just("redo")),
    ),
    max_size=25,
)


def do(session: Session, step) -> None:
    """One random step; those that the session refuses are no steps."""
    name, *values = step
    if name == "add_points":
        values.append([1] * len(values[2]))
    elif name == "add_box":
        values[2] = (0, 0, values[2], values[2])
    elif name in ("add_mask", "lock"):
        values[2] = _mask(values[2])
    try:
        getattr(session, name)(*values)
    except InputError:
        pass


def play(session: Session, steps) -> None:
    """All steps; the three after the opening of a group are in it."""
    steps = list(steps)
    while steps:
        step = steps.pop(0)
        if step[0] == "open a group":
            inside, steps = steps[:3], steps[3:]
            with session.group():
                for one in inside:
                    if one[0] not in ("open a group", "undo", "redo"):
                        do(session, one)
        else:
            do(session, step)


@settings(deadline=None)
@given(steps)
def test_undo_and_redo_of_anything_restore_the_state_exactly(small_frames, steps):
    session = Session(small_frames())
    play(session, steps)
    history = session.history
    states = [copy.deepcopy(session._state)]
    while session.undo():
        states.append(copy.deepcopy(session._state))
    assert not session.objects and not session.parameters and len(states) == len(history) + 1
    assert session._state == states.pop()
    while states:
        session.redo()
        assert session._state == states.pop()
    assert session.history == history


@settings(deadline=None)
@given(steps)
def test_a_saved_session_is_the_same_session_byte_by_byte(small_frames, tmp_path_factory, steps):
    session = Session(small_frames())
    play(session, steps)
    folder = tmp_path_factory.mktemp("round trip")
    session.save(folder / "first.json")
    again = Session.load(folder / "first.json", small_frames())
    again.save(folder / "second.json")
    assert again._state == session._state and again.history == session.history
    assert (folder / "first.json").read_bytes() == (folder / "second.json").read_bytes()


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("object_id", [0, -1, 2**31, 1.0, "1", None, True])
def test_object_ids_that_are_none(session, object_id):
    refused(lambda: session.add_points(object_id, 0, [(1, 1)], [1]), "object id", repr(object_id))


@pytest.mark.parametrize("frame", [-1, 20, 2.0, "0", None])
def test_frames_that_do_not_exist(session, frame):
    refused(lambda: session.add_points(1, frame, [(1, 1)], [1]), "object 1", "frame", repr(frame))


def test_the_frames_that_exist_are_told(session):
    refused(lambda: session.add_box(1, 20, (1, 1, 2, 2)), "frame 20", "0 to 19")


@pytest.mark.parametrize(
    "point", [(-0.6, 1), (11.6, 1), (1, -0.6), (1, 15.6), (np.nan, 1), (np.inf, 1), (1,), (0, 1, 1), "ab", 3]
)
def test_points_that_are_none(session, point):
    refused(lambda: session.add_points(1, 3, [point], [1]), "object 1, frame 3", "point")


@pytest.mark.parametrize("point", [(-0.5, -0.5), (11.5, 15.5)])
def test_a_point_may_lie_on_the_rim_of_the_outermost_pixels(session, point):
    session.add_points(1, 3, [point], [1])


def test_where_points_may_lie_is_told(session):
    refused(lambda: session.add_points(1, 3, [(40, 2)], [1]), "y=40", "-0.5 to 11.5", "-0.5 to 15.5")


@pytest.mark.parametrize("points", [[], None, 7])
def test_lists_of_points_that_are_none(session, points):
    refused(lambda: session.add_points(1, 3, points, []), "object 1, frame 3", "points")


@pytest.mark.parametrize("labels", [[2], [-1], ["1"], [None], [0.5], [1, 1], [], None, 1])
def test_labels_that_are_none(session, labels):
    refused(lambda: session.add_points(1, 3, [(1, 1)], labels), "object 1, frame 3", "label")


@pytest.mark.parametrize("label", [True, 1.0, np.uint8(1), np.bool_(True)])
def test_labels_in_other_types(session, label):
    session.add_points(1, 3, [(1, 1)], [label])
    (kept,) = session.objects[1].prompts[3].labels
    assert type(kept) is int and kept == 1


@pytest.mark.parametrize(
    "box", [(1, 1, 1, 5), (1, 5, 4, 5), (20, 1, 30, 5), (1, -9, 4, -1), (1, 2, 3), (1, 2, 3, np.nan), None, 4]
)
def test_boxes_that_are_none(session, box):
    refused(lambda: session.add_box(1, 3, box), "object 1, frame 3", "box")


@pytest.mark.parametrize("add", ["add_mask", "lock"])
def test_masks_that_are_none(session, square, add):
    session.add_points(1, 0, [(1, 1)], [1])
    method = getattr(session, add)
    refused(lambda: method(1, 3, square().astype(np.uint8)), "object 1, frame 3", "uint8", "bool")
    refused(lambda: method(1, 3, square()[:-1]), "object 1, frame 3", "(11, 16)", "(12, 16)")
    refused(lambda: method(1, 3, PackedMask.of(np.ones((16, 12), bool))), "object 1, frame 3", "shape")


def test_an_empty_mask_makes_no_object_but_says_that_one_is_absent(session):
    nothing = np.zeros((12, 16), bool)
    refused(lambda: session.add_mask(1, 3, nothing), "object 1, frame 3", "empty")
    session.add_points(1, 0, [(1, 1)], [1])
    session.add_mask(1, 4, nothing)
    assert session.objects[1].prompts[4].prompt().absent
    session.lock(1, 3, nothing)
    assert not session.objects[1].locks[3].any()
    assert np.array_equal(session.objects[1].locks[3].unpack(), nothing)


def test_divisions_are_marked_and_taken_back(session):
    for object_id in (1, 2, 3):
        session.add_points(object_id, 0, [(1, 1)], [1])
    session.mark_division(1, 4, [2, 3])
    session.mark_division(2, 6, [2])
    assert session.divisions == ((1, 4, (2, 3)), (2, 6, (2,)))
    session.mark_division(1, 4, [3])
    session.delete_object(3)
    assert session.divisions == ((1, 4, ()), (2, 6, (2,)))
    session.undo()
    session.unmark_division(2, 6)
    assert session.divisions == ((1, 4, (3,)),)
    session.delete_object(1)
    assert session.divisions == ()


def test_divisions_that_are_none(session):
    for object_id in (1, 2, 3, 4):
        session.add_points(object_id, 0, [(1, 1)], [1])
    refused(lambda: session.mark_division(9, 4, [1]), "object 9", "does not exist")
    refused(lambda: session.mark_division(1, 4, [9]), "object 1, frame 4", "daughter 9", "prompt it")
    refused(lambda: session.mark_division(1, 4, [2, 3, 4]), "object 1, frame 4", "two")
    refused(lambda: session.mark_division(1, 4, [2, 2]), "object 1, frame 4", "two different")
    refused(lambda: session.mark_division(1, 0, [2]), "object 1, frame 0", "first frame")
    refused(lambda: session.mark_division(1, 4, 2), "object 1, frame 4", "list")
    session.mark_division(1, 4, [2])
    refused(lambda: session.mark_division(3, 5, [2]), "object 2", "daughter of object 1", "frame 4")
    refused(lambda: session.unmark_division(1, 5), "object 1, frame 5", "frame 4")


def test_a_propagation_that_was_stopped_is_written_down(session):
    session.add_points(1, 0, [(1, 1)], [1])
    session.propagate()
    asked = session.history[-1]
    session.rename_object(1, "cell")
    session.shorten(asked, 4)
    assert session.history[1].results == 4 and len(session.history) == 3
    with session.group():
        session.propagate()
        session.rename_object(1, "left")
    inner = session.history[-1].edits[0]
    session.shorten(inner, 2)
    assert session.history[-1].edits[0].results == 2
    assert session.undo() and session.redo() and session.history[-1].edits[0].results == 2
    with pytest.raises(ValueError, match="not in the history"):
        session.shorten(asked, 1)


def test_points_and_boxes_do_not_go_with_a_mask(session, square):
    session.add_mask(1, 3, square())
    refused(lambda: session.add_points(1, 3, [(1, 1)], [1]), "object 1, frame 3", "mask", "remove")
    refused(lambda: session.add_box(1, 3, (1, 1, 5, 5)), "object 1, frame 3", "mask", "remove")


def test_a_locked_frame_takes_no_prompt(session, square):
    session.add_points(1, 3, [(1, 1)], [1])
    session.lock(1, 3, square())
    for call in (
        lambda: session.add_points(1, 3, [(1, 1)], [1]),
        lambda: session.add_box(1, 3, (1, 1, 5, 5)),
        lambda: session.add_mask(1, 3, square()),
        lambda: session.remove_prompt(1, 3),
        lambda: session.remove_point(1, 3, 0),
    ):
        refused(call, "object 1, frame 3", "locked", "unlock")


def test_objects_that_do_not_exist(session, square):
    for call in (
        lambda: session.remove_prompt(5, 0),
        lambda: session.remove_point(5, 0, 0),
        lambda: session.delete_object(5),
        lambda: session.rename_object(5, "five"),
        lambda: session.lock(5, 0, square()),
        lambda: session.unlock(5, 0),
    ):
        refused(call, "object 5", "does not exist")
    session.add_points(1, 0, [(1, 1)], [1])
    refused(lambda: session.propagate([1, 5]), "object 5", "does not exist")


def test_prompts_points_and_locks_that_do_not_exist(session, square):
    session.add_points(1, 4, [(1, 1)], [1])
    refused(lambda: session.remove_prompt(1, 5), "object 1, frame 5", "frame 4")
    refused(lambda: session.remove_point(1, 4, 1), "object 1, frame 4", "point 1", "1 points")
    refused(lambda: session.remove_point(1, 4, -1), "object 1, frame 4", "point -1")
    refused(lambda: session.unlock(1, 4), "object 1, frame 4", "not locked")


def test_propagations_that_are_none(session):
    refused(session.propagate, "no object", "prompt")
    session.add_points(1, 4, [(1, 1)], [1])
    refused(lambda: session.propagate(direction="up"), "direction", "'up'", "backward")
    refused(lambda: session.propagate([]), "objects", "empty")
    refused(lambda: session.propagate(3), "objects", "3")
    refused(lambda: session.propagate(start=20), "start 20", "0 to 19")
    refused(lambda: session.propagate(start=-1), "start -1")
    refused(lambda: session.propagate(start=5, stop=5), "stop 5", "6 to 20")
    refused(lambda: session.propagate(stop=21), "stop 21", "1 to 20")
    refused(lambda: session.propagate(stop=2.5), "stop", "2.5")
    session.propagate([1, 1], "forward", start=np.int64(3), stop=20)
    assert session.history[-1] == Propagate((1,), "forward", 3, 20)


@pytest.mark.parametrize("value", [np.nan, np.inf, [1], {"a": 1}, b"x", 1j])
def test_parameters_that_are_none(session, value):
    refused(lambda: session.set_parameter("window", value), "'window'", "finite")


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_names_that_are_none(session, name):
    session.add_points(1, 4, [(1, 1)], [1])
    refused(lambda: session.set_parameter(name, 1), "parameter")
    refused(lambda: session.rename_object(1, name), "object 1")
