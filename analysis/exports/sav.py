"""SA-V masklets, the JSON files of SAM 2's own data set (Ravi et al. 2024, arXiv:2408.00714)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.exports.labels import survey
from napari_sam2.analysis.exports.problems import Problems
from napari_sam2.analysis.exports.rle import decode, encode_nothing, encode_objects
from napari_sam2.analysis.exports.sizes import read_sizes
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.stack import LazyStack

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
# Sides of a square: SA-V calls an object small below the first and medium below the second.
_SMALL, _MEDIUM = 32, 96


def write_sav(
    labels: LazyStack,
    path: Path_,
    *,
    video: str = "video",
    step: float | None = None,
    step_unit: str = "frame",
) -> Path:
    """Write masks as an SA-V masklet file.

    Parameters
    ----------
    labels : sequence of int arrays (y, x)
        Every frame of the movie; 0 is background. An object's id is its masklet id.
    path : path
        Is replaced when the whole file has been written.
    video : str
        Id of the movie.
    step, step_unit : float and str, optional
        Time between frames, for the duration; null in the file when unknown.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MeasureError
        The labels cannot be written, the step is no positive number, or pycocotools is missing.
    OSError
        It cannot be written.
    """
    need("pycocotools", "Writing SA-V", "exports")
    found = survey(labels, dims=(2,))
    sizes = read_sizes(None, "pixel", step, step_unit, "t", 2)
    seconds = _SECONDS.get(sizes.step_unit) if sizes.step is not None else None
    height, width = found.shape
    nothing = encode_nothing((height, width))
    masklet, areas = [], np.zeros((len(labels), len(found.ids)))
    for frame in range(len(labels)):
        labels_yx = np.asarray(labels[frame])
        there = dict(encode_objects(labels_yx))
        masklet.append([there.get(object_id, nothing) for object_id in found.ids])
        pixels = dict(zip(*np.unique(labels_yx, return_counts=True), strict=True))
        areas[frame] = [pixels.get(object_id, 0) for object_id in found.ids]
    content = {
        "video_id": video,
        "video_duration": len(labels) * sizes.step * seconds if seconds and sizes.step else None,
        "video_frame_count": float(len(labels)),
        "video_height": float(height),
        "video_width": float(width),
        "video_resolution": float(height * width),
        "video_environment": [],
        "video_split": "",
        "masklet": masklet,
        "masklet_id": list(found.ids),
        **_summarise(areas, height * width),
        "masklet_num": len(found.ids),
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content), encoding="utf-8")
    return Path(path)


def _summarise(areas: NDArray[np.float64], resolution: int) -> dict[str, list[Any]]:
    """What SA-V tells of each masklet, from its area on each frame (frames, masklets)."""
    n_frames, n_masklets = areas.shape
    visible = areas > 0
    mean = areas.sum(axis=0) / visible.sum(axis=0)
    first = visible.argmax(axis=0)
    changes = [int(np.diff(visible[start:, k]).sum()) for k, start in enumerate(first)]
    buckets = np.array(["small", "medium", "large"])[np.digitize(mean, [_SMALL**2, _MEDIUM**2])]
    return {
        "masklet_size_rel": (mean / resolution).tolist(),
        "masklet_size_abs": mean.tolist(),
        "masklet_size_bucket": buckets.tolist(),
        "masklet_visibility_changes": changes,
        "masklet_first_appeared_frame": first.astype(float).tolist(),
        "masklet_frame_count": [n_frames] * n_masklets,
        "masklet_edited_frame_count": [0] * n_masklets,
        "masklet_type": ["auto"] * n_masklets,
        "masklet_stability_score": [None] * n_masklets,
    }


@dataclass(frozen=True)
class Masklets:
    """Masks of an SA-V file, decoded a frame at a time.

    As a sequence it gives label images; where masklets overlap, the smaller is on top.

    Attributes
    ----------
    video : str
        Id of the movie.
    shape : tuple of int
        (annotated frames, y, x).
    masklet_ids : tuple of int
        As in the file.
    object_ids : tuple of int
        In the label images: the masklet ids, plus 1 where they start at 0.
    video_frames : tuple of int
        The frame of the movie that each annotated frame is: SA-V annotates every fourth.
    step : float or None
        Seconds between annotated frames; None when unknown.
    """

    video: str
    shape: tuple[int, int, int]
    masklet_ids: tuple[int, ...]
    video_frames: tuple[int, ...]
    step: float | None
    _encoded: Sequence[Sequence[Any]] = field(repr=False)

    @property
    def object_ids(self) -> tuple[int, ...]:
        """See the attributes."""
        first = int(min(self.masklet_ids, default=1) == 0)
        return tuple(masklet_id + first for masklet_id in self.masklet_ids)

    @property
    def dtype(self) -> np.dtype[np.int32]:
        """Of a label image."""
        return np.dtype(np.int32)

    @property
    def ndim(self) -> int:
        """Always 3."""
        return 3

    def __len__(self) -> int:
        return self.shape[0]

    def masks(self, index: int) -> NDArray[np.bool_]:
        """Masks of an annotated frame, bool (masklets, y, x), overlaps and all."""
        found = np.zeros((len(self.masklet_ids), *self.shape[1:]), bool)
        for mask_yx, rle in zip(found, self._encoded[index], strict=True):
            mask_yx[:] = decode(rle)
        return found

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        """Label image (y, x) of an annotated frame."""
        masks_nyx = self.masks(index)
        labels_yx = np.zeros(self.shape[1:], np.int32)
        for k in np.argsort(-masks_nyx.sum(axis=(1, 2)), kind="stable"):
            labels_yx[masks_nyx[k]] = self.object_ids[k]
        return labels_yx


def read_sav(path: Path_) -> Masklets:
    """Read an SA-V masklet file.

    Raises
    ------
    MeasureError
        It is no SA-V file, or with every problem of every frame.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise MeasureError(f"{path} is not JSON ({error}); download or export it again.") from error
    problems = Problems(str(path))
    if not isinstance(content, dict) or not isinstance(content.get("masklet"), list):
        raise MeasureError(
            f"{path} has no list of masklets; give a file of SA-V, such as sav_000001_manual.json."
        )
    numbers = {key: _as_number(content, key, problems) for key in ("video_height", "video_width")}
    ids = _read_ids(content.get("masklet_id"), problems)
    problems.raise_if_any()
    shape = (len(content["masklet"]), numbers["video_height"], numbers["video_width"])
    for index, encoded in enumerate(content["masklet"]):
        _check_frame(index, encoded, ids, shape[1:], problems)
    problems.raise_if_any()
    if shape[0] == 0:
        raise MeasureError(f"{path} has no annotated frames.")
    every, seconds = _read_times(content, shape[0])
    video_frames = tuple(every * index for index in range(shape[0]))
    video = str(content.get("video_id", ""))
    return Masklets(video, shape, ids, video_frames, seconds, content["masklet"])


