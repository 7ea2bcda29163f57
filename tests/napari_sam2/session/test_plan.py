"""From edits to passes: a catalogue of small named scenarios on 20 frames.

A plan is written with one line a pass: `>` forward or `<` backward, each object with the first and the
last frame that is output, then `again` when the pass keeps the pixels of others and `half` when it goes
on with the memory of the pass before.
"""

import numpy as np
import pytest

from napari_sam2.errors import InputError
from napari_sam2.session.edits import (
    AddBox,
    AddMask,
    AddPoints,
    DeleteObject,
    Group,
    Lock,
    MarkDivision,
    Propagate,
    RemovePoint,
    RemovePrompt,
    RenameObject,
    SetParameter,
    Unlock,
)
from napari_sam2.session.masks import PackedMask
from napari_sam2.session.plan import asked_for, compile_plan, last_propagation

N = 20
ALL = Propagate()
SEEN = PackedMask.of(np.eye(4, dtype=bool))
NOTHING = PackedMask.of(np.zeros((4, 4), dtype=bool))
PAINTED = PackedMask.of(~np.eye(4, dtype=bool))


def click(frame, object_id=1, label=1):
    return AddPoints(object_id, frame, ((2.0, 3.0),), (label,))


def box(frame, object_id=1):
    return AddBox(object_id, frame, (0.0, 0.0, 5.0, 6.0))


def told(passes) -> list[str]:
    lines = []
    for walk in passes:
        runs = ", ".join(f"{run.object_id}: {run.first}-{run.last}" for run in walk.runs)
        line = f"{'>' if walk.direction == 1 else '<'} {runs}"
        lines.append(line + " again" * walk.keep_others + " half" * (not walk.fresh))
    return lines


def plan(*edits, **options) -> list[str]:
    return told(compile_plan(edits, N, **options))


def last(*edits, **options) -> list[str]:
    """The passes of the last propagation alone."""
    return told(last_propagation(edits, N, **options))


def runs(*edits, **options):
    """The runs of the last propagation, by direction and first frame."""
    passes = last_propagation(edits, N, **options)
    return {(walk.direction, run.first): run for walk in passes for run in walk.runs}


# -- new objects -----------------------------------------------------------------------------------


def test_nothing_said_nothing_planned():
    assert plan() == plan(SetParameter("a", 1)) == []


def test_one_click_on_the_first_frame():
    assert plan(click(0)) == plan(click(0), ALL) == ["> 1: 0-19"]


def test_one_click_in_the_middle_goes_both_ways():
    assert plan(click(7)) == ["> 1: 7-19", "< 1: 6-0 half"]


def test_one_click_on_the_last_frame():
    assert plan(click(19)) == ["> 1: 19-19", "< 1: 18-0 half"]


def test_two_objects_that_start_on_different_frames_walk_together():
    assert plan(click(3), click(8, 2)) == ["> 1: 3-19, 2: 8-19", "< 1: 2-0, 2: 7-0 half"]


def test_an_object_that_starts_on_the_first_frame_does_not_walk_back():
    assert plan(click(0), click(8, 2)) == ["> 1: 0-19, 2: 8-19", "< 2: 7-0 half"]


def test_several_prompts_are_met_on_one_walk():
    edits = click(4), box(9), AddMask(1, 12, SEEN)
    assert plan(*edits) == ["> 1: 4-19", "< 1: 3-0 half"]
    run = runs(*edits)[1, 4]
    assert [anchor.frame for anchor in run.anchors] == [4, 9, 12]
    assert not any(anchor.correction or anchor.locked for anchor in run.anchors)
    assert run.anchors[1].prompt.box == (0.0, 0.0, 5.0, 6.0)
    assert np.array_equal(run.anchors[2].prompt.mask, SEEN.unpack())
    assert run.recall == ()


def test_clicks_and_box_on_one_frame_are_one_anchor():
    (anchor,) = runs(click(4), box(4), click(4, label=0))[1, 4].anchors
    assert anchor.prompt.labels == (1, 0) and anchor.prompt.box is not None


def test_forward_only_starts_at_the_first_prompt():
    assert plan(click(4), click(9), direction="forward") == ["> 1: 4-19"]


