"""What holds of the plan of any edits."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.models.plan import RECALLED_FRAMES
from napari_sam2.session.edits import (
    AddMask,
    AddPoints,
    DeleteObject,
    Lock,
    Propagate,
    RemovePrompt,
    Unlock,
)
from napari_sam2.session.masks import PackedMask
from napari_sam2.session.plan import compile_plan, last_propagation
from napari_sam2.session.state import State

N = 14
ids = st.integers(1, 2)
frames = st.integers(0, N - 1)
masks = st.sampled_from([PackedMask.from_lengths((2, 2), lengths) for lengths in ([1, 3], [2, 2])])
ranges = st.tuples(st.integers(0, N - 1), st.integers(1, N)).filter(lambda r: r[0] < r[1])
prompts = [
    st.builds(AddPoints, ids, frames, st.just(((0.0, 0.0),)), st.just((1,))),
    st.builds(AddMask, ids, frames, masks),
    st.builds(RemovePrompt, ids, frames),
    st.builds(Lock, ids, frames, masks),
    st.builds(Unlock, ids, frames),
]
deletions = st.builds(DeleteObject, ids)


@st.composite
def propagations(draw):
    start, stop = draw(st.just((None, None)) | ranges)
    return Propagate(None, draw(st.sampled_from(["both", "forward", "backward"])), start, stop)


def histories(*kinds):
    return st.lists(st.one_of(*kinds), max_size=18).map(those_that_apply)


def those_that_apply(edits):
    """The edits, without those that a session would refuse at their place."""
    state, applied = State(), []
    for edit in edits:
        try:
            edit.apply(state)
        except InputError:
            continue
        applied.append(edit)
    return applied


def replayed(edits):
    """For each `Propagate`: itself, its passes, and the objects as they are then."""
    state = State()
    for index, edit in enumerate(edits):
        edit.apply(state)
        if isinstance(edit, Propagate):
            yield edit, last_propagation(edits[: index + 1], N), dict(state.objects)


def outputs(passes):
    """Every (object, frame) in the order of the walks."""
    for walk in passes:
        for frame in walk.frames():
            for run in walk.runs:
                if min(run.first, run.last) <= frame <= max(run.first, run.last):
                    yield run.object_id, frame


def told(passes):
    return [
        (walk.direction, walk.keep_others, walk.fresh, run.object_id, run.first, run.last, run.recall)
        for walk in passes
        for run in walk.runs
    ]


edited = histories(*prompts, propagations(), propagations())
edited_and_deleted = histories(*prompts, deletions, propagations(), propagations())


@settings(deadline=None, max_examples=200)
@given(edited)
def test_a_frame_is_output_once_and_in_the_range_that_was_asked_for(edits):
    for request, passes, objects in replayed(edits):
        once = list(outputs(passes))
        assert len(once) == len(set(once))
        assert all((request.start or 0) <= frame < (request.stop or N) for _, frame in once)
        assert {object_id for object_id, _ in once} <= objects.keys()
        ways = {"both": {1, -1}, "forward": {1}, "backward": {-1}}[request.direction]
        assert {walk.direction for walk in passes} <= ways


@settings(deadline=None, max_examples=200)
@given(edited)
def test_an_anchor_that_was_output_and_not_changed_is_never_output_again(edits):
    settled = {}
    for _, passes, objects in replayed(edits):
        given_now = {
            (object_id, frame): (record.prompts.get(frame), record.locks.get(frame))
            for object_id, record in objects.items()
            for frame in record.prompts.keys() | record.locks.keys()
        }
        settled = {key: told for key, told in settled.items() if given_now.get(key) == told}
        output = set(outputs(passes))
        assert not output & settled.keys()
        settled.update({key: told for key, told in given_now.items() if key in output})


@settings(deadline=None, max_examples=200)
@given(edited)
def test_every_frame_is_output_in_the_end_and_then_nothing_is_left(edits):
    state = State()
    for edit in edits:
        edit.apply(state)
    assume(state.objects)
    everything = [*edits, Propagate()]
    output = set(outputs(compile_plan(everything, N)))
    for object_id, record in state.objects.items():
        if record.prompts or record.locks:
            assert {frame for of, frame in output if of == object_id} == set(range(N))
    assert last_propagation([*everything, Propagate()], N) == ()


@settings(deadline=None, max_examples=200)
@given(edited_and_deleted)
def test_what_a_run_needs_of_earlier_masks_is_there(edits):
    output = set()
    for walk in compile_plan(edits, N):
        for run in walk.runs:
            anchors = [anchor.frame for anchor in run.anchors]
            assert anchors == sorted(set(anchors)) and anchors
            for anchor in run.anchors:
                if anchor.correction:
                    assert (run.object_id, anchor.frame) in output and not anchor.locked
            for frame in run.recall:
                assert (run.object_id, frame) in output and frame not in anchors
                assert 0 < (run.first - frame) * walk.direction <= RECALLED_FRAMES
        output |= set(outputs([walk]))


@settings(deadline=None, max_examples=200)
@given(edited_and_deleted)
def test_passes_are_well_formed(edits):
    plan = compile_plan(edits, N)
    for before, walk in zip((None, *plan), plan, strict=False):
        assert walk.runs and walk.direction in (1, -1)
        objects = [run.object_id for run in walk.runs]
        assert objects == sorted(set(objects))
        assert all((run.last - run.first) * walk.direction >= 0 for run in walk.runs)
        assert all(0 <= frame < N for run in walk.runs for frame in (run.first, run.last))
        if not walk.fresh:
            assert walk.direction == -1 and before.direction == 1 and before.fresh
            halves = {run.object_id: run for run in before.runs}
            for run in walk.runs:
                half = halves[run.object_id]
                assert run.first + 1 == half.first == half.anchors[0].frame
                assert half.anchors == run.anchors and not run.recall


@settings(deadline=None, max_examples=200)
@given(edited, edited)
def test_what_is_said_later_never_changes_what_was_planned(edits, later):
    edits = those_that_apply([*edits, Propagate()])
    before = told(compile_plan(edits, N))
    assert told(compile_plan(those_that_apply([*edits, *later]), N))[: len(before)] == before


@settings(deadline=None, max_examples=200)
@given(edited, ids, frames)
def test_a_correction_does_not_cross_its_neighbours_and_touches_no_other_object(edits, object_id, frame):
    state = State()
    edits = those_that_apply([*edits, Propagate()])
    for edit in edits:
        edit.apply(state)
    record = state.objects.get(object_id)
    assume(record is not None and frame not in record.locks and frame not in record.prompts)
    anchors = record.prompts.keys() | record.locks.keys()
    left = max((anchor for anchor in anchors if anchor < frame), default=-1)
    right = min((anchor for anchor in anchors if anchor > frame), default=N)
    correction = AddPoints(object_id, frame, ((1.0, 1.0),), (1,))
    output = sorted(outputs(last_propagation([*edits, correction], N)))
    assert output == [(object_id, between) for between in range(left + 1, right)]


@settings(deadline=None)
@given(edited_and_deleted)
def test_of_a_deleted_object_nothing_is_left(edits):
    once_deleted = those_that_apply([*edits, DeleteObject(1)])
    others = those_that_apply([edit for edit in edits if getattr(edit, "object_id", 2) == 2])
    assert 1 not in {run.object_id for walk in compile_plan(once_deleted, N) for run in walk.runs}
    assert told(compile_plan(once_deleted, N)) == told(compile_plan(others, N))