def _read_ids(ids: Any, problems: Problems) -> tuple[int, ...]:
    if not isinstance(ids, list) or not all(isinstance(each, int) and each >= 0 for each in ids):
        problems.add("The masklet_id is no list of whole numbers from 0")
        return ()
    if len(set(ids)) < len(ids):
        problems.add("The masklet_id has a number twice")
    return tuple(ids)


def _as_number(content: dict[str, Any], key: str, problems: Problems) -> int:
    value = content.get(key)
    if isinstance(value, int | float) and value > 0 and value == int(value):
        return int(value)
    problems.add(f"The {key} is {value!r}; it is a whole number")
    return 0


def _check_frame(
    index: int, encoded: Any, ids: Sequence[int], shape: tuple[int, int], problems: Problems
) -> None:
    if not isinstance(encoded, list) or len(encoded) != len(ids):
        count = len(encoded) if isinstance(encoded, list) else "no"
        problems.add_on(index, f"there are {count} masks for {len(ids)} masklets")
        return
    for masklet_id, rle in zip(ids, encoded, strict=True):
        try:
            found = decode(rle).shape
        except MeasureError as error:
            problems.add_on(index, f"the mask of masklet {masklet_id} is broken: {error}")
            continue
        if found != shape:
            problems.add_on(index, f"the mask of masklet {masklet_id} is {found} and the movie {shape}")


def _read_times(content: dict[str, Any], n_annotated: int) -> tuple[int, float | None]:
    """How many frames of the movie lead to the next annotated one, and how many seconds."""
    count, duration = content.get("video_frame_count"), content.get("video_duration")
    if not isinstance(count, int | float) or count < n_annotated:
        return 1, None
    every = int(np.ceil(count / n_annotated))
    return every, duration / count * every if isinstance(duration, int | float) and duration > 0 else None
