"""napari's File > Open for tracks and masks of other tools: CTC, GEFF, TrackMate, SA-V and DAVIS."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LayerData = tuple[Any, dict[str, Any], str]
_LOOKED_AT = 4096


def get_reader(path: str | Sequence[str]) -> Callable[[str], list[LayerData]] | None:
    """What napari asks for each file or folder that is opened; None for what is not ours."""
    from napari_sam2.analysis.exports.ctc_reading import find_ctc_table
    from napari_sam2.analysis.exports.davis import holds_davis

    if not isinstance(path, str):
        return None
    place = Path(path)
    if find_ctc_table(place) is not None:
        return read_ctc_layers
    if place.is_dir():
        if place.suffix == ".geff":
            return read_geff_layers
        return read_davis_layers if holds_davis(place) else None
    with place.open("rb") as file:
        begin = file.read(_LOOKED_AT)
    if place.suffix.lower() == ".xml" and b"<TrackMate" in begin:
        return read_trackmate_layers
    return read_sav_layers if place.suffix.lower() == ".json" and b'"video_id"' in begin else None


def read_ctc_layers(path: str) -> list[LayerData]:
    """Labels and tracks of a Cell Tracking Challenge folder."""
    from napari_sam2.analysis.exports import read_ctc

    labels, parents = read_ctc(path)
    stack = np.stack([labels[frame] for frame in range(len(labels))]).astype(np.int32)
    name = Path(path).parent.name if Path(path).is_file() else Path(path).name
    graph = {child: [parent] for child, parent in parents.items()}
    tracks = (_find_centroids(stack), {"name": f"{name} tracks", "graph": graph}, "tracks")
    return [(stack, {"name": name}, "labels"), *([tracks] if stack.any() else [])]


def read_geff_layers(path: str) -> list[LayerData]:
    """Tracks of a GEFF."""
    from napari_sam2.analysis.exports import read_geff

    return [_as_tracks(*read_geff(path), Path(path).stem)]


def read_trackmate_layers(path: str) -> list[LayerData]:
    """Tracks of a TrackMate XML."""
    from napari_sam2.analysis.exports import read_trackmate

    return [_as_tracks(*read_trackmate(path), Path(path).stem)]


def read_sav_layers(path: str) -> list[LayerData]:
    """Masks of an SA-V file."""
    from napari_sam2.analysis.exports import read_sav

    masklets = read_sav(path)
    place: dict[str, Any] = {"name": masklets.video or Path(path).stem, "axis_labels": ("t", "y", "x")}
    if masklets.step is not None:
        place |= {"scale": (masklets.step, 1, 1), "units": ("s", "pixel", "pixel")}
    return [(np.stack([masklets[frame] for frame in range(len(masklets))]), place, "labels")]


def read_davis_layers(path: str) -> list[LayerData]:
    """Masks of a folder of palette PNGs."""
    from napari_sam2.analysis.exports import read_davis

    labels, _ = read_davis(path)
    stack = np.stack([labels[frame] for frame in range(len(labels))]).astype(np.int32)
    return [(stack, {"name": Path(path).name}, "labels")]


def _find_centroids(labels: Any) -> Any:
    """Track points (id, frame, centroid) of label images (frames, ...)."""
    from skimage.measure import regionprops

    points = [
        (region.label, frame, *region.centroid)
        for frame, image in enumerate(labels)
        for region in regionprops(image)
    ]
    return np.array(sorted(points))


def _as_tracks(regions: "pd.DataFrame", parents: Mapping[int, int], name: str) -> LayerData:
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
