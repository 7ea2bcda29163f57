"""The network has exactly the tensors of Meta's eight checkpoints."""

from math import prod

import pytest

from napari_sam2.models.checkpoints.compare import expected_shapes
from napari_sam2.models.config import PUBLISHED

TENSORS = {"tiny": 471, "small": 519, "base_plus": 615, "large": 903}
MILLIONS = {"tiny": 38.9, "small": 46.0, "base_plus": 80.8, "large": 224.4}


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_are_the_published_ones(name, published_shapes):
    assert dict(expected_shapes(PUBLISHED[name])) == published_shapes(name)


@pytest.mark.parametrize("size", TENSORS)
def test_the_second_release_added_three_tensors(size, published_shapes):
    newer, older = published_shapes(f"sam2.1_{size}"), published_shapes(f"sam2_{size}")
    assert len(newer) == TENSORS[size]
    assert set(newer) - set(older) == {
        "no_obj_embed_spatial",
        "obj_ptr_tpos_proj.weight",
        "obj_ptr_tpos_proj.bias",
    }


@pytest.mark.parametrize("size", MILLIONS)
def test_the_number_of_parameters_is_the_published_one(size):
    total = sum(prod(shape) for shape in expected_shapes(PUBLISHED[f"sam2.1_{size}"]).values())
    assert total / 1e6 == pytest.approx(MILLIONS[size], abs=0.1)