def test_backward_only_starts_at_the_last_prompt():
    assert plan(click(4), click(9), direction="backward") == ["< 1: 9-0"]


def test_a_lock_on_a_frame_never_output_is_given_like_a_mask():
    edits = click(4), Lock(1, 9, SEEN)
    assert plan(*edits) == ["> 1: 4-19", "< 1: 3-0 half"]
    anchor = runs(*edits)[1, 4].anchors[1]
    assert anchor.frame == 9 and anchor.locked and np.array_equal(anchor.prompt.mask, SEEN.unpack())


def test_edits_in_a_group_count_like_any_other():
    assert plan(Group((click(3), Group((click(8, 2),))))) == plan(click(3), click(8, 2))


# -- ranges ----------------------------------------------------------------------------------------


def test_a_range_around_the_prompt():
    assert plan(click(7), start=5, stop=10) == ["> 1: 7-9", "< 1: 6-5 half"]


def test_a_prompt_before_the_range():
    assert plan(click(2), start=5, stop=10) == ["> 1: 5-9"]
    assert [anchor.frame for anchor in runs(click(2), start=5, stop=10)[1, 5].anchors] == [2]


def test_a_prompt_after_the_range():
    assert plan(click(12), start=5, stop=10) == ["< 1: 9-5"]
    assert plan(click(12), start=5, stop=10, direction="forward") == []
    assert plan(click(12), start=5, stop=10, direction="backward") == ["< 1: 9-5"]


def test_prompts_on_both_sides_of_the_range():
    assert plan(click(2), click(12), start=5, stop=10) == ["> 1: 5-9"]


def test_objects_in_and_after_a_range():
    assert plan(click(7), click(12, 2), start=5, stop=10) == ["> 1: 7-9", "< 1: 6-5 half", "< 2: 9-5"]


def test_a_larger_range_later_goes_on_from_what_there_is():
    first = click(7), Propagate(start=5, stop=10)
    assert last(*first, ALL) == ["> 1: 10-19", "< 1: 4-0"]
    assert runs(*first, ALL)[1, 10].recall == (5, 6, 8, 9)
    assert runs(*first, ALL)[-1, 4].recall == (5, 6, 8, 9, 10)


def test_backward_after_forward():
    first = click(7), Propagate(direction="forward")
    assert last(*first, Propagate(direction="backward")) == ["< 1: 6-0"]
    assert runs(*first, Propagate(direction="backward"))[-1, 6].recall == (8, 9, 10, 11, 12)


def test_a_prompt_left_out_by_the_range_is_met_later():
    first = click(2), click(15), Propagate(stop=10)
    assert last(*first) == ["> 1: 2-9", "< 1: 1-0 half"]
    assert last(*first, ALL) == ["> 1: 10-19"]
    (run,) = runs(*first, ALL).values()
    assert run.recall == (4, 5, 6, 7, 8, 9) and not run.anchors[1].correction


def test_a_backward_walk_recalls_what_the_walk_before_it_found():
    edits = click(8), click(14), Propagate(start=8, stop=9), Propagate(direction="backward")
    assert last(*edits) == ["< 1: 14-9", "< 1: 7-0"]
    assert runs(*edits)[-1, 7].recall == (9, 10, 11, 12, 13)


def test_forward_only_goes_on_to_a_prompt_beyond_what_there_is():
    edits = click(0), Propagate(stop=10), click(15), Propagate(direction="forward")
    assert last(*edits) == ["> 1: 10-19"]
    assert last(*edits, ALL) == ["< 1: 9-1 again"]


def test_a_range_that_is_none():
    with pytest.raises(InputError, match="stop 21"):
        compile_plan([click(0)], N, stop=21)
    with pytest.raises(InputError, match="direction 'up'"):
        compile_plan([click(0)], N, direction="up")


# -- corrections -----------------------------------------------------------------------------------


def test_nothing_new_nothing_planned():
    assert last(click(7), ALL, ALL) == []
    assert plan(click(7), ALL, RenameObject(1, "a"), SetParameter("a", 1)) == plan(click(7), ALL)


