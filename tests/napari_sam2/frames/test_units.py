import pytest

from napari_sam2.frames.units import physical_unit


@pytest.mark.parametrize("text", ["µm", "μm", "um", "micron", "Micrometer", "\\u00B5m", " µm "])
def test_every_spelling_of_micrometre_becomes_one(text):
    assert physical_unit(text) == "µm"


@pytest.mark.parametrize("text", [None, "", "pixel", "Pixels", "inch", "reference frame"])
def test_what_is_no_physical_unit_is_unknown(text):
    assert physical_unit(text) is None


def test_an_unusual_unit_is_kept_as_it_is():
    assert physical_unit("furlong") == "furlong"
