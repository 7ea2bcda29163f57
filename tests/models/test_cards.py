"""The registry: complete, consistent, and cheap to import."""

import subprocess
import sys
from math import prod

import pytest

from napari_sam2.models.cards import CARDS
from napari_sam2.models.config import PUBLISHED

DOWNLOADED = [card for card in CARDS.values() if card.urls]


def test_the_bundled_model_comes_first():
    assert next(iter(CARDS)) == "nano"


def test_every_published_network_has_a_card():
    assert {card.config for card in DOWNLOADED} == set(PUBLISHED)


@pytest.mark.parametrize("card", DOWNLOADED, ids=lambda card: card.name)
def test_a_downloaded_model_can_be_fetched_and_checked(card):
    assert card.bundled_path is None
    assert card.bytes > 100_000_000
    assert len(bytes.fromhex(card.sha256)) == 32
    assert all(url.startswith("https://") and url.endswith(f"/{card.file_name}") for url in card.urls)
    assert card.licence == "Apache-2.0"


def test_no_two_models_share_a_file():
    for attribute in ("file_name", "sha256", "bytes"):
        values = [getattr(card, attribute) for card in DOWNLOADED]
        assert len(set(values)) == len(values)


def test_the_file_is_a_little_larger_than_its_tensors(published_shapes):
    for card in DOWNLOADED:
        numbers = sum(prod(shape) for shape in published_shapes(card.config).values())
        assert 0 < card.bytes - 4 * numbers < 400_000


def test_the_registry_and_the_download_load_no_torch():
    code = (
        "import sys, napari_sam2.models as models; models.CARDS, models.download_weights, models.ModelError;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'napari', 'qtpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_package_names_what_it_has():
    import napari_sam2.models as models

    assert all(hasattr(models, name) for name in models.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = models.nothing