def test_box_on_0_and_correction_on_6_after_propagation():
    edits = box(0), ALL, click(6)
    assert plan(*edits) == ["> 1: 0-19", "> 1: 6-19 again", "< 1: 5-1 again"]
    assert plan(*edits, ALL) == plan(*edits)
    forward, backward = runs(*edits)[1, 6], runs(*edits)[-1, 5]
    assert [(anchor.frame, anchor.correction) for anchor in forward.anchors] == [(0, False), (6, True)]
    assert forward.recall == (1, 2, 3, 4, 5)
    assert len(backward.anchors) == 2 and backward.recall == ()


def test_a_correction_between_two_prompts_touches_only_its_interval():
    assert last(click(3), click(15), ALL, click(9)) == ["> 1: 9-14 again", "< 1: 8-4 again"]


def test_a_correction_beside_a_prompt():
    assert last(click(3), ALL, click(4)) == ["> 1: 4-19 again"]
    assert last(click(3), ALL, click(2)) == ["> 1: 2-2 again", "< 1: 1-0 again"]


def test_a_second_correction_stops_at_the_first():
    edits = click(0), ALL, click(10), ALL, click(5)
    assert last(*edits) == ["> 1: 5-9 again", "< 1: 4-1 again"]
    assert runs(*edits)[1, 5].recall == (1, 2, 3, 4)


def test_recall_is_of_the_frames_just_before_and_leaves_anchors_out():
    assert runs(click(0), ALL, click(15))[1, 15].recall == (9, 10, 11, 12, 13, 14)
    assert runs(click(0), click(12), ALL, click(15))[1, 15].recall == (9, 10, 11, 13, 14)


def test_a_correction_is_one_as_long_as_its_prompt_lives():
    edits = click(0), ALL, click(6), ALL, click(6, label=0)
    assert [anchor.correction for anchor in runs(*edits)[1, 6].anchors] == [False, True]
    edits = click(0), ALL, click(6), ALL, box(3), ALL
    assert [anchor.correction for anchor in runs(*edits)[1, 3].anchors] == [False, True, True]


def test_a_prompt_made_before_its_frame_was_output_is_no_correction():
    edits = click(0), Propagate(stop=5), click(6)
    assert [anchor.correction for anchor in runs(*edits)[1, 6].anchors] == [False, False]
    assert last(*edits) == ["> 1: 6-19 again", "< 1: 5-1 again"]
    assert runs(*edits)[1, 6].recall == ()


def test_two_corrections_side_by_side_are_one_walk():
    edits = click(0), ALL, click(6), click(10)
    assert last(*edits) == ["> 1: 6-19 again", "< 1: 5-1 again"]
    assert last(*edits, Propagate(direction="backward")) == ["< 1: 10-1 again"]


def test_two_corrections_far_apart_are_two_forward_passes():
    edits = click(0), click(8), ALL, click(4), click(12)
    assert last(*edits) == [
        "> 1: 4-7 again",
        "> 1: 12-19 again",
        "< 1: 11-9 again",
        "< 1: 3-1 again",
    ]


def test_corrections_of_two_objects_walk_together():
    edits = click(0), click(0, 2), click(0, 3), ALL, click(6), click(9, 2)
    assert last(*edits) == ["> 1: 6-19, 2: 9-19 again", "< 1: 5-1, 2: 8-1 again"]


def test_a_new_object_walks_apart_from_corrections_and_before_them():
    edits = click(0), ALL, click(6), click(5, 2)
    assert last(*edits) == ["> 2: 5-19", "< 2: 4-0 half", "> 1: 6-19 again", "< 1: 5-1 again"]


def test_only_the_named_objects_are_propagated_and_the_others_wait():
    edits = click(0), click(0, 2), ALL, click(6), click(9, 2), Propagate((2,))
    assert last(*edits[:-1], Propagate((2,)), ALL) == ["> 1: 6-19 again", "< 1: 5-1 again"]
    assert plan(*edits) == [
        "> 1: 0-19, 2: 0-19",
        "> 2: 9-19 again",
        "< 2: 8-1 again",
        "> 1: 6-19 again",
        "< 1: 5-1 again",
    ]


