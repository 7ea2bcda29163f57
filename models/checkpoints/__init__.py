"""Weights files: read Meta's, `transformers`' and our own, whatever wrote them; write our own."""

from napari_sam2.models.checkpoints.reader import Checkpoint, read_checkpoint
from napari_sam2.models.checkpoints.writer import save_weights

__all__ = ["Checkpoint", "read_checkpoint", "save_weights"]
