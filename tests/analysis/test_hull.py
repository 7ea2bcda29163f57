import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops

from napari_sam2.analysis import hull
from napari_sam2.analysis.objects import find_objects

label_images = arrays(
    np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 0, 1, 2, 9])
).filter(np.any)


def draw(rows, shape, n):
    masks = np.zeros((n, *shape), bool)
    for owner, y, left, right in zip(rows.owner, rows.y, rows.left, rows.right, strict=True):
        masks[owner, y, left : right + 1] = True
    return masks


@settings(max_examples=150, deadline=None)
@given(label_images)
def test_convex_images_are_those_of_scikit_image(labels):
    objects = find_objects(labels)
    convex = draw(hull.convex_rows(hull.rows_of(objects)), labels.shape, len(objects))
    for mask, region in zip(convex, regionprops(labels), strict=True):
        np.testing.assert_array_equal(mask[region.slice], region.image_convex)


@settings(max_examples=100, deadline=None)
@given(label_images, st.sampled_from([(1.0, 1.0), (0.5, 3.0)]))
def test_the_largest_feret_diameter_is_that_of_scikit_image(labels, pixel_size):
    objects = find_objects(labels)
    largest, smallest = hull.feret(hull.hulls_of(hull.convex_rows(hull.rows_of(objects))), pixel_size)
    theirs = [region.feret_diameter_max for region in regionprops(labels, spacing=pixel_size)]
    np.testing.assert_allclose(largest, theirs)
    assert (smallest <= largest * (1 + 1e-12)).all()


def test_the_smallest_feret_diameter_is_the_least_width_over_all_directions(blobs):
    objects = find_objects(blobs[0])
    hulls = hull.hulls_of(hull.convex_rows(hull.rows_of(objects)))
    _, smallest = hull.feret(hulls, (0.5, 1.5))
    angles = np.linspace(0, np.pi, 20001)
    for k in range(len(objects)):
        mine = hulls.owner == k
        y, x = hulls.y[mine] * 0.25, hulls.x[mine] * 0.75
        widths = np.ptp(np.outer(np.sin(angles), y) + np.outer(np.cos(angles), x), axis=1)
        assert smallest[k] <= widths.min() + 1e-12
        np.testing.assert_allclose(smallest[k], widths.min(), rtol=1e-3)
