"""The formats that other tools read and write, one module each.

The names below load their modules when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOME_OF = {
    "Masklets": "sav",
    "read_affine": "dicom_source",
    "read_ctc": "ctc_reading",
    "read_davis": "davis",
    "read_geff": "geff",
    "read_parquet": "parquet",
    "read_sav": "sav",
    "read_trackmate": "trackmate_reading",
    "write_coco": "coco",
    "write_ctc": "ctc",
    "write_davis": "davis",
    "write_dicom_seg": "dicom_seg",
    "write_geff": "geff",
    "write_mp4": "mp4",
    "write_nifti": "nifti",
    "write_ome_tiff": "ome_tiff",
    "write_ome_zarr": "ome_zarr",
    "write_parquet": "parquet",
    "write_sav": "sav",
    "write_trackmate": "trackmate",
    "write_youtube_vis": "coco",
}
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


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"napari_sam2.analysis.exports.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'napari_sam2.analysis.exports' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
