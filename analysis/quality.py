"""The masks that are worth a look: what the model doubts, and what objects do not do."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from napari_sam2.analysis.contacts import box_intersections
from napari_sam2.analysis.objects import Floats
from napari_sam2.analysis.stack import in_ranges
from napari_sam2.analysis.tables import complete_scale, frame_range, make_table
from napari_sam2.analysis.tracks import check_regions, tracks_of

_OBJECTS_SHOWN = 10
_BOX = ("bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1")


@dataclass(frozen=True)
class Limits:
    """What counts as a problem.

    Attributes
    ----------
    predicted_iou, object_score : float
        Below.
    jump : float
        Diameters a frame; above.
    size_change : float
        Times larger or smaller; above.
    second_part : float
        Share of the largest part; above.
    box_overlap : float
        Share of its box covered by another's; above.
    """

    predicted_iou: float = 0.7
    object_score: float = 0.5
    jump: float = 0.5
    size_change: float = 1.5
    second_part: float = 0.1
    box_overlap: float = 0.8


def _changes(regions: pd.DataFrame) -> pd.DataFrame:
    """Jump, size_change and gap of each row, in the order of object and frame."""
    parts = []
    for _, frames, positions, rows in tracks_of(regions, "area", "equivalent_diameter"):
        jump, change, gap = (np.full(len(frames), np.nan) for _ in range(3))
        diameter, area = rows["equivalent_diameter"].to_numpy(np.float64), rows["area"].to_numpy(np.float64)
        between = np.diff(frames)
        moved = np.sqrt((np.diff(positions, axis=0) ** 2).sum(axis=1))
        jump[1:] = moved / between / ((diameter[1:] + diameter[:-1]) / 2)
        change[1:] = np.maximum(area[1:], area[:-1]) / np.minimum(area[1:], area[:-1])
        gap[1:] = between - 1
        parts.append(pd.DataFrame({"jump": jump, "size_change": change, "gap": np.nan_to_num(gap)}))
    return (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["jump", "size_change", "gap"])
    )


def _box_overlaps(table: pd.DataFrame) -> Floats:
    overlaps = np.zeros(len(table))
    boxes = table[list(_BOX)].to_numpy(np.int64)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    for which in table.groupby("frame").indices.values():
        a, b, shared = box_intersections(boxes[which])
        for one in (which[a], which[b]):
            np.maximum.at(overlaps, one, shared / areas[one])
    return overlaps


def _reasons(table: pd.DataFrame, limits: Limits) -> list[str]:
    """Limits that each row crosses, in words."""
    crossed = {
        "predicted IoU {:.2f}": ("predicted_iou", table["predicted_iou"] < limits.predicted_iou),
        "object score {:.2f}": ("object_score", table["object_score"] < limits.object_score),
        "jumps {:.2f} diameters a frame": ("jump", table["jump"] > limits.jump),
        "size changes {:.2f} times": ("size_change", table["size_change"] > limits.size_change),
        "in {} parts": ("parts", table["second_part"] > limits.second_part),
        "box covered to {:.2f} by another": ("box_overlap", table["box_overlap"] > limits.box_overlap),
        "back after {:.0f} frames": ("gap", table["gap"] > 0),
    }
    reasons: list[list[str]] = [[] for _ in range(len(table))]
    for text, (column, rows) in crossed.items():
        values = table[column].to_numpy()
        for k in np.flatnonzero(rows):
            reasons[k].append(text.format(values[k]))
    return ["; ".join(one) for one in reasons]


def measure_quality(regions: pd.DataFrame, limits: Limits | None = None) -> pd.DataFrame:
    """Numbers by which masks are chosen for review.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions`.
    limits : Limits, optional
        What counts as a problem.

    Returns
    -------
    DataFrame
        One row for each object and frame, sorted by object id, then by frame. `COLUMNS["quality"]`
        says what each column means; `table[table.problems > 0]` is the review list.

    Raises
    ------
    MeasureError
        A column is missing.
    """
    limits = limits or Limits()
    table = check_regions(regions, "parts", "second_part", "contact_fraction", *_BOX).reset_index(drop=True)
    table = pd.concat([table, _changes(regions)], axis=1).assign(box_overlap=_box_overlaps(table))
    table = table.reindex(columns=list(dict.fromkeys([*table.columns, "predicted_iou", "object_score"])))
    table["reasons"] = _reasons(table, limits)
    table["problems"] = [len(text.split("; ")) if text else 0 for text in table["reasons"]]
    return make_table("quality", table, complete_scale(regions), parameters=asdict(limits))


def _listed(rows: pd.DataFrame) -> str:
    """Objects and their frames as short text: 3 (frames 0-4, 7), 8 (frame 2)."""
    texts = []
    for object_id, mine in rows.groupby("object_id", sort=True):
        frames = sorted(mine["frame"].tolist())
        texts.append(f"{object_id} (frame{'s' * (len(frames) > 1)} {in_ranges(frames)})")
    more = f" and {len(texts) - _OBJECTS_SHOWN} more" if len(texts) > _OBJECTS_SHOWN else ""
    return ", ".join(texts[:_OBJECTS_SHOWN]) + more


def remarks_on(regions: pd.DataFrame) -> list[str]:
    """What a person should know before reading the numbers, a sentence each.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` or `measure_volumes`.

    Returns
    -------
    list of str
        About there being no object or one frame only, objects in several parts, and objects that
        are missing on frames between their first and last.
    """
    if len(regions) == 0:
        return ["There is no object on any frame."]
    found = []
    first, last = frame_range(regions)
    if first == last:
        found.append("There is one frame only, so speeds, displacements and growth are undefined.")
    several = regions[regions["parts"] > 1] if "parts" in regions.columns else regions.head(0)
    if len(several):
        found.append(f"Measured as one although in several parts: object {_listed(several)}.")
    spans = regions.groupby("object_id")["frame"].agg(["min", "max", "count"])
    holed = spans[spans["max"] - spans["min"] >= spans["count"]]
    absent = [
        (object_id, frame)
        for object_id, first, last in holed[["min", "max"]].itertuples()
        for frame in set(range(first, last + 1)).difference(
            regions["frame"][regions["object_id"] == object_id]
        )
    ]
    if absent:
        gone = pd.DataFrame(sorted(absent), columns=["object_id", "frame"])
        found.append(f"Missing between its first and last frame: object {_listed(gone)}.")
    return found