def test_a_correction_in_one_direction_leaves_the_other_stale():
    edits = click(0), click(12), ALL, click(6)
    assert last(*edits, Propagate(direction="forward")) == ["> 1: 6-11 again"]
    assert last(*edits, Propagate(direction="forward"), ALL) == ["< 1: 5-1 again"]
    assert last(*edits, Propagate(direction="backward")) == ["< 1: 6-1 again"]
    assert last(*edits, Propagate(direction="backward"), ALL) == ["> 1: 7-11 again"]


def test_a_backward_walk_from_a_correction_recalls_what_lies_after_it():
    edits = click(0), click(9), ALL, click(6), Propagate(direction="backward")
    assert runs(*edits)[-1, 6].recall == (7, 8, 10, 11, 12)


def test_a_correction_in_a_range_leaves_the_rest_stale():
    edits = click(0), ALL, click(6), Propagate(start=4, stop=8)
    assert last(*edits) == ["> 1: 6-7 again", "< 1: 5-4 again"]
    assert last(*edits, ALL) == ["> 1: 8-19 again", "< 1: 3-1 again"]
    assert runs(*edits, ALL)[1, 8].recall == (2, 3, 4, 5, 7)
    assert runs(*edits, ALL)[-1, 3].recall == (4, 5, 7, 8, 9)


def test_a_correction_outside_the_range_walks_in_from_the_border():
    edits = click(0), ALL, click(6), Propagate(start=10, stop=12)
    assert last(*edits) == ["> 1: 10-11 again"]
    assert last(*edits, ALL) == ["> 1: 6-9 again", "> 1: 12-19 again", "< 1: 5-1 again"]


def test_undo_of_a_correction_brings_back_the_earlier_plan(session):
    session.add_points(1, 3, [(1, 1)], [1])
    session.propagate()
    before = told(compile_plan(session.history, N))
    session.add_points(1, 9, [(2, 2)], [0])
    session.propagate()
    assert told(compile_plan(session.history, N)) != before
    session.undo()
    session.undo()
    assert told(compile_plan(session.history, N)) == before


def test_a_click_taken_back_by_an_edit_is_no_change():
    assert last(click(0), ALL, click(6), RemovePoint(1, 6, 0), ALL) == []


# -- the first prompt changed ----------------------------------------------------------------------


def test_clicking_again_on_the_only_frame_starts_over():
    edits = click(7), ALL, click(7, label=0)
    assert last(*edits) == ["> 1: 7-19 again", "< 1: 6-0 again half"]
    (anchor,) = runs(*edits)[1, 7].anchors
    assert not anchor.correction and runs(*edits)[1, 7].recall == runs(*edits)[-1, 6].recall == ()


def test_starting_over_stops_at_the_next_prompt():
    assert last(click(7), click(12), ALL, box(7)) == ["> 1: 7-11 again", "< 1: 6-0 again half"]


def test_starting_over_walks_back_before_other_corrections_walk_on():
    edits = click(7), click(12), ALL, box(7), click(15)
    assert last(*edits) == [
        "> 1: 7-11 again",
        "< 1: 6-0 again half",
        "> 1: 15-19 again",
        "< 1: 14-13 again",
    ]


def test_a_correction_met_on_the_way_when_starting_over_stays_one():
    edits = click(5), ALL, box(5), click(9)
    assert last(*edits) == ["> 1: 5-19 again", "< 1: 4-0 again half"]
    assert [anchor.correction for anchor in runs(*edits)[1, 5].anchors] == [False, True]


def test_a_correction_before_the_first_prompt_does_not_start_over():
    assert last(click(7), ALL, click(4)) == ["> 1: 4-6 again", "< 1: 3-0 again"]


def test_replacing_the_only_prompt_makes_it_a_first_prompt_again():
    for replaced in (7, 9):
        edits = click(7), ALL, RemovePrompt(1, 7), box(replaced)
        back = f"< 1: {replaced - 1}-0 again half"
        assert last(*edits) == [f"> 1: {replaced}-19 again", back]
        assert not runs(*edits)[1, replaced].anchors[0].correction


def test_a_mask_painted_over_the_only_prompt_starts_over():
    assert last(click(7), ALL, AddMask(1, 7, PAINTED)) == ["> 1: 7-19 again", "< 1: 6-0 again half"]


