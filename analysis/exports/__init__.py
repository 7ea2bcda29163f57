"""The formats that other tools read and write, one module each."""

from napari_sam2.analysis.exports.coco import write_coco, write_youtube_vis
from napari_sam2.analysis.exports.ctc import write_ctc
from napari_sam2.analysis.exports.ctc_reading import read_ctc
from napari_sam2.analysis.exports.davis import read_davis, write_davis
from napari_sam2.analysis.exports.dicom_seg import write_dicom_seg
from napari_sam2.analysis.exports.dicom_source import read_affine
from napari_sam2.analysis.exports.geff import read_geff, write_geff
from napari_sam2.analysis.exports.mp4 import write_mp4
from napari_sam2.analysis.exports.nifti import write_nifti
from napari_sam2.analysis.exports.ome_tiff import write_ome_tiff
from napari_sam2.analysis.exports.ome_zarr import write_ome_zarr
from napari_sam2.analysis.exports.parquet import read_parquet, write_parquet
from napari_sam2.analysis.exports.sav import Masklets, read_sav, write_sav
from napari_sam2.analysis.exports.trackmate import write_trackmate
from napari_sam2.analysis.exports.trackmate_reading import read_trackmate

__all__ = [
    "Masklets",
    "read_affine",
    "read_ctc",
    "read_davis",
    "read_geff",
    "read_parquet",
    "read_sav",
    "read_trackmate",
    "write_coco",
    "write_ctc",
    "write_davis",
    "write_dicom_seg",
    "write_geff",
    "write_mp4",
    "write_nifti",
    "write_ome_tiff",
    "write_ome_zarr",
    "write_parquet",
    "write_sav",
    "write_trackmate",
    "write_youtube_vis",
]
