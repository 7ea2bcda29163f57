"""Layers as napari's readers give them: data, arguments, kind."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LayerData = tuple[Any, dict[str, Any], str]


def as_tracks(regions: "pd.DataFrame", parents: Mapping[int, int], name: str) -> LayerData:
    """A tracks layer in pixels where they are known, with its scale, and in physical units else."""
    from napari_sam2.analysis.tables import complete_scale

    scale = complete_scale(regions)
    letters = "zyx"[-len(scale.pixel_size) :]
    in_pixels = all(f"centroid_{letter}_px" in regions for letter in letters)
    columns = [f"centroid_{letter}" + "_px" * in_pixels for letter in letters]
    regions = regions.sort_values(["object_id", "frame"], ignore_index=True)
    data = regions[["object_id", "frame", *columns]].to_numpy(float)
    others = [name for name in regions.columns if name not in ("object_id", "frame", *columns)]
    place = {
        "name": name,
        "graph": {child: [parent] for child, parent in parents.items()},
        "features": regions[others].select_dtypes("number"),
        "scale": (scale.step, *(scale.pixel_size if in_pixels else [1.0] * len(letters))),
        "units": ("pixel" if scale.step_unit == "frame" else scale.step_unit, *[scale.unit] * len(letters)),
        "axis_labels": ("t", *letters),
    }
    return data, place, "tracks"
