"""COCO with run-length encoded masks: a record for each object and frame, or one for each track.

The first is what pycocotools opens, with tracks as in TAO (Dave et al. 2020, "TAO: A Large-Scale
Benchmark for Tracking Any Object"); the second is YouTube-VIS (Yang et al. 2019, "Video Instance
Segmentation").
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.exports.rle import encode_objects
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.stack import LazyStack

_UNNAMED = "object"


def write_coco(
    labels: LazyStack,
    path: Path_,
    *,
    names: Mapping[int, str] | None = None,
    file_names: Sequence[str] | None = None,
    video: str = "video",
) -> Path:
    """Write masks as a COCO file with one record for each object and frame.

    Parameters
    ----------
    labels : sequence of int arrays (y, x)
        0 is background.
    path : path
        Is replaced when the whole file has been written.
    names : mapping of int to str, optional
        What an object is, such as "grasper"; the distinct names are the categories. Objects that are
        not in it are an "object".
    file_names : sequence of str, optional
        The image of each frame; 00000.jpg, 00001.jpg, ... when not given.
    video : str
        Name of the movie.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MeasureError
        The labels cannot be written, there is not one file name a frame, or pycocotools is missing.
    OSError
        It cannot be written.
    """
    movie = _Movie(labels, names or {}, file_names, video)
    annotations: list[dict[str, Any]] = []
    for frame in range(len(labels)):
        for object_id, rle in encode_objects(np.asarray(labels[frame])):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": frame + 1,
                    "video_id": 1,
                    "track_id": object_id,
                    "category_id": movie.category_of[object_id],
                    "segmentation": rle,
                    **_measure(rle),
                    "iscrowd": 0,
                }
            )
    size = {"width": movie.width, "height": movie.height}
    content = {
        "videos": [{"id": 1, "name": video, "length": len(labels), **size}],
        "images": [
            {"id": frame + 1, "video_id": 1, "frame_index": frame, "file_name": file, **size}
            for frame, file in enumerate(movie.files)
        ],
        "tracks": [
            {"id": object_id, "video_id": 1, "category_id": category}
            for object_id, category in movie.category_of.items()
        ],
        "categories": movie.categories,
        "annotations": annotations,
    }
    return _write(content, path)


def write_youtube_vis(
    labels: LazyStack,
    path: Path_,
    *,
    names: Mapping[int, str] | None = None,
    file_names: Sequence[str] | None = None,
    video: str = "video",
) -> Path:
    """Write masks as a YouTube-VIS file: one record a track, with a mask or null for each frame.

    Parameters, result and errors are those of `write_coco`.
    """
    movie = _Movie(labels, names or {}, file_names, video)
    nothing = [None] * len(labels)
    tracks = {
        object_id: {
            "id": object_id,
            "video_id": 1,
            "category_id": category,
            "iscrowd": 0,
            "width": movie.width,
            "height": movie.height,
            "segmentations": [*nothing],
            "bboxes": [*nothing],
            "areas": [*nothing],
        }
        for object_id, category in movie.category_of.items()
    }
    for frame in range(len(labels)):
        for object_id, rle in encode_objects(np.asarray(labels[frame])):
            measured = _measure(rle)
            track: dict[str, Any] = tracks[object_id]
            track["segmentations"][frame] = rle
            track["bboxes"][frame], track["areas"][frame] = measured["bbox"], measured["area"]
    about = {"id": 1, "name": video, "length": len(labels), "width": movie.width, "height": movie.height}
    content = {
        "videos": [{**about, "file_names": movie.files}],
        "categories": movie.categories,
        "annotations": list(tracks.values()),
    }
    return _write(content, path)


class _Movie:
    """What both layouts tell of the frames and of what there is on them."""

    def __init__(
        self, labels: LazyStack, names: Mapping[int, str], file_names: Sequence[str] | None, video: str
    ) -> None:
        need("pycocotools", "Writing COCO", "exports")
        found = survey(labels, dims=(2,))
        if file_names is not None and len(file_names) != len(labels):
            raise MeasureError(
                f"There are {len(file_names)} file names for {len(labels)} frames of {video}; give one each."
            )
        self.height, self.width = found.shape
        self.files = list(file_names or (f"{frame:05d}.jpg" for frame in range(len(labels))))
        kinds = [names.get(object_id, _UNNAMED) for object_id in found.ids]
        order = {kind: number for number, kind in enumerate(sorted(set(kinds) or {_UNNAMED}), start=1)}
        self.category_of = {each: order[kind] for each, kind in zip(found.ids, kinds, strict=True)}
        self.categories = [{"id": number, "name": kind} for kind, number in order.items()]


def _measure(rle: dict[str, Any]) -> dict[str, Any]:
    from pycocotools import mask as coco

    return {"area": int(coco.area(rle)), "bbox": coco.toBbox(rle).tolist()}


def _write(content: dict[str, Any], path: Path_) -> Path:
    whole = {"info": {"description": "Masks followed with napari-sam2"}, "licenses": [], **content}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(whole), encoding="utf-8")
    return Path(path)
