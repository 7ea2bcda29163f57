"""Tracks without gaps and branches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports.tracklets import Tracklet, check_parents, cut_into_tracklets


def test_an_object_without_gaps_or_children_is_one_piece():
    assert cut_into_tracklets({3: [2, 3, 4]}, {}) == (Tracklet(3, 3, 2, 4, 0),)


def test_a_gap_makes_a_piece_that_descends_from_the_one_before():
    assert cut_into_tracklets({3: [0, 1, 4, 7]}, {}) == (
        Tracklet(3, 3, 0, 1, 0),
        Tracklet(4, 3, 4, 4, 3),
        Tracklet(5, 3, 7, 7, 4),
    )


def test_a_mother_that_goes_on_ends_at_the_division():
    assert cut_into_tracklets({2: [0, 1, 2, 3], 5: [2, 3]}, {5: 2}) == (
        Tracklet(2, 2, 0, 1, 0),
        Tracklet(6, 2, 2, 3, 2),
        Tracklet(5, 5, 2, 3, 2),
    )


def test_a_mother_that_ends_keeps_her_id_and_both_daughters_theirs():
    assert cut_into_tracklets({1: [0, 1], 2: [2, 3], 3: [2, 3]}, {2: 1, 3: 1}) == (
        Tracklet(1, 1, 0, 1, 0),
        Tracklet(2, 2, 2, 3, 1),
        Tracklet(3, 3, 2, 3, 1),
    )


def test_two_divisions_of_one_object_cut_it_twice():
    pieces = cut_into_tracklets({1: list(range(9)), 2: [3, 4], 3: [6]}, {2: 1, 3: 1})
    assert [(piece.label, piece.first, piece.last, piece.parent) for piece in pieces] == [
        (1, 0, 2, 0),
        (4, 3, 5, 1),
        (5, 6, 8, 4),
        (2, 3, 4, 1),
        (3, 6, 6, 4),
    ]


def test_a_child_that_appears_in_a_gap_of_its_mother_descends_from_what_was_before():
    pieces = cut_into_tracklets({1: [0, 1, 5], 2: [3]}, {2: 1})
    assert {piece.object_id: piece.parent for piece in pieces if piece.label == 2} == {2: 1}


def test_every_wrong_link_is_told_at_once():
    with pytest.raises(MeasureError) as told:
        check_parents({1: [0, 1], 2: [0, 1], 3: [4]}, {2: 1, 3: 8, 9: 1, 1: 1})
    text = str(told.value)
    assert "4 problems" in text
    assert "8, which is no object" in text and "9, which is no object" in text
    assert "Object 2 is first on frame 0 and its parent 1 on frame 0" in text


@given(
    st.dictionaries(st.integers(1, 30), st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=6),
    st.data(),
)
def test_pieces_cover_every_frame_once_and_begin_after_their_parents_end(present, data):
    frames_of = {object_id: sorted(frames) for object_id, frames in present.items()}
    parents = {}
    for child, frames in frames_of.items():
        older = [other for other, theirs in frames_of.items() if theirs[0] < frames[0]]
        if older and data.draw(st.booleans()):
            parents[child] = data.draw(st.sampled_from(older))
    check_parents(frames_of, parents)
    pieces = cut_into_tracklets(frames_of, parents)
    by_label = {piece.label: piece for piece in pieces}
    assert len(by_label) == len(pieces)
    for object_id, frames in frames_of.items():
        covered = [f for p in pieces if p.object_id == object_id for f in range(p.first, p.last + 1)]
        assert covered == frames
    for piece in pieces:
        if piece.parent:
            assert by_label[piece.parent].last < piece.first
    for child, parent in parents.items():
        assert by_label[by_label[child].parent].object_id == parent
