"""The region table: one row for each object on each frame."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.growing import Growing
from napari_sam2.analysis.intensity import measure_intensity
from napari_sam2.analysis.neighbours import nearest_distances
from napari_sam2.analysis.objects import Floats, Objects, divide, find_objects
from napari_sam2.analysis.outline import Outline
from napari_sam2.analysis.scale import Scale, read_scale
from napari_sam2.analysis.shape import measure_shape
from napari_sam2.analysis.stack import LazyStack, Stack
from napari_sam2.analysis.tables import make_table

_SCORES = ("predicted_iou", "object_score")


def _measure_outline(
    objects: Objects, outline: Outline, area: Floats, scale: Scale
) -> dict[str, NDArray[Any]]:
    pixel_size = scale.pixel_size
    perimeter_px = outline.perimeter()
    perimeter = perimeter_px * pixel_size[0] if scale.isotropic else np.full(len(objects), np.nan)
    contacts = outline.contacts(pixel_size)
    touching = np.bincount(contacts.owner, contacts.length, minlength=len(objects))
    points = np.stack([outline.y, outline.x], axis=1).astype(np.float64)
    nearest_px, nearest_object = nearest_distances(points, outline.starts, 1.0)
    nearest = nearest_px * pixel_size[0]
    if pixel_size[0] != pixel_size[1]:
        nearest, nearest_object = nearest_distances(points * pixel_size, outline.starts, min(pixel_size))
    return {
        "perimeter_px": perimeter_px,
        "perimeter": perimeter,
        "circularity": divide(4 * np.pi * area, perimeter**2),
        "neighbours": np.bincount(contacts.owner, minlength=len(objects)),
        "nearest_distance_px": nearest_px,
        "nearest_distance": nearest,
        "nearest_object": np.where(nearest_object < 0, np.nan, objects.ids[nearest_object]),
        "contact_fraction": divide(touching, contacts.inside),
    }


def region_columns(
    index: int,
    objects: Objects,
    outline: Outline,
    image_yxc: NDArray[Any] | None,
    *,
    channels: Sequence[str],
    scale: Scale,
    ring: tuple[int, int],
) -> dict[str, NDArray[Any]]:
    """Columns of the objects of frame `index`, at least one, in ascending order of their ids."""
    frame = np.full(len(objects), index)
    columns: dict[str, NDArray[Any]] = {"object_id": objects.ids, "frame": frame}
    columns |= measure_shape(objects, scale.pixel_size)
    columns |= _measure_outline(objects, outline, columns["area"], scale)
    if image_yxc is not None:
        around = outline.ring(*ring)
        for c, channel in enumerate(channels):
            for name, values in measure_intensity(
                objects, image_yxc[..., c], around, scale.pixel_size
            ).items():
                columns[f"{name}_{channel}"] = values
    return columns


def _one_frame(
    index: int, labels_yx: NDArray[Any], image_yxc: NDArray[Any] | None, **how: Any
) -> dict[str, NDArray[Any]]:
    objects = find_objects(labels_yx)
    if len(objects) == 0:
        return {}
    return region_columns(index, objects, Outline(objects, labels_yx), image_yxc, **how)


def index_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores by object and frame, checked."""
    missing = {"object_id", "frame", *_SCORES} - set(scores.columns)
    if missing:
        raise MeasureError(
            f"The scores have no column {sorted(missing)[0]!r}; they need object_id, frame, "
            "predicted_iou and object_score."
        )
    twice = scores[scores.duplicated(["object_id", "frame"])]
    if len(twice):
        raise MeasureError(
            f"The scores have two rows for object {twice['object_id'].iloc[0]} on frame "
            f"{twice['frame'].iloc[0]}; give one row for each object and frame."
        )
    return scores.set_index(["object_id", "frame"])[[*_SCORES]]


