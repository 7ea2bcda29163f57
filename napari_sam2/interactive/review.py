"""The moments that are most likely wrong, for a person to look at after a propagation."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from napari_sam2.interactive.live import Live

DISAGREEMENT = 0.7
"""IoU below which the masks of a walk forward and a walk backward disagree."""

_BELOW = {"predicted_iou": "predicted IoU {:.2f}", "object_score": "object score {:.2f}"}
_ABOVE = {
    "jump": "jumps {:.2f} diameters a frame",
    "size_change": "size changes {:.2f} times",
    "second_part": "in two parts, the second {:.2f} of the first",
    "box_overlap": "box covered to {:.2f} by another",
}


def moments(live: "Live", regions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Frames and objects that are worth a look, the worst first.

    What stands out is what `analysis.measure_quality` counts as a problem, and, where an object was
    followed from both sides, masks of the two walks that differ. Prompted and locked frames are left
    out: a person has seen them.

    Parameters
    ----------
    live : Live
        Whose masks.
    regions : DataFrame, optional
        The region table of the masks as they are now, with the scores; measured when left out, which
        takes a while for many objects.

    Returns
    -------
    DataFrame
        frame, object_id, reason (in words), severity (0 to 1) and checked: one row for each reason.
    """
    from napari_sam2.analysis import Limits, measure_quality

    table = measure_quality(_regions(live) if regions is None else regions)
    rows = [*_problems(table, Limits()), *_disagreements(live)]
    seen = {
        (object_id, frame)
        for object_id, tracked in live.session.objects.items()
        for frame in (*tracked.prompts, *tracked.locks)
    }
    rows = [row for row in rows if (row["object_id"], row["frame"]) not in seen]
    for row in rows:
        row["checked"] = (row["frame"], row["object_id"], row["reason"]) in live.checked
    rows.sort(key=lambda row: (-row["severity"], row["frame"], row["object_id"], row["reason"]))
    columns = {"frame": np.int64, "object_id": np.int64, "reason": object, "severity": float, "checked": bool}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def check(live: "Live", frame: int, object_id: int, reason: str, checked: bool = True) -> None:
    """Mark a moment as checked, or as not; once the mask changes, its moments are new ones."""
    if checked:
        live.checked.add((int(frame), int(object_id), str(reason)))
    else:
        live.checked.discard((int(frame), int(object_id), str(reason)))


def next_doubtful(table: pd.DataFrame, frame: int) -> tuple[int, int] | None:
    """The (frame, object_id) of the next moment not checked, after `frame` and then from the start.

    Parameters
    ----------
    table : DataFrame
        From `moments`.
    frame : int
        Where the person is.
    """
    left = table[~table["checked"]]
    if left.empty:
        return None
    order = left.assign(again=left["frame"] <= frame).sort_values(
        ["again", "frame", "severity"], ascending=[True, True, False], kind="stable"
    )
    first = order.iloc[0]
    return int(first["frame"]), int(first["object_id"])


def _regions(live: "Live") -> pd.DataFrame:
    from napari_sam2.analysis import measure_regions

    frames = live.frames
    return measure_regions(
        live.store,
        axis=frames.axis,
        scores=live.scores(),
        pixel_size=frames.pixel_size,
        unit=frames.unit,
        step=frames.step,
        step_unit=frames.step_unit,
    )


def _problems(table: pd.DataFrame, limits: Any) -> Iterator[dict[str, Any]]:
    """Each limit that a mask crosses, with how far it is beyond."""
    for name, words in (_BELOW | _ABOVE).items():
        limit, values = getattr(limits, name), table[name].to_numpy(np.float64)
        with np.errstate(invalid="ignore"):
            crossed = np.flatnonzero(values < limit if name in _BELOW else values > limit)
        for k in crossed:
            value = values[k]
            severity = 1 - value / limit if name in _BELOW else 1 - limit / value
            yield _row(table, int(k), words.format(value), severity)
    for k in np.flatnonzero(table["gap"].to_numpy(np.float64) > 0):
        gap = int(table["gap"].iloc[k])
        yield _row(table, int(k), f"back after {gap} frame{'s' * (gap > 1)}", 1 - 1 / (1 + gap))


def _row(table: pd.DataFrame, k: int, reason: str, severity: float) -> dict[str, Any]:
    frame, object_id = int(table["frame"].iloc[k]), int(table["object_id"].iloc[k])
    return {"frame": frame, "object_id": object_id, "reason": reason, "severity": float(severity)}


def _disagreements(live: "Live") -> Iterator[dict[str, Any]]:
    for (object_id, frame), agreement in live.agreements().items():
        if agreement < DISAGREEMENT:
            yield {
                "frame": frame,
                "object_id": object_id,
                "reason": f"forward and backward agree to IoU {agreement:.2f}",
                "severity": 1 - agreement,
            }
