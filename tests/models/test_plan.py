"""A pass walks over the union of its objects' frames, in its own direction."""

from napari_sam2.models.plan import ObjectRun, Pass


def test_forward_pass_walks_from_the_earliest_start_to_the_latest_end():
    walk = Pass(1, (ObjectRun(1, (), 3, 5), ObjectRun(2, (), 1, 4))).frames()
    assert list(walk) == [1, 2, 3, 4, 5]


def test_backward_pass_walks_down():
    walk = Pass(-1, (ObjectRun(1, (), 5, 3), ObjectRun(2, (), 2, 0))).frames()
    assert list(walk) == [5, 4, 3, 2, 1, 0]


def test_a_pass_without_objects_walks_nowhere():
    assert list(Pass(1, ()).frames()) == []