# -- removed prompts -------------------------------------------------------------------------------


def test_a_removed_prompt_is_bridged_from_the_left():
    edits = click(3), click(9), click(15), ALL, RemovePrompt(1, 9)
    assert last(*edits) == ["> 1: 4-14 again"]
    run = runs(*edits)[1, 4]
    assert [anchor.frame for anchor in run.anchors] == [3, 15] and run.recall == (0, 1, 2)


def test_a_removed_first_prompt_is_bridged_from_the_right():
    edits = click(3), click(9), ALL, RemovePrompt(1, 3)
    assert last(*edits) == ["< 1: 8-0 again"]
    assert runs(*edits)[-1, 8].recall == (10, 11, 12, 13, 14)


def test_a_removed_last_prompt_is_bridged_to_the_end():
    assert last(click(3), click(9), ALL, RemovePrompt(1, 9)) == ["> 1: 4-19 again"]


def test_a_removed_prompt_backward_only_is_bridged_from_the_right():
    edits = click(3), click(9), click(15), ALL, RemovePrompt(1, 9)
    assert last(*edits, Propagate(direction="backward")) == ["< 1: 14-4 again"]


def test_a_removed_prompt_beside_a_new_one():
    edits = click(3), click(9), click(15), ALL, RemovePrompt(1, 9), click(11)
    assert last(*edits) == ["> 1: 11-14 again", "< 1: 10-4 again"]


def test_an_object_without_prompts_is_not_followed():
    edits = click(3), ALL, RemovePrompt(1, 3)
    assert last(*edits) == []
    assert last(*edits, ALL, click(5)) == ["> 1: 5-19 again", "< 1: 4-0 again half"]


# -- locks -----------------------------------------------------------------------------------------


def test_locking_what_is_seen_changes_nothing():
    assert last(click(0), ALL, Lock(1, 9, SEEN), ALL) == []
    assert plan(click(0), ALL, Lock(1, 9, SEEN), Unlock(1, 9)) == plan(click(0))


def test_locked_frames_are_borders():
    edits = click(0), ALL, Lock(1, 4, SEEN), Lock(1, 12, SEEN), click(8)
    assert last(*edits) == ["> 1: 8-11 again", "< 1: 7-5 again"]
    run = runs(*edits)[1, 8]
    assert [(anchor.frame, anchor.locked) for anchor in run.anchors] == [
        (0, False),
        (4, True),
        (8, False),
        (12, True),
    ]
    assert run.recall == (2, 3, 5, 6, 7)


def test_an_unlocked_frame_is_a_border_no_more():
    assert last(click(0), ALL, Lock(1, 12, SEEN), Unlock(1, 12), click(8)) == [
        "> 1: 8-19 again",
        "< 1: 7-1 again",
    ]


def test_locking_again_with_another_mask_is_a_change():
    edits = click(0), ALL, Lock(1, 9, SEEN), ALL, Lock(1, 9, PAINTED)
    assert last(*edits) == ["> 1: 9-19 again", "< 1: 8-1 again"]
    assert runs(*edits)[1, 9].recall == ()
    assert last(click(0), ALL, Lock(1, 9, SEEN), ALL, Lock(1, 9, SEEN), ALL) == []


def test_a_lock_on_a_corrected_frame_stands_for_the_correction():
    edits = click(0), ALL, click(6), ALL, Lock(1, 6, SEEN)
    assert last(*edits, ALL) == []
    anchors = runs(*edits, click(9))[1, 9].anchors
    assert [(anchor.frame, anchor.locked, anchor.correction) for anchor in anchors] == [
        (0, False, False),
        (6, True, False),
        (9, False, True),
    ]


def test_a_lock_accepts_a_frame_that_waits_to_be_output_again():
    edits = click(0), ALL, click(6), Propagate(stop=7), Lock(1, 10, SEEN)
    assert last(*edits, ALL) == ["> 1: 7-9 again", "> 1: 11-19 again"]


def test_a_lock_holds_the_masks_when_the_prompt_goes():
    edits = click(5), ALL, Lock(1, 8, SEEN), RemovePrompt(1, 5), click(12)
    assert last(*edits) == ["> 1: 12-19 again", "< 1: 11-9 again", "< 1: 7-0 again"]
    assert [anchor.correction for anchor in runs(*edits)[1, 12].anchors] == [False, True]


