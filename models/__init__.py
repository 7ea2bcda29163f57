"""SAM 2 itself: the network, its weights, the memory bank, the tracker, training.

The names below load their modules when they are first used, so that importing this package imports
neither torch nor a network.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.models.cards import CARDS, ModelCard
    from napari_sam2.models.download import download_weights
    from napari_sam2.models.errors import ModelError
    from napari_sam2.models.load import LoadedModel, load_model

_HOME_OF = {
    "CARDS": "napari_sam2.models.cards",
    "LoadedModel": "napari_sam2.models.load",
    "ModelCard": "napari_sam2.models.cards",
    "ModelError": "napari_sam2.models.errors",
    "download_weights": "napari_sam2.models.download",
    "load_model": "napari_sam2.models.load",
}
__all__ = ["CARDS", "LoadedModel", "ModelCard", "ModelError", "download_weights", "load_model"]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'napari_sam2.models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
