"""Sessions and folders of results in napari's File > Open: image, masks and tracks as they were."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam2.errors import ImageWarning, InputError
from napari_sam2.frames import Frames, open_frames
from napari_sam2.layer_data import LayerData, as_tracks
from napari_sam2.napari_reader import read_layers
from napari_sam2.replay import find_image
from napari_sam2.session import Session
from napari_sam2.session.saved import FORMAT, SavedImage, read_image

_LOOKED_AT = 256
_EDITABLE = 2**30
"""Masks up to this size, in bytes, are loaded, so that they can be painted on; larger ones are only shown."""


def find_session(path: Path) -> Path | None:
    """The file of a session that `path` is, or that lies in the folder `path`; None if there is none."""
    path = path / "session.json" if path.is_dir() else path
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    with path.open("rb") as file:
        return path if f'"{FORMAT}"'.encode() in file.read(_LOOKED_AT) else None


def read_session_layers(path: str) -> list[LayerData]:
    """Describe the layers of a session: its image, where that is found, and the masks and tracks beside it.

    A session without masks beside it shows its clicks and boxes.

    Raises
    ------
    InputError
        It is damaged, or nothing of it can be shown.
    """
    session = find_session(Path(path))
    if session is None:
        raise InputError(f"{path} is no session and no folder of results; choose a session.json")
    saved = read_image(session)
    masks = session.parent / "labels.tif"
    try:
        layers = _image_layers(session, saved, with_prompts=not masks.is_file())
    except InputError as error:
        if not masks.is_file():
            raise
        warnings.warn(f"the masks are shown without their image: {error}", ImageWarning, stacklevel=2)
        layers = []
    if masks.is_file():
        data, place, _ = _masks_layer(masks, saved.name)
        for image, about, _ in layers:
            if len(image.shape) - about["rgb"] == data.ndim:
                # The sizes that a person gave are in the masks only.
                about |= {"scale": place["scale"], "units": place["units"]}
        layers += [(data, place, "labels"), *_tracks_layers(session.parent, saved)]
    return layers


def _image_layers(session: Path, saved: SavedImage, with_prompts: bool) -> list[LayerData]:
    try:
        source = find_image(session, saved)
    except InputError as error:
        raise InputError(
            f"the image of {session}, {saved.source or 'an array in memory'}, is not beside it, nor a folder "
            "up; put it there, or open it too"
        ) from error
    frames = _open(source, saved.axis)
    if frames is None:
        return read_layers(str(source))
    with frames:
        if frames.fingerprint() != saved.fingerprint:
            raise InputError(
                f"{source} is not the image that {session} was made on, {saved.name}; put that beside it"
            )
        layers = read_layers(str(source))
        if with_prompts:
            layers += _prompt_layers(Session.load(session, frames), layers[0])
    return layers


def _open(source: Path, axis: str) -> Frames | None:
    """The image as the session sees it; None where it was read in a way that the session does not tell."""
    with warnings.catch_warnings(action="ignore", category=ImageWarning):  # `read_layers` tells them
        try:
            return open_frames(source, axis=axis)
        except InputError:
            return None


def _masks_layer(path: Path, name: str) -> LayerData:
    ((image, place, _),) = read_layers(str(path))
    kept = {key: place[key] for key in ("scale", "units", "axis_labels")}
    small = image.size * np.dtype(image.dtype).itemsize <= _EDITABLE
    return np.asarray(image) if small else image, {"name": f"{name} masks", **kept}, "labels"


def _tracks_layers(folder: Path, saved: SavedImage) -> list[LayerData]:
    """The objects' tracks, with the lineage, where frames follow in time."""
    from napari_sam2.analysis import parents_of, read_table

    table = folder / ("volumes.csv" if saved.axis == "zt" else "regions.csv")
    if saved.axis == "z" or not table.is_file():
        return []
    objects = read_table(table)
    divisions = folder / "divisions.csv"
    parents = parents_of(read_table(divisions)) if divisions.is_file() else {}
    return [as_tracks(objects, parents, f"{saved.name} tracks")] if len(objects) else []


def _prompt_layers(session: Session, image: LayerData) -> list[LayerData]:
    """The clicks as points, those inside objects green, and the boxes as shapes."""
    n_slices, volumes = session.frames.n_slices, session.frames.axis == "zt"
    clicks: list[tuple[float, ...]] = []
    boxes: list[list[tuple[float, ...]]] = []
    features: dict[str, list[int]] = {"object_id": [], "label": []}
    owners: list[int] = []
    for object_id, tracked in session.objects.items():
        for frame, given in tracked.prompts.items():
            place = divmod(frame, n_slices) if volumes else (frame,)
            for (y, x), label in zip(given.points, given.labels, strict=True):
                clicks.append((*place, y, x))
                features["object_id"].append(object_id)
                features["label"].append(label)
            if given.box is not None:
                y0, x0, y1, x1 = given.box
                boxes.append([(*place, y, x) for y, x in ((y0, x0), (y0, x1), (y1, x1), (y1, x0))])
                owners.append(object_id)
    where = {key: image[1][key] for key in ("scale", "units", "axis_labels")}
    colours = ["lime" if label else "red" for label in features["label"]]
    layers: list[tuple[Any, dict[str, Any], str]] = []
    if clicks and len(clicks[0]) == len(where["scale"]):
        about = {"name": "clicks", "features": features, "face_color": colours, "size": 5}
        layers.append((np.array(clicks), {**about, **where}, "points"))
    if boxes and len(boxes[0][0]) == len(where["scale"]):
        about = {
            "name": "boxes",
            "shape_type": "rectangle",
            "face_color": "transparent",
            "edge_color": "lime",
        }
        layers.append((np.array(boxes), {**about, "features": {"object_id": owners}, **where}, "shapes"))
    return layers
