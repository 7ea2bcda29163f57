"""What napari opens as samples: layers in place, with their units, that napari accepts."""

import numpy as np
import pytest

from napari_sam2 import samples

NAMES = ["cells_time", "nuclei_z", "instruments_rgb"]


@pytest.mark.parametrize("name", NAMES)
def test_image_and_truth_lie_on_each_other(name: str):
    (image, image_is, kind), (labels, labels_are, labels_kind) = getattr(samples, name)()
    assert (kind, labels_kind) == ("image", "labels")
    assert labels.shape == image.shape[:3]
    assert labels.max() > 0
    for key in ("scale", "units", "axis_labels"):
        assert image_is[key] == labels_are[key]
    assert labels_are["visible"] is False


@pytest.mark.parametrize("name", NAMES)
def test_napari_makes_layers_of_them(name: str):
    from napari.layers import Layer

    for data in getattr(samples, name)():
        layer = Layer.create(*data)
        assert layer.ndim == 3
        assert np.allclose(layer.scale, data[1]["scale"])
        assert str(layer.units[0]) in ("second", "micrometer")
