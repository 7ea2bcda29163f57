"""The formats that other tools read and write, one module each."""

from napari_sam2.analysis.exports.ctc import write_ctc
from napari_sam2.analysis.exports.ctc_reading import read_ctc
from napari_sam2.analysis.exports.geff import read_geff, write_geff
from napari_sam2.analysis.exports.ome_tiff import write_ome_tiff
from napari_sam2.analysis.exports.trackmate import write_trackmate
from napari_sam2.analysis.exports.trackmate_reading import read_trackmate

__all__ = [
    "read_ctc",
    "read_geff",
    "read_trackmate",
    "write_ctc",
    "write_geff",
    "write_ome_tiff",
    "write_trackmate",
]
