"""The formats that other tools read and write, one module each."""

from napari_sam2.analysis.exports.ctc import write_ctc
from napari_sam2.analysis.exports.ctc_reading import read_ctc
from napari_sam2.analysis.exports.ome_tiff import write_ome_tiff

__all__ = ["read_ctc", "write_ctc", "write_ome_tiff"]
