"""Which objects touch each other, on each frame and for how long."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.growing import Growing
from napari_sam2.analysis.intervals import cut_intervals
from napari_sam2.analysis.objects import Ints, Objects, divide, find_objects, ranges
from napari_sam2.analysis.outline import Outline
from napari_sam2.analysis.scale import Scale, read_scale
from napari_sam2.analysis.stack import LazyStack, Stack
from napari_sam2.analysis.tables import complete_scale, make_table


def box_intersections(boxes: Ints) -> tuple[Ints, Ints, Ints]:
    """Pairs of boxes that share an area.

    Parameters
    ----------
    boxes : int64 array (n, 4)
        First row and column, row and column after the last.

    Returns
    -------
    (int64 array (pairs,), int64 array (pairs,), int64 array (pairs,))
        Indices of the two boxes, the lower first, and the area.
    """
    order = np.argsort(boxes[:, 0], kind="stable")
    y0, x0, y1, x1 = boxes[order].T
    last = np.searchsorted(y0, y1)  # boxes from here on begin below this one
    first = np.arange(1, len(boxes) + 1)
    a = np.repeat(first - 1, np.maximum(last - first, 0))
    b = ranges(first, np.maximum(last - first, 0))
    height = np.minimum(y1[a], y1[b]) - y0[b]
    width = np.minimum(x1[a], x1[b]) - np.maximum(x0[a], x0[b])
    there = width > 0
    one, other = order[a[there]], order[b[there]]
    return np.minimum(one, other), np.maximum(one, other), (height * width)[there]


def contact_columns(index: int, objects: Objects, outline: Outline, scale: Scale) -> dict[str, NDArray[Any]]:
    """Columns of the pairs on frame `index` that touch or whose boxes overlap; none without a pair."""
    px, units = outline.contacts((1.0, 1.0)), outline.contacts(scale.pixel_size)
    once = px.owner < px.other
    touching = pd.DataFrame(
        {
            "a": px.owner[once],
            "b": px.other[once],
            "contact_length_px": px.length[once],
            "contact_length": units.length[once],
        }
    )
    a, b, shared = box_intersections(objects.bbox)
    boxed = pd.DataFrame({"a": a, "b": b, "shared": shared})
    pairs = touching.merge(boxed, how="outer", on=["a", "b"]).fillna(0).sort_values(["a", "b"])
    if len(pairs) == 0:
        return {}
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    height, width = (objects.bbox[:, 2:] - objects.bbox[:, :2]).T
    length = pairs["contact_length"].to_numpy()
    return {
        "frame": np.full(len(pairs), index),
        "object_a": objects.ids[a],
        "object_b": objects.ids[b],
        "contact_length_px": pairs["contact_length_px"].to_numpy(),
        "contact_length": length,
        "contact_share_a": divide(length, units.inside[a]),
        "contact_share_b": divide(length, units.inside[b]),
        "box_overlap": pairs["shared"].to_numpy() / np.minimum((height * width)[a], (height * width)[b]),
    }


def _one_frame(index: int, labels_yx: NDArray[Any], _: object, scale: Scale) -> dict[str, NDArray[Any]]:
    objects = find_objects(labels_yx)
    if len(objects) < 2:
        return {}
    return contact_columns(index, objects, Outline(objects, labels_yx), scale)


def measure_contacts(
    labels: LazyStack,
    *,
    pixel_size: float | Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    axis: str = "t",
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> pd.DataFrame:
    """Pairs of objects that touch, or whose bounding boxes overlap, on every frame.

    Parameters
    ----------
    labels, pixel_size, unit, step, step_unit, axis, progress, workers
        As for `measure_regions`.

    Returns
    -------
    DataFrame
        Sorted by frame, then by the two ids. `COLUMNS["contacts"]` says what each column means.
    """
    scale = read_scale(pixel_size, unit, step, step_unit, axis)
    stack = Stack(labels)
    chosen = stack.chosen(None)
    rows = Growing()
    one = partial(_one_frame, scale=scale)
    for done, columns in enumerate(stack.measure(one, chosen, workers), start=1):
        rows.add(columns)
        if progress is not None:
            progress(done, len(chosen))
    return make_table("contacts", rows.take(), scale)


def contact_intervals(contacts: pd.DataFrame, *, max_gap: int = 0) -> pd.DataFrame:
    """Intervals during which two objects touch.

    Parameters
    ----------
    contacts : DataFrame
        From `measure_contacts`.
    max_gap : int
        Frames that the contact may be lost within an interval.

    Returns
    -------
    DataFrame
        Sorted by the two ids, then by time. `COLUMNS["contact_intervals"]` says what each column means.
    """
    scale = complete_scale(contacts)
    touching = contacts[contacts["contact_length_px"] > 0]
    rows: list[dict[str, Any]] = []
    for (a, b), pair in touching.groupby(["object_a", "object_b"]):
        frames, lengths = pair["frame"].to_numpy(np.int64), pair["contact_length"].to_numpy(np.float64)
        for interval in cut_intervals(frames, max_gap):
            mean = lengths[interval.begin : interval.end].mean()
            row = {"object_a": a, "object_b": b, "interval": interval.number, "mean_contact_length": mean}
            rows.append(row | interval.times(scale.step))
    return make_table("contact_intervals", rows, scale, parameters={"max_gap": max_gap})
