"""Volumes that follow in time: one mask in three dimensions for each object at each time."""

from napari_sam2.spacetime.plan import Step, compile_steps
from napari_sam2.spacetime.tracking import VolumeTracking
from napari_sam2.spacetime.volumes import Volumes

__all__ = ["Step", "VolumeTracking", "Volumes", "compile_steps"]
