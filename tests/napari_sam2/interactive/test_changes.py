"""Differences of frames: exact both ways, and small."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_sam2.interactive.changes import Change

labels = arrays(np.int32, (5, 7), elements=st.sampled_from([0, 0, 0, 1, 2, 2**31 - 1]))
logits = arrays(np.float16, (5, 7), elements=st.sampled_from([0.0, 1.5, -0.0, 6e-8, 65504.0]))
states = st.tuples(labels, logits)


@settings(deadline=None)
@given(states, states)
def test_a_change_goes_there_and_back(one, other):
    change = Change.between(one, other)
    state = one[0].copy(), one[1].copy()
    change.apply(*state)
    assert all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in zip(state, other, strict=True))
    change.apply(*state)
    assert all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in zip(state, one, strict=True))


def test_a_change_costs_what_changed_and_not_the_frame():
    before = np.zeros((1024, 1024), np.int32), np.zeros((1024, 1024), np.float16)
    after = before[0].copy(), before[1].copy()
    after[0][500:520, 300:330] = 7
    after[1][500:520, 300:330] = np.random.default_rng(0).normal(5, 1, (20, 30))
    change = Change.between(before, after)
    assert change.box == (500, 300, 520, 330)
    assert len(change.data) < 3 * 600
    assert Change.between(after, after) == Change((0, 0, 0, 0), b"")
