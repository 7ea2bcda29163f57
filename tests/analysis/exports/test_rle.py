"""Run-length encodings against pycocotools, and broken ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from napari_sam2.analysis import MeasureError
from napari_sam2.analysis.exports.rle import as_json, decode, encode_nothing, encode_objects

# pycocotools is older than numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@given(
    arrays(
        bool, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.booleans(), fill=st.just(False)
    )
)
def test_decoding_agrees_with_pycocotools(mask):
    rle = coco.encode(np.asfortranarray(mask.view(np.uint8)))
    np.testing.assert_array_equal(decode(as_json(rle)), mask)
    runs = np.diff(np.flatnonzero(np.diff(mask.ravel("F"), prepend=not mask[0, 0], append=not mask[-1, -1])))
    plain = [*([0] if mask[0, 0] else []), *runs.tolist()]
    np.testing.assert_array_equal(decode({"size": mask.shape, "counts": plain}), mask)


def test_long_runs_need_several_characters():
    mask = np.zeros((3000, 2000), bool)
    mask[2, 1000:] = mask[:, -1] = True
    rle = coco.encode(np.asfortranarray(mask.view(np.uint8)))
    np.testing.assert_array_equal(decode(as_json(rle)), mask)


def test_objects_and_nothing(movie):
    encoded = dict(encode_objects(movie[4]))
    assert list(encoded) == [1, 2, 5, 300]
    for object_id, rle in encoded.items():
        np.testing.assert_array_equal(coco.decode(rle), movie[4] == object_id)
    assert not decode(encode_nothing((4, 5))).any() and decode(encode_nothing((4, 5))).shape == (4, 5)


@pytest.mark.parametrize(
    ("rle", "words"),
    [
        (None, "no run-length encoding"),
        ({"size": [4, 4]}, "no run-length encoding"),
        ({"size": [4], "counts": "0`0"}, "no run-length encoding"),
        ({"size": [4, 4], "counts": ""}, "no run-length encoding"),
        ({"size": [4, 4], "counts": "~~"}, "no run-length encoding"),
        ({"size": [4, 4], "counts": "é"}, "no run-length encoding"),
        ({"size": [4, 4], "counts": "0`"}, "no run-length encoding"),
        ({"size": [4, 5], "counts": "0`0"}, "its runs cover 16 pixels and not 4 x 5"),
        ({"size": [2, 2], "counts": [8, -4]}, "its runs cover 4"),
    ],
)
def test_broken_encodings(rle, words):
    with pytest.raises(MeasureError, match=words):
        decode(rle)
