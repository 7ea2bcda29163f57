"""Lazy sequences of images along time or depth, from files and arrays, read one frame at a time.

`open_frames` makes a `Frames`. The libraries that read (tifffile, zarr, PyAV, pydicom, nibabel, nd2, bioio)
are imported only when such a source is opened.
"""

from napari_sam2.frames.base import Frames
from napari_sam2.frames.contrast import Contrast
from napari_sam2.frames.opening import open_frames

__all__ = ["Contrast", "Frames", "open_frames"]
