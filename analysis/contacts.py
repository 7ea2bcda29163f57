"""Which objects touch each other, on each frame and for how long."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.intervals import cut_intervals
from napari_sam2.analysis.objects import Floats, Ints, divide, find_objects
from napari_sam2.analysis.outline import Outline
from napari_sam2.analysis.scale import Scale, read_scale
from napari_sam2.analysis.stack import LazyStack, Stack
from napari_sam2.analysis.tables import complete_scale, make_table


def box_intersections(boxes: Ints) -> Floats:
    """Area that each two boxes (y0, x0, y1, x1) share: (n, 4) -> (n, n)."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    area: Floats = np.maximum(high - low, 0).prod(axis=2).astype(np.float64)
    return area


def _one_frame(labels_yx: NDArray[Any], scale: Scale) -> pd.DataFrame:
    objects = find_objects(labels_yx)
    n = len(objects)
    if n < 2:
        return pd.DataFrame()
    outline = Outline(objects, labels_yx)
    lengths, shares = [], []
    for size in ((1.0, 1.0), scale.pixel_size):
        contacts = outline.contacts(size)
        length = np.zeros((n, n))
        length[contacts.owner, contacts.other] = contacts.length
        lengths.append(length)
        shares.append(np.stack([divide(row, contacts.inside) for row in length.T], axis=1))
    shared = box_intersections(objects.bbox)
    area = np.diagonal(shared)
    a, b = np.nonzero(np.triu((lengths[0] > 0) | (shared > 0), k=1))
    return pd.DataFrame(
        {
            "object_a": objects.ids[a],
            "object_b": objects.ids[b],
            "contact_length_px": lengths[0][a, b],
            "contact_length": lengths[1][a, b],
            "contact_share_a": shares[1][a, b],
            "contact_share_b": shares[1][b, a],
            "box_overlap": shared[a, b] / np.minimum(area[a], area[b]),
        }
    )


def measure_contacts(
    labels: LazyStack,
    *,
    pixel_size: float | Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    axis: str = "t",
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
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
    parts = []

    def one(index: int, labels_yx: NDArray[Any], _: object) -> pd.DataFrame:
        return _one_frame(labels_yx, scale).assign(frame=index)

    for done, part in enumerate(stack.measure(one, chosen, workers), start=1):
        if len(part):
            parts.append(part)
        if progress is not None:
            progress(done, len(chosen))
    data = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return make_table("contacts", data, scale)


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