def test_a_lock_on_a_frame_not_yet_output_is_something_new():
    edits = click(0), Propagate(stop=5), Lock(1, 9, SEEN)
    assert last(*edits) == ["> 1: 9-19 again", "< 1: 8-1 again"]


# -- deleted objects -------------------------------------------------------------------------------


def test_nothing_is_planned_of_a_deleted_object():
    edits = click(0), click(3, 2), ALL, click(6), click(9, 2), ALL
    assert plan(*edits, DeleteObject(1)) == plan(
        *[edit for edit in edits if getattr(edit, "object_id", 2) == 2]
    )


def test_an_id_that_comes_back_is_a_new_object():
    assert plan(click(5), ALL, click(8), DeleteObject(1), click(11)) == ["> 1: 11-19", "< 1: 10-0 half"]
    run = runs(click(5), ALL, DeleteObject(1), click(11))[1, 11]
    assert [anchor.correction for anchor in run.anchors] == [False]


def test_a_propagation_of_a_deleted_object_by_its_id():
    assert plan(click(5), Propagate((1,)), DeleteObject(1), click(2, 2)) == ["> 2: 2-19", "< 2: 1-0 half"]


# -- the last propagation --------------------------------------------------------------------------


def test_the_last_propagation_ends_the_plan():
    edits = click(0), ALL, click(6), ALL, click(12)
    assert last(*edits) == ["> 1: 12-19 again", "< 1: 11-7 again"]
    assert plan(*edits) == plan(*edits[:4]) + last(*edits)
    assert last() == []


def test_anchors_and_their_masks_are_shared_by_the_passes():
    passes = compile_plan([AddMask(1, 5, SEEN), ALL, click(9)], N)
    masks = [anchor.prompt.mask for walk in passes for run in walk.runs for anchor in run.anchors[:1]]
    assert len(masks) == 4 and all(mask is masks[0] for mask in masks)


# -- stopped propagations, absences, divisions --------------------------------------------------------


def test_a_stopped_propagation_is_planned_up_to_where_it_came():
    assert plan(click(7), Propagate(results=5)) == ["> 1: 7-11"]
    assert plan(click(7), Propagate(results=15)) == ["> 1: 7-19", "< 1: 6-5 half"]
    assert plan(click(7), Propagate(results=20)) == plan(click(7), ALL)


def test_objects_that_a_stopped_propagation_had_not_come_to_are_still_to_be_followed():
    both = [click(2), click(9, 2)]
    assert plan(*both, Propagate(results=4)) == ["> 1: 2-5"]
    assert last(*both, Propagate(results=4), ALL) == ["> 1: 6-19, 2: 9-19", "< 2: 8-0 half", "< 1: 1-0"]


def test_what_a_stopped_repair_left_stale_is_repaired_next():
    edits = [click(0), ALL, click(8), Propagate(results=3)]
    assert last(*edits) == ["> 1: 8-10 again"]
    assert last(*edits, ALL) == ["> 1: 11-19 again", "< 1: 7-1 again"]


def test_what_each_propagation_asked_for_leaves_out_what_nobody_propagated():
    edits = [click(0), ALL, click(3, 2), click(8, 3), Propagate((2,))]
    assert [told(passes) for passes in asked_for(edits, N)] == [["> 1: 0-19"], ["> 2: 3-19", "< 2: 2-0 half"]]


def test_an_accepted_absence_is_a_border():
    edits = [click(0), ALL, Lock(1, 12, NOTHING), click(5)]
    assert last(*edits) == ["> 1: 5-11 again", "< 1: 4-1 again"]
    (anchor,) = [a for a in runs(*edits)[1, 5].anchors if a.frame == 12]
    assert anchor.locked and anchor.prompt.absent


def test_divisions_are_nothing_to_the_plan_even_of_objects_that_go():
    marked = [click(0), click(3, 2), MarkDivision(1, 3, (1, 2)), DeleteObject(2), ALL]
    assert plan(*marked) == plan(click(0))
