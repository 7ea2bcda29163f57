import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt
from skimage.measure import perimeter

from napari_sam2.analysis.objects import find_objects
from napari_sam2.analysis.outline import Outline

label_images = arrays(
    np.int32, st.tuples(st.integers(1, 15), st.integers(1, 15)), elements=st.sampled_from([0, 0, 3, 4, 70000])
).filter(np.any)


@settings(max_examples=150, deadline=None)
@given(label_images)
def test_perimeters_are_those_of_scikit_image(labels):
    objects = find_objects(labels)
    ours = Outline(objects, labels).perimeter()
    np.testing.assert_allclose(ours, [perimeter(labels == object_id) for object_id in objects.ids])


def test_contacts_are_the_shared_edges_in_their_own_lengths():
    labels = np.array([[1, 1, 2], [1, 3, 2], [0, 3, 3]])
    contacts = Outline(find_objects(labels), labels).contacts((2.0, 5.0))
    pairs = list(zip(contacts.owner + 1, contacts.other + 1, contacts.length, strict=True))
    # 1|2 share one upright edge (2); 1|3 one upright and one level (2 + 5); 2|3 one upright, one level
    assert pairs == [(1, 2, 2), (1, 3, 7), (2, 1, 2), (2, 3, 7), (3, 1, 7), (3, 2, 7)]
    # 1 and 3 also face the background, by a level and an upright edge
    assert contacts.inside.tolist() == [2 + 7 + 5, 2 + 7, 7 + 7 + 2]


def draw_ring(labels, gap, width):
    owner, place = Outline(find_objects(labels), labels).ring(gap, width)
    ring = np.zeros(labels.size, int)
    ring[place] = np.unique(labels[labels > 0])[owner]
    assert len(np.unique(place)) == len(place) and (np.diff(owner) >= 0).all()
    return ring.reshape(labels.shape)


def test_a_ring_lies_between_gap_and_gap_plus_width_around_its_object():
    labels = np.zeros((41, 41), int)
    labels[18:23, 17:24] = 9
    ring = draw_ring(labels, 2, 4)
    distance = distance_transform_edt(labels == 0)
    assert (ring[(distance >= 3) & (distance <= 6)] == 9).mean() > 0.85
    assert (ring[(distance < 2.2) | (distance > 6.8)] == 0).all()


def test_between_two_objects_the_ring_goes_to_the_nearer_and_to_the_lower_id():
    labels = np.zeros((1, 9), int)
    labels[0, 0], labels[0, 8] = 5, 2
    assert draw_ring(labels, 0, 6).tolist() == [[0, 5, 5, 5, 2, 2, 2, 2, 0]]


def test_a_ring_neither_enters_objects_nor_leaves_the_frame(blobs):
    for labels in blobs:
        assert (draw_ring(labels, 1, 30)[labels > 0] == 0).all()
