"""A session while a person works on it: edits in, masks out, undo over all of it. No viewer, no Qt."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.interactive.live import Live

__all__ = ["Live"]


def __getattr__(name: str) -> Any:
    if name == "Live":
        from napari_sam2.interactive.live import Live

        return Live
    raise AttributeError(f"module 'napari_sam2.interactive' has no attribute {name!r}")
