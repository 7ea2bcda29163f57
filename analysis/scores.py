"""How well a result agrees with a truth, by the measures of the fields' own benchmarks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from napari_sam2.analysis.davis import region_and_contour
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.objects import Ints
from napari_sam2.analysis.overlaps import find_overlaps
from napari_sam2.analysis.scale import read_scale
from napari_sam2.analysis.stack import LazyStack
from napari_sam2.analysis.tables import make_table

_OF_GRAPHS = ("DET", "TRA", "LNK")
_METRICS = ("DET", "SEG", "TRA", "LNK", "IDF1", "HOTA", "CHOTA")


class _Tracks:
    """One side of the comparison, cut into the challenge's tracks and numbered from 1."""

    def __init__(self, labels: LazyStack, parents: Mapping[int, int] | None, what: str) -> None:
        from napari_sam2.analysis.exports.labels import survey
        from napari_sam2.analysis.exports.tracklets import check_parents, cut_into_tracklets

        self.labels = labels
        found = survey(labels, what=what)
        check_parents(found.frames_of, parents or {})
        pieces = cut_into_tracklets(found.frames_of, parents or {})
        number = {piece.label: k for k, piece in enumerate(pieces, start=1)}
        self.shape = found.shape
        self.n_objects = len(found.ids)
        self.table = np.array(
            [[number[one.label], one.first, one.last, number.get(one.parent, 0)] for one in pieces],
            dtype=np.int64,
        ).reshape(-1, 4)
        self._pieces: dict[int, list[tuple[int, int, int]]] = {}
        for piece in pieces:
            self._pieces.setdefault(piece.object_id, []).append(
                (piece.first, piece.last, number[piece.label])
            )

    @property
    def linked(self) -> bool:
        """Whether anything is on more than one frame."""
        return bool((self.table[:, 2] > self.table[:, 1]).any() or self.table[:, 3].any())

    def numbers(self, ids: Ints, frame: int) -> list[int]:
        """Track numbers of objects on a frame."""
        return [
            next(number for first, last, number in self._pieces[object_id] if first <= frame <= last)
            for object_id in ids.tolist()
        ]


def _match(result: _Tracks, truth: _Tracks) -> dict[str, list[list[Any]]]:
    """Matched masks of all frames, as py-ctcmetrics keeps them."""
    names = ("labels_ref", "labels_comp", "mapped_ref", "mapped_comp", "ious")
    matched: dict[str, list[list[Any]]] = {name: [] for name in names}
    for frame in range(len(truth.labels)):
        overlaps = find_overlaps(np.asarray(truth.labels[frame]), np.asarray(result.labels[frame]))
        i, j = overlaps.covered
        true, found = truth.numbers(overlaps.truth, frame), result.numbers(overlaps.result, frame)
        for name, values in zip(
            names,
            (true, found, [true[k] for k in i], [found[k] for k in j], overlaps.ious[i, j].tolist()),
            strict=True,
        ):
            matched[name].append(values)
    return matched


def _tracking_scores(result: _Tracks, truth: _Tracks) -> dict[str, float]:
    package: Any = need("ctc_metrics.scripts.evaluate", "Scoring tracks", "scores")
    if result.n_objects == 0:
        return dict.fromkeys(_METRICS, 0.0)
    # py-ctcmetrics compares graphs only where both have an edge
    metrics = [name for name in _METRICS if name not in _OF_GRAPHS or (result.linked and truth.linked)]
    matched = _match(result, truth)
    found = package.calculate_metrics(
        result.table, truth.table, dict(matched), matched, metrics=metrics, is_valid=1
    )
    return {name: float(found[name]) if found.get(name) is not None else np.nan for name in _METRICS}


def score_labels(
    result: LazyStack,
    truth: LazyStack,
    *,
    result_parents: Mapping[int, int] | None = None,
    truth_parents: Mapping[int, int] | None = None,
) -> pd.DataFrame:
    """Score label images against true ones.

    SEG, DET, TRA, LNK, IDF1, HOTA and CHOTA are computed by py-ctcmetrics; tracks are cut at gaps and
    divisions, as the Cell Tracking Challenge has them.

    Parameters
    ----------
    result, truth : sequences of integer arrays (y, x) or (z, y, x)
        As many frames, of the same shape. Ids need not agree.
    result_parents, truth_parents : mapping of int to int, optional
        From daughter to parent, as `parents_of` gives them.

    Returns
    -------
    DataFrame
        One row; `COLUMNS["scores"]` says what each column means.

    Raises
    ------
    MeasureError
        Labels that cannot be compared, a truth without objects, or py-ctcmetrics is not installed.
    """
    if len(result) != len(truth):
        raise MeasureError(
            f"The result has {len(result)} frames and the truth {len(truth)}; score the same frames."
        )
    true, found = _Tracks(truth, truth_parents, "The truth"), _Tracks(result, result_parents, "The result")
    if true.shape != found.shape:
        raise MeasureError(
            f"The result has frames of {found.shape} and the truth of {true.shape}; score the same."
        )
    if true.n_objects == 0:
        raise MeasureError("The truth holds no object; there is nothing to score against.")
    j, f = region_and_contour(result, truth) if len(true.shape) == 2 else (np.nan, np.nan)
    row = {
        "frames": len(truth),
        "truth_objects": true.n_objects,
        "result_objects": found.n_objects,
        **_tracking_scores(found, true),
        "J": j,
        "F": f,
        "J&F": (j + f) / 2,
    }
    return make_table("scores", [row], read_scale(None, "pixel", None, "frame", "t"))
