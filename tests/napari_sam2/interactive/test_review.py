"""The moments worth a look: what the model doubts, what jumps, what two walks disagree on."""

import pandas as pd
import pytest

from napari_sam2.interactive.review import check, moments, next_doubtful


@pytest.fixture
def followed(live):
    """Object 1 is clicked in two places far apart; object 2 is calm."""
    live.add_points(1, 0, [(30, 6)], [1])
    live.add_box(2, 0, (4, 30, 12, 38))
    live.propagate(direction="forward")
    live.wait()
    live.add_points(1, 8, [(30, 40)], [1])
    live.add_points(1, 8, [(26, 40)], [1])
    live.repair(1, 8)
    live.wait()
    return live


def test_walks_from_both_sides_that_differ_are_moments(followed):
    assert followed.agreements().keys() == {(1, frame) for frame in range(1, 8)}
    table = moments(followed)
    assert list(table.columns) == ["frame", "object_id", "reason", "severity", "checked"]
    apart = table[table["reason"].str.contains("forward and backward")]
    assert set(apart["object_id"]) == {1} and set(apart["frame"]) <= set(range(1, 8)) and len(apart) >= 5
    assert table["severity"].between(0, 1).all() and table["severity"].is_monotonic_decreasing
    assert not table["checked"].any()


def test_what_a_person_has_seen_is_no_moment(followed):
    before = moments(followed)
    frame = int(before["frame"].iloc[0])
    followed.lock(int(before["object_id"].iloc[0]), frame)
    after = moments(followed)
    assert len(after) < len(before)
    assert not ((after["frame"] == frame) & (after["object_id"] == before["object_id"].iloc[0])).any()
    assert not ((after["frame"] == 8) & (after["object_id"] == 1)).any()


def test_a_moment_is_checked_until_its_mask_changes(followed):
    first = moments(followed).iloc[0]
    check(followed, first["frame"], first["object_id"], first["reason"])
    table = moments(followed)
    assert table["checked"].sum() == 1
    assert table[table["checked"]].iloc[0]["reason"] == first["reason"]
    check(followed, first["frame"], first["object_id"], first["reason"], checked=False)
    assert not moments(followed)["checked"].any()


def test_undo_takes_the_disagreement_back(followed):
    followed.undo()
    assert followed.agreements() == {}


def test_going_from_one_doubtful_moment_to_the_next():
    table = pd.DataFrame(
        {
            "frame": [7, 3, 7, 5],
            "object_id": [1, 2, 3, 4],
            "reason": ["a", "b", "c", "d"],
            "severity": [0.9, 0.5, 0.4, 0.3],
            "checked": [False, False, False, True],
        }
    )
    assert next_doubtful(table, 0) == (3, 2)
    assert next_doubtful(table, 3) == (7, 1), "a checked one is passed over, the worse of two comes first"
    assert next_doubtful(table, 7) == (3, 2), "and then from the start"
    assert next_doubtful(table.assign(checked=True), 0) is None


def test_nothing_followed_nothing_doubtful(live):
    assert moments(live).empty and moments(live)["checked"].dtype == bool
    live.add_points(1, 0, [(30, 6)], [1])
    live.wait()
    assert moments(live).empty and next_doubtful(moments(live), 0) is None


def test_low_scores_and_jumps_are_moments(followed):
    entries = followed._masks.entries
    entries[2, 3] = entries[2, 3]._replace(predicted_iou=0.35)
    table = moments(followed)
    calm = table[table["object_id"] == 2]
    assert calm[["frame", "reason"]].values.tolist() == [[3, "predicted IoU 0.35"]]
    assert calm["severity"].iloc[0] == pytest.approx(0.5)
    assert table[table["object_id"] == 1]["reason"].str.startswith("jumps").any()
