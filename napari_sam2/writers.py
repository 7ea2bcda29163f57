"""napari's File > Save for labels and tracks layers: the formats that other tools read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_sam2.errors import InputError

Meta = Mapping[str, Any]
Layers = Sequence[tuple[Any, dict[str, Any], str]]
"""One labels layer, perhaps with an image layer. That the manifest admits the image keeps these writers
behind napari's own where a labels layer is saved under a name without an ending."""


def write_ctc(path: str, layers: Layers) -> list[str]:
    """Write a labels layer as a Cell Tracking Challenge folder."""
    from napari_sam2.analysis.exports import write_ctc

    data, meta = _labels_alone(layers)
    axis, _ = _read_place(data, meta)
    if axis == "z":
        raise InputError("the layer's first axis is depth, and this format follows cells in time")
    return [str(write_ctc(data, path))]


def write_coco(path: str, layers: Layers) -> list[str]:
    """Write a labels layer as COCO JSON."""
    from napari_sam2.analysis.exports import write_coco

    data, meta = _labels_alone(layers)
    return [str(write_coco(_flat(data), path, video=meta["name"]))]


def write_sav(path: str, layers: Layers) -> list[str]:
    """Write a labels layer as SA-V masklets."""
    from napari_sam2.analysis.exports import write_sav

    data, meta = _labels_alone(layers)
    axis, sizes = _read_place(_flat(data), meta)
    pace = {key: sizes[key] for key in ("step", "step_unit")} if axis == "t" else {}
    return [str(write_sav(data, path, video=meta["name"], **pace))]


def write_davis(path: str, layers: Layers) -> list[str]:
    """Write a labels layer as a folder of palette PNGs."""
    from napari_sam2.analysis.exports import write_davis

    data, _ = _labels_alone(layers)
    return [str(write_davis(_flat(data), path))]


def write_nifti(path: str, layers: Layers) -> list[str]:
    """Write a labels layer as NIfTI."""
    from napari_sam2.analysis.exports import write_nifti

    data, meta = _labels_alone(layers)
    axis, sizes = _read_place(data, meta)
    return [str(write_nifti(data, path, axis=axis, **sizes))]


def write_ome_tiff(path: str, layers: Layers) -> list[str]:
    """Write a labels layer as an OME-TIFF with pixel size."""
    from napari_sam2.analysis.exports import write_ome_tiff

    data, meta = _labels_alone(layers)
    axis, sizes = _read_place(data, meta)
    return [str(write_ome_tiff(data, path, axis=axis, **sizes))]


def write_ome_zarr(path: str, layers: Layers) -> list[str]:
    """Write a labels layer, and its image where that is selected too, as OME-Zarr."""
    from napari_sam2.analysis.exports import write_ome_zarr

    data, meta = _of_kind(layers, "labels")[0]
    images = [image for image, _ in _of_kind(layers, "image")]
    axis, sizes = _read_place(data, meta)
    return [str(write_ome_zarr(data, path, images=images[0] if images else None, axis=axis, **sizes))]


def write_dicom_seg(path: str, layers: Layers) -> list[str]:
    """Write a labels layer as a DICOM SEG of the DICOM images that the image layer was opened from."""
    from napari_sam2.analysis.exports import write_dicom_seg

    data, _ = _of_kind(layers, "labels")[0]
    sources = [meta.get("metadata", {}).get("dicom") for _, meta in _of_kind(layers, "image")]
    if not sources or sources[0] is None:
        raise InputError(
            "a DICOM SEG belongs to DICOM images; select the labels layer together with the image layer that "
            "this plugin opened from DICOM"
        )
    return [str(write_dicom_seg(_flat(data), path, source=sources[0]))]


def write_geff(path: str, data: Any, meta: Meta) -> list[str]:
    """Write a tracks layer as GEFF."""
    from napari_sam2.analysis.exports import write_geff

    regions, parents = _read_tracks(data, meta)
    return [str(write_geff(regions, path, parents=parents))]


