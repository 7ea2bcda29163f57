import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import euler_number, label

from napari_sam2.analysis.objects import find_objects, find_parts

label_images = arrays(
    np.int32, st.tuples(st.integers(1, 15), st.integers(1, 15)), elements=st.sampled_from([0, 0, 3, 4, 70000])
).filter(np.any)


@settings(max_examples=100, deadline=None)
@given(label_images)
def test_runs_hold_exactly_the_pixels_of_each_object(labels):
    objects = find_objects(labels)
    assert objects.ids.tolist() == np.unique(labels[labels > 0]).tolist()
    for k, object_id in enumerate(objects.ids):
        mine = objects.pixels[objects.pixel_starts[k] : objects.pixel_starts[k + 1]]
        assert mine.tolist() == np.flatnonzero(labels == object_id).tolist()


@settings(max_examples=150, deadline=None)
@given(label_images)
def test_parts_and_euler_numbers_are_those_of_scikit_image(labels):
    objects = find_objects(labels)
    parts = find_parts(objects)
    for k, object_id in enumerate(objects.ids):
        mask = labels == object_id
        sizes = np.sort(np.bincount(label(mask, connectivity=2).ravel())[1:])[::-1]
        assert parts.counts[k] == len(sizes)
        assert parts.euler[k] == euler_number(mask, 2)
        if len(sizes) > 1:
            assert parts.second[k] == sizes[1] / sizes[0]
        else:
            assert np.isnan(parts.second[k])
