import numpy as np

from napari_sam2.analysis.contacts import box_intersections, contact_intervals, measure_contacts


def scene():
    """Eight frames: 2 touches 1 along 4 upright edges on frames 1, 2 and 5; on frame 6 boxes overlap only."""
    labels = np.zeros((8, 20, 30), int)
    labels[:, 5:9, 5:9] = 1
    for frame, left in enumerate([15, 9, 9, 15, 15, 9, 0, 15]):
        if left:
            labels[frame, 5:9, left : left + 4] = 2
    labels[6, 3, 3:12] = labels[6, 3:12, 12] = 2
    return labels


def test_the_length_of_contact_is_that_of_the_shared_edges():
    table = measure_contacts(scene(), pixel_size=(0.5, 2), unit="mm").set_index("frame")
    touching = table[table.contact_length_px > 0]
    assert touching.index.tolist() == [1, 2, 5]
    assert (touching.contact_length_px == 4).all() and (touching.contact_length == 2).all()
    # outline of 1: 4 + 4 upright edges of 0.5 and 4 + 4 level ones of 2
    np.testing.assert_allclose(touching.contact_share_a, 2 / 20)
    np.testing.assert_allclose(touching.contact_share_b, 2 / 20)


def test_boxes_may_overlap_without_contact():
    table = measure_contacts(scene()).set_index("frame")
    assert table.contact_length_px[6] == 0 and table.box_overlap[6] == 1


def test_intervals_of_contact():
    contacts = measure_contacts(scene(), step=2, step_unit="s")
    table = contact_intervals(contacts)
    assert table[["object_a", "object_b", "first_frame", "last_frame", "duration"]].values.tolist() == [
        [1, 2, 1, 2, 4],
        [1, 2, 5, 5, 2],
    ]
    assert contact_intervals(contacts, max_gap=2)[["first_frame", "last_frame"]].values.tolist() == [[1, 5]]


def test_objects_that_never_touch_give_empty_tables_of_the_same_columns():
    labels = scene()
    apart = measure_contacts(np.where(labels == 2, 0, labels))
    full = measure_contacts(labels)
    assert len(apart) == 0 and list(apart.dtypes.items()) == list(full.dtypes.items())
    assert list(contact_intervals(apart).dtypes.items()) == list(contact_intervals(full).dtypes.items())


def test_box_intersections_are_those_of_all_pairs():
    rng = np.random.default_rng(4)
    corners = rng.integers(0, 40, (60, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 12, (60, 2))], axis=1)
    found = {(a, b): area for a, b, area in zip(*box_intersections(boxes), strict=True)}
    expected = {}
    for a in range(60):
        for b in range(a + 1, 60):
            sides = np.minimum(boxes[a, 2:], boxes[b, 2:]) - np.maximum(boxes[a, :2], boxes[b, :2])
            if (sides > 0).all():
                expected[a, b] = sides.prod()
    assert found == expected and len(found) > 50