def write_trackmate(path: str, data: Any, meta: Meta) -> list[str]:
    """Write a tracks layer as TrackMate XML."""
    from napari_sam2.analysis.exports import write_trackmate

    regions, parents = _read_tracks(data, meta)
    return [str(write_trackmate(regions, path, parents=parents))]


def _of_kind(layers: Layers, wanted: str) -> list[tuple[Any, dict[str, Any]]]:
    return [(data, meta) for data, meta, kind in layers if kind == wanted]


def _labels_alone(layers: Layers) -> tuple[Any, dict[str, Any]]:
    if _of_kind(layers, "image"):
        raise InputError("this format holds no image; select the labels layer alone")
    return _of_kind(layers, "labels")[0]


def _flat(data: Any) -> Any:
    if data.ndim != 3:
        raise InputError(
            f"the layer has {data.ndim} dimensions, and this format holds frames (y, x); choose CTC, NIfTI, "
            "OME-TIFF or OME-Zarr"
        )
    return data


def _read_place(data: Any, meta: Meta) -> tuple[str, dict[str, Any]]:
    """Axis and sizes of a labels layer (frames, y, x) or (frames, z, y, x)."""
    from napari_sam2.analysis.exports.sizes import unit_symbol

    if data.ndim not in (3, 4):
        raise InputError(f"the layer has {data.ndim} dimensions; a stack of frames has 3, or 4 with depth")
    units = [unit_symbol(str(unit)) for unit in meta.get("units") or ["pixel"] * data.ndim]
    label = str((meta.get("axis_labels") or [""])[0]).lower()
    # Without a name an axis that is measured like the others is depth.
    is_depth = label == "z" or (label != "t" and units[0] == units[-1] != "pixel")
    axis = "z" if is_depth and data.ndim == 3 else "t"
    scale = [float(size) for size in meta["scale"]]
    known, counted = units[-1] != "pixel" or any(size != 1 for size in scale[1:]), units[0] == "pixel"
    return axis, {
        "pixel_size": tuple(scale[1:]) if known else None,
        "unit": units[-1],
        "step": None if counted else scale[0],
        "step_unit": "frame" if counted else units[0],
    }


def _read_tracks(data: Any, meta: Meta) -> tuple[Any, dict[int, int]]:
    """Region table and lineage of a tracks layer."""
    from napari_sam2.analysis.exports.sizes import unit_symbol
    from napari_sam2.analysis.exports.track_graph import make_read_table
    from napari_sam2.analysis.scale import Scale

    data = np.asarray(data, float)
    merged = [child for child, parents in meta["graph"].items() if len(np.atleast_1d(parents)) > 1]
    if merged:
        raise InputError(f"track {merged[0]} has several parents; these formats hold no merging tracks")
    if np.any(data[:, 1] % 1):
        raise InputError("the tracks have points between frames; give whole frame numbers")
    # Of a tracks layer, scale and units are those of time and space, without the id.
    scale = [float(size) for size in meta["scale"]]
    units = [unit_symbol(str(unit)) for unit in meta.get("units") or ["pixel"] * len(scale)]
    letters = "zyx"[-(data.shape[1] - 2) :]
    columns: dict[str, Any] = {"object_id": data[:, 0].astype(int), "frame": data[:, 1].astype(int)}
    for number, letter in enumerate(letters):
        columns[f"centroid_{letter}_px"] = data[:, 2 + number]
        columns[f"centroid_{letter}"] = data[:, 2 + number] * scale[1 + number]
    features = meta.get("features")
    for name in [] if features is None else features.columns:
        if name not in (*columns, "track_id") and features[name].dtype.kind in "biuf":
            columns[name] = features[name].to_numpy()
    step_unit = "frame" if units[0] == "pixel" else units[0]
    place = Scale(tuple(scale[1:]), units[-1], scale[0], step_unit, "t")
    name = "volumes" if len(letters) == 3 else "regions"
    parents = {int(child): int(np.atleast_1d(of)[0]) for child, of in meta["graph"].items()}
    return make_read_table(columns, place, str(meta["name"]), name=name), parents
