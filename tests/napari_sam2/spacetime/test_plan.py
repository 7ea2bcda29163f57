"""Which volumes are walked, in which order, with which objects."""

import numpy as np
import pytest

from napari_sam2 import Session, open_frames
from napari_sam2.spacetime import compile_steps

TIMES, SLICES = 6, 4


@pytest.fixture
def session() -> Session:
    return Session(open_frames(np.zeros((TIMES, SLICES, 12, 16), np.uint8), axis="zt"))


def click(session: Session, object_id: int, t: int, z: int) -> None:
    session.add_points(object_id, t * SLICES + z, [(5, 5)], [1])


def told(session: Session, **how: object) -> list[tuple]:
    return [
        (step.time, step.direction, sorted(step.given), list(step.followed), step.is_output)
        for step in compile_steps(session, **how)
    ]


def test_from_its_seed_an_object_goes_both_ways(session: Session):
    click(session, 1, 4, 2)
    assert told(session) == [
        (4, 1, [1], [], True),
        (5, 1, [], [1], True),
        (3, -1, [], [1], True),
        (2, -1, [], [1], True),
        (1, -1, [], [1], True),
        (0, -1, [], [1], True),
    ]


def test_objects_that_enter_later_join(session: Session):
    click(session, 1, 0, 2)
    click(session, 2, 4, 1)
    assert told(session, direction="forward") == [
        (0, 1, [1], [], True),
        (1, 1, [], [1], True),
        (2, 1, [], [1], True),
        (3, 1, [], [1], True),
        (4, 1, [2], [1], True),
        (5, 1, [], [1, 2], True),
    ]


def test_all_that_is_said_of_an_object_in_a_volume_counts_together(session: Session):
    click(session, 1, 2, 3)
    click(session, 1, 2, 0)
    click(session, 1, 5, 1)
    steps = compile_steps(session)
    given = {step.time: sorted(step.given[1]) for step in steps if step.given}
    assert given == {2: [0, 3], 5: [1]}
    assert [step.time for step in steps if step.direction == -1] == [1, 0]


def test_backward_begins_at_the_last_seed(session: Session):
    click(session, 1, 1, 3)
    click(session, 1, 3, 0)
    assert told(session, direction="backward") == [
        (3, -1, [1], [], True),
        (2, -1, [], [1], True),
        (1, -1, [1], [], True),
        (0, -1, [], [1], True),
    ]


def test_volumes_outside_the_range_are_walked_only_where_they_are_needed(session: Session):
    click(session, 1, 1, 3)
    click(session, 2, 5, 0)
    assert told(session, start=2 * SLICES, stop=4 * SLICES) == [
        (1, 1, [1], [], False),
        (2, 1, [], [1], True),
        (3, 1, [], [1], True),
        (5, -1, [2], [], False),
        (4, -1, [], [2], False),
        (3, -1, [], [2], True),
        (2, -1, [], [2], True),
    ]
    assert told(session, direction="forward", stop=SLICES) == []


def test_the_last_propagation_of_the_session_counts(session: Session):
    click(session, 1, 2, 3)
    session.propagate(direction="both")
    session.propagate(direction="forward", stop=4 * SLICES)
    assert told(session) == [(2, 1, [1], [], True), (3, 1, [], [1], True)]


def test_a_lock_is_a_mask_that_is_given(session: Session):
    click(session, 1, 0, 2)
    session.lock(1, 3 * SLICES + 1, np.ones((12, 16), bool))
    locked = compile_steps(session)[3]
    assert locked.time == 3 and locked.given[1][1].mask.all()


def test_nothing_is_said(session: Session):
    assert compile_steps(session) == ()
