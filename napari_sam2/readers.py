"""napari's File > Open for sessions, and for masks and tracks of CTC, GEFF, TrackMate, SA-V and DAVIS."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam2.layer_data import LayerData, as_tracks

_LOOKED_AT = 4096


def get_reader(path: str | Sequence[str]) -> Callable[[str], list[LayerData]] | None:
    """What napari asks for each file or folder that is opened; None for what is not ours."""
    from napari_sam2.analysis.exports.ctc_reading import find_ctc_table
    from napari_sam2.analysis.exports.davis import holds_davis
    from napari_sam2.session_reader import find_session, read_session_layers

    if not isinstance(path, str):
        return None
    place = Path(path)
    if find_session(place) is not None:
        return read_session_layers
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

    return [as_tracks(*read_geff(path), Path(path).stem)]


def read_trackmate_layers(path: str) -> list[LayerData]:
    """Tracks of a TrackMate XML."""
    from napari_sam2.analysis.exports import read_trackmate

    return [as_tracks(*read_trackmate(path), Path(path).stem)]


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
