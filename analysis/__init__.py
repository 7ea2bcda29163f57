"""Masks in, tables out: regions, tracks, lineages, events and scores, with no model and no viewer.

The names below load their modules when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.analysis.column import Column
    from napari_sam2.analysis.columns import COLUMNS
    from napari_sam2.analysis.contacts import contact_intervals, measure_contacts
    from napari_sam2.analysis.divisions import mark_divisions, parents_of, propose_divisions
    from napari_sam2.analysis.errors import MeasureError
    from napari_sam2.analysis.events import Settings, measure_activity, measure_intervals, measure_presence
    from napari_sam2.analysis.lineage import measure_lineage
    from napari_sam2.analysis.linking import apply_links, link_objects
    from napari_sam2.analysis.quality import Limits, measure_quality, remarks_on
    from napari_sam2.analysis.regions import measure_regions
    from napari_sam2.analysis.results import write_results, write_volume_results
    from napari_sam2.analysis.scores import score_labels
    from napari_sam2.analysis.summary import Result, read_results, write_summary
    from napari_sam2.analysis.table_files import read_table, write_table
    from napari_sam2.analysis.tables import describe
    from napari_sam2.analysis.tracks import measure_msd, measure_tracks
    from napari_sam2.analysis.volumes import measure_volumes

_HOME_OF = {
    "COLUMNS": "columns",
    "Column": "column",
    "Limits": "quality",
    "MeasureError": "errors",
    "Result": "summary",
    "Settings": "events",
    "apply_links": "linking",
    "contact_intervals": "contacts",
    "describe": "tables",
    "link_objects": "linking",
    "mark_divisions": "divisions",
    "measure_activity": "events",
    "measure_contacts": "contacts",
    "measure_intervals": "events",
    "measure_lineage": "lineage",
    "measure_msd": "tracks",
    "measure_presence": "events",
    "measure_quality": "quality",
    "measure_regions": "regions",
    "measure_tracks": "tracks",
    "measure_volumes": "volumes",
    "parents_of": "divisions",
    "propose_divisions": "divisions",
    "read_results": "summary",
    "read_table": "table_files",
    "remarks_on": "quality",
    "score_labels": "scores",
    "write_results": "results",
    "write_summary": "summary",
    "write_table": "table_files",
    "write_volume_results": "results",
}
__all__ = [
    "COLUMNS",
    "Column",
    "Limits",
    "MeasureError",
    "Result",
    "Settings",
    "apply_links",
    "contact_intervals",
    "describe",
    "link_objects",
    "mark_divisions",
    "measure_activity",
    "measure_contacts",
    "measure_intervals",
    "measure_lineage",
    "measure_msd",
    "measure_presence",
    "measure_quality",
    "measure_regions",
    "measure_tracks",
    "measure_volumes",
    "parents_of",
    "propose_divisions",
    "read_results",
    "read_table",
    "remarks_on",
    "score_labels",
    "write_results",
    "write_summary",
    "write_table",
    "write_volume_results",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"napari_sam2.analysis.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'napari_sam2.analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