def check_ring(ring: tuple[int, int]) -> None:
    """Raise MeasureError for a ring that is none."""
    if len(ring) != 2 or ring[0] < 0 or ring[1] < 1:
        raise MeasureError(f"ring is {ring}; give a gap of at least 0 and a width of at least 1 pixel.")


def region_table(
    data: dict[str, NDArray[Any]],
    scale: Scale,
    channels: tuple[str, ...],
    scores: pd.DataFrame | None,
    parameters: Mapping[str, Any],
) -> pd.DataFrame:
    """The region table of columns from `region_columns`, perhaps none, with what `index_scores` gave."""
    data = data or {"object_id": np.zeros(0, np.int64), "frame": np.zeros(0, np.int64)}
    data["time"] = data["depth"] = data["frame"] * scale.step
    if scores is not None:
        found = scores.reindex(pd.MultiIndex.from_arrays([data["object_id"], data["frame"]]))
        data |= {name: found[name].to_numpy(dtype=np.float64) for name in _SCORES}
    return make_table("regions", data, scale, channels=channels, parameters=parameters)


def measure_regions(
    labels: LazyStack,
    images: LazyStack | None = None,
    *,
    pixel_size: float | Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    axis: str = "t",
    channel_names: Sequence[str] | None = None,
    scores: pd.DataFrame | None = None,
    progress: Callable[[int, int], None] | None = None,
    frames: Sequence[int] | None = None,
    ring: tuple[int, int] = (2, 4),
    workers: int = 1,
) -> pd.DataFrame:
    """Measure every object on every frame.

    Frames are read one after the other and dropped, so a stack larger than memory can be measured.
    `napari_sam2.analysis.COLUMNS["regions"]` says what each column means.

    Parameters
    ----------
    labels : sequence of integer arrays (y, x)
        `len(labels)` frames, `labels[i]` a label image: the value is the object's id, 0 background.
        Numpy, zarr, dask arrays (frames, y, x), label stores, lists.
    images : sequence of arrays (y, x) or (y, x, c), optional
        Intensities of the same frames.
    pixel_size : float or (float, float), optional
        Height and width of a pixel, in `unit`. When unknown, lengths are in pixels.
    unit : str
        Unit of lengths, for example "µm".
    step : float, optional
        Frame interval or slice spacing, in `step_unit`. When unknown, frames are counted.
    step_unit : str
        Unit along the axis, for example "s".
    axis : str
        "t" when the frames follow in time, "z" when they are slices in depth.
    channel_names : sequence of str, optional
        One for each channel of `images`; "ch0", "ch1" ... when not given.
    scores : DataFrame, optional
        Columns object_id, frame, predicted_iou, object_score; objects without a row get NaN.
    progress : callable, optional
        Called with the number of frames done and the number of frames, after each frame.
    frames : sequence of int, optional
        Frames to measure; all when not given.
    ring : (int, int)
        Gap and width, in pixels, of the ring around each object that the background is read from.
    workers : int
        Processes that measure frames at the same time; 1 needs no further process. A script that asks
        for more must keep its own work below ``if __name__ == "__main__":``.

    Returns
    -------
    DataFrame
        Sorted by frame, then by object id; undefined numbers are NaN. Units and parameters are in
        `table.attrs` and go into the file with `write_table`.

    Raises
    ------
    MeasureError
        Labels, images or sizes that cannot be measured; the problems of all frames in one message.
    """
    scale = read_scale(pixel_size, unit, step, step_unit, axis)
    check_ring(ring)
    given = None if scores is None else index_scores(scores)
    stack = Stack(labels, images, channel_names)
    chosen = stack.chosen(frames)
    rows = Growing()
    one = partial(_one_frame, channels=stack.channels, scale=scale, ring=ring)
    for done, columns in enumerate(stack.measure(one, chosen, workers), start=1):
        rows.add(columns)
        if progress is not None:
            progress(done, len(chosen))
    parameters = {"ring": list(ring), "frames": [min(chosen, default=0), max(chosen, default=0)]}
    return region_table(rows.take(), scale, stack.channels, given, parameters)
