"""Region similarity J and contour accuracy F of video object segmentation (Perazzi et al. 2016)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment

from napari_sam2.analysis.objects import Ints, find_objects
from napari_sam2.analysis.overlaps import find_overlaps
from napari_sam2.analysis.stack import LazyStack

_TOLERANCE = 0.008
"""How far apart outlines may be, as a share of the frame's diagonal; as in the DAVIS benchmark."""


def _outline(mask_yx: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that differ from the one below, to the right, or both; one pixel wide."""
    padded = np.pad(mask_yx, ((0, 1), (0, 1)), mode="edge")
    here, below, right, both = mask_yx, padded[1:, :-1], padded[:-1, 1:], padded[1:, 1:]
    outline: NDArray[np.bool_] = (here != below) | (here != right) | (here != both)
    return outline


def _share_near(outline_yx: NDArray[np.bool_], other_yx: NDArray[np.bool_], reach: float) -> float:
    """Share of an outline that lies within `reach` pixels of another one."""
    if not outline_yx.any():
        return 1.0
    if not other_yx.any():
        return 0.0
    return float((distance_transform_edt(~other_yx)[outline_yx] <= reach).mean())


def contour_accuracy(truth_yx: NDArray[np.bool_], result_yx: NDArray[np.bool_], reach: float) -> float:
    """F measure of two outlines, 0 to 1; 1 for two empty masks.

    Parameters
    ----------
    truth_yx, result_yx : bool array (y, x)
        Masks of one object on one frame, or a part of the frame with an empty border around both.
    reach : float
        Pixels that outlines may be apart.
    """
    truth, result = _outline(truth_yx), _outline(result_yx)
    precision, recall = _share_near(result, truth, reach), _share_near(truth, result, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def match_objects(result: LazyStack, truth: LazyStack) -> dict[int, int]:
    """Object of the result for each object of the truth, so that the IoUs of all frames sum to the most.

    Returns
    -------
    dict
        True id -> id in the result; without those that overlap nothing.
    """
    sums: dict[tuple[int, int], float] = {}
    for frame in range(len(truth)):
        overlaps = find_overlaps(np.asarray(truth[frame]), np.asarray(result[frame]))
        ious = overlaps.ious
        for i, j in zip(*np.nonzero(overlaps.shared), strict=True):
            pair = int(overlaps.truth[i]), int(overlaps.result[j])
            sums[pair] = sums.get(pair, 0.0) + float(ious[i, j])
    rows, columns = (sorted({pair[k] for pair in sums}) for k in (0, 1))
    table = np.array([[sums.get((i, j), 0.0) for j in columns] for i in rows]).reshape(
        len(rows), len(columns)
    )
    chosen = zip(*linear_sum_assignment(table, maximize=True), strict=True)
    return {rows[i]: columns[j] for i, j in chosen if table[i, j] > 0}


def _boxes(labels_yx: NDArray[Any]) -> dict[int, Ints]:
    objects = find_objects(labels_yx)
    return dict(zip(objects.ids.tolist(), objects.bbox, strict=True)) if len(objects) else {}


def _compare(
    sides: tuple[NDArray[Any], NDArray[Any]], ids: tuple[int, int], boxes: Ints
) -> tuple[float, float]:
    """J and F of one object on one frame, looked at where it is; an outline reaches one pixel beyond."""
    top, left = np.maximum(boxes[:, :2].min(axis=0) - 2, 0)
    bottom, right = boxes[:, 2:].max(axis=0) + 2
    true, found = (
        side[top:bottom, left:right] == object_id
        if object_id
        else np.zeros_like(side[top:bottom, left:right], bool)
        for side, object_id in zip(sides, ids, strict=True)
    )
    reach = float(np.ceil(_TOLERANCE * np.hypot(*sides[0].shape)))
    return float((true & found).sum() / (true | found).sum()), contour_accuracy(true, found, reach)


def region_and_contour(result: LazyStack, truth: LazyStack) -> tuple[float, float]:
    """Mean J and F over the objects of the truth.

    An object counts from the first frame that shows it, or its match, to the end. Objects are matched
    one to one, so their ids need not agree.

    Parameters
    ----------
    result, truth : sequences of integer arrays (y, x)
        As many frames, of the same shape; the truth holds at least one object.

    Returns
    -------
    (float, float)
        0 to 1.
    """
    partner = match_objects(result, truth)
    regions: dict[int, list[float]] = {}
    contours: dict[int, list[float]] = {}
    for frame in range(len(truth)):
        sides = np.asarray(truth[frame]), np.asarray(result[frame])
        true_boxes, found_boxes = map(_boxes, sides)
        seen = set(true_boxes) | {one for one, match in partner.items() if match in found_boxes}
        for object_id in seen | set(regions):
            match = partner.get(object_id, 0)
            boxes = [box for box in (true_boxes.get(object_id), found_boxes.get(match)) if box is not None]
            j, f = 1.0, 1.0
            if boxes:
                j, f = _compare(sides, (object_id, match), np.array(boxes))
            regions.setdefault(object_id, []).append(j)
            contours.setdefault(object_id, []).append(f)
    j, f = (float(np.mean([np.mean(one) for one in all_.values()])) for all_ in (regions, contours))
    return j, f
