"""Masks in, tables out: regions and tracks, with no model and no viewer."""

from napari_sam2.analysis.column import Column
from napari_sam2.analysis.columns import COLUMNS
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.regions import measure_regions
from napari_sam2.analysis.tables import describe, read_table, write_table
from napari_sam2.analysis.tracks import measure_msd, measure_tracks
from napari_sam2.analysis.volumes import measure_volumes

__all__ = [
    "COLUMNS",
    "Column",
    "MeasureError",
    "describe",
    "measure_msd",
    "measure_regions",
    "measure_tracks",
    "measure_volumes",
    "read_table",
    "write_table",
]
