"""Undo and redo of anything, to any depth: session and pixels are exactly as they were."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_sam2.errors import InputError
from napari_sam2.interactive.live import Live

ids = st.integers(1, 3)
some_frames = st.sampled_from([0, 4, 5, 11])
places = st.tuples(st.integers(2, 37), st.integers(2, 45))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add_points"), ids, some_frames, places),
        st.tuples(st.just("add_box"), ids, some_frames, places),
        st.tuples(st.just("painted"), ids, some_frames, places),
        st.tuples(st.just("erased"), ids, some_frames),
        st.tuples(st.just("move_point"), ids, some_frames, st.just(0), places),
        st.tuples(st.just("remove_prompt"), ids, some_frames),
        st.tuples(st.just("lock"), ids, some_frames),
        st.tuples(st.just("unlock"), ids, some_frames),
        st.tuples(st.just("delete_object"), ids),
        st.tuples(st.just("mark_division"), ids, st.lists(ids, max_size=2), some_frames),
        st.tuples(st.just("rename_object"), ids, st.just("name")),
        st.tuples(st.just("add_label_image"), st.integers(0, 3)),
        st.tuples(st.just("propagate"), st.none() | st.lists(ids, min_size=1)),
        st.tuples(st.just("repair"), ids, some_frames),
        st.tuples(st.just("answers"), st.integers(1, 6)),
        st.tuples(st.just("wait")),
        st.tuples(st.just("stop")),
        st.tuples(st.just("undo")),
        st.tuples(st.just("redo")),
    ),
    max_size=16,
)


def do(live: Live, step) -> None:
    """One random step; those that are refused are none."""
    name, *values = step
    mask = np.zeros((40, 48), bool)
    if name == "add_points":
        values = [*values[:2], [values[2]], [1]]
    elif name == "add_box":
        y, x = values[2]
        values[2] = (y, x, y - 2, x - 2)
    elif name == "painted":
        y, x = values[2]
        mask[y : y + 9, x : x + 9] = True
        values[2] = mask
    elif name == "erased":
        name, values = "painted", [*values, mask]
    elif name == "add_label_image":
        labels = np.zeros((12, 40, 48), np.uint8)
        labels[values[0], 3:12, 5:20], labels[values[0] + 1, 20:30, 5:20] = 4, 5
        values = [labels]
    elif name == "answers":
        for _ in range(values[0]):
            live.poll()
        return
    try:
        getattr(live, name)(*values)
    except InputError:
        pass


def everything(live: Live):
    return live.session.objects, live.session.parameters, np.array(live.store.labels), live.scores()


def same(one, other) -> bool:
    return one[:2] == other[:2] and np.array_equal(one[2], other[2]) and one[3].equals(other[3])


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_undo_all_and_redo_all_restore_session_and_pixels(frames, simple, steps):
    live = Live(frames)
    try:
        for step in steps:
            do(live, step)
        live.wait()
        history, states = live.session.history, [everything(live)]
        assert len(live._steps) == len(history)
        while live.undo():
            live.wait()
            states.append(everything(live))
        assert not states[-1][0] and not states[-1][2].any() and states[-1][3].empty
        assert same(everything(live), states.pop())
        while states:
            assert live.redo()
            live.wait()
            assert same(everything(live), states.pop())
        assert live.session.history == history
    finally:
        live.close()


@pytest.mark.parametrize("depth", [1, 3])
def test_a_new_edit_forgets_what_was_undone(live, depth):
    for frame in range(4):
        live.add_points(1, frame, [(20, 12)], [1])
    for _ in range(depth):
        live.undo()
    live.add_points(2, 0, [(30, 30)], [1])
    assert not live.can_redo and not live.redo()
    live.wait()
    assert [bool(live.mask(1, frame).any()) for frame in range(4)] == [f < 4 - depth for f in range(4)]
