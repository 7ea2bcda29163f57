"""Divisions: marked by a person, or proposed from how the masks change, each with a score and a reason."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.objects import Floats, Ints
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.tables import complete_scale, make_table
from napari_sam2.analysis.tracks import tracks_of

_LIKE = 0.5
"""Least size of the smaller daughter against the larger."""

_HALVED = (0.3, 0.75)
"""Size of a parent that goes on as a daughter, against its size before."""

_REACH = 1.5
"""Farthest a daughter lies from its parent, in equivalent diameters of the parent."""


@dataclass(frozen=True, eq=False)
class _Track:
    object_id: int
    frames: Ints
    positions: Floats
    sizes: Floats
    rows: pd.DataFrame

    def at(self, frame: int) -> int | None:
        """Index of a frame, or None when the object is absent."""
        k = int(np.searchsorted(self.frames, frame))
        return k if k < len(self.frames) and self.frames[k] == frame else None


def _read(regions: pd.DataFrame) -> list[_Track]:
    size = "volume" if "volume" in regions.columns else "area"
    return [
        _Track(object_id, frames, positions, rows[size].to_numpy(np.float64), rows)
        for object_id, frames, positions, rows in tracks_of(regions, size)
    ]


def score_division(
    parent_size: float, parent_at: Floats, sizes: Sequence[float], places: Sequence[Floats]
) -> tuple[float, str] | None:
    """Judge whether two objects look like the daughters of a third.

    Parameters
    ----------
    parent_size, parent_at : float, float64 array (d,)
        Size and centroid of the parent on the frame before.
    sizes, places : two floats, two float64 arrays (d,)
        Of the daughters on the frame after.

    Returns
    -------
    (float, str) or None
        Score 0 to 1 and the reason in words; None when they are too unlike or too far away.
    """
    dimensions = len(parent_at)
    ball = 4 / np.pi if dimensions == 2 else 6 / np.pi
    limit = _REACH * (ball * parent_size) ** (1 / dimensions)
    farthest = max(float(np.sqrt(((place - parent_at) ** 2).sum())) for place in places)
    likeness = min(sizes) / max(sizes)
    conserved = 1 - abs(sum(sizes) - parent_size) / parent_size
    if farthest > limit or likeness < _LIKE or conserved < 1 - _LIKE:
        return None
    nearness = 1 - farthest / limit
    score = (likeness + conserved + nearness) / 3
    reason = (
        f"sizes {likeness:.2f} alike, together {sum(sizes) / parent_size:.2f} of the parent, "
        f"at most {farthest / limit * _REACH:.2f} parent diameters away"
    )
    return score, reason


def _splits(track: _Track, least_frames: int) -> Iterator[dict[str, Any]]:
    """Runs of frames on which one mask is in two parts of similar size, after it was whole."""
    second = track.rows["second_part"].fillna(0).to_numpy(np.float64)
    apart = second >= _LIKE
    begins = np.flatnonzero(apart & ~np.append(False, apart[:-1]))
    for begin in begins:
        end = begin + int(np.argmin(np.append(apart[begin:], False)))
        if begin > 0 and end - begin >= least_frames:
            likeness = float(second[begin:end].mean())
            yield {
                "parent_id": track.object_id,
                "frame": int(track.frames[begin]),
                "score": likeness,
                "source": "masks",
                "reason": f"its mask is in two parts, sizes {likeness:.2f} alike, for {end - begin} frames",
            }


def _pairs(tracks: list[_Track], first_frame: int, least_frames: int) -> Iterator[dict[str, Any]]:
    """New objects beside one that halves, and pairs of new objects where one ends."""
    new: dict[int, list[_Track]] = {}
    for track in tracks:
        if track.frames[0] > first_frame and len(track.frames) >= least_frames:
            new.setdefault(int(track.frames[0]), []).append(track)
    for frame, born in new.items():
        for parent in tracks:
            before = parent.at(frame - 1)
            if before is None:
                continue
            size, at = parent.sizes[before], parent.positions[before]
            after = parent.at(frame)
            if after is not None:
                share = parent.sizes[after] / size
                halves = _HALVED[0] <= share <= _HALVED[1]
                pairs = [((parent, after), (one, 0)) for one in born] if halves else []
                said = f"object {parent.object_id} shrinks to {share:.2f} where a new one appears"
            else:
                pairs = [((one, 0), (two, 0)) for k, one in enumerate(born) for two in born[k + 1 :]]
                said = f"object {parent.object_id} ends where two new ones appear"
            for pair in pairs:
                judged = score_division(
                    size, at, [t.sizes[k] for t, k in pair], [t.positions[k] for t, k in pair]
                )
                if judged is not None:
                    yield {
                        "parent_id": parent.object_id,
                        "frame": frame,
                        "daughter_1": pair[0][0].object_id,
                        "daughter_2": pair[1][0].object_id,
                        "score": judged[0],
                        "source": "masks",
                        "reason": f"{said}: {judged[1]}",
                    }


def _best(proposals: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The highest scores first; nobody is born twice and nobody divides twice on one frame."""
    taken: set[Any] = set()
    kept = []
    for one in sorted(proposals, key=lambda p: (-p["score"], p["frame"], p["parent_id"])):
        daughters = {one.get("daughter_1"), one.get("daughter_2")} - {None, one["parent_id"]}
        claims = {("born", daughter) for daughter in daughters} | {(one["parent_id"], one["frame"])}
        if not claims & taken:
            taken |= claims
            kept.append(one)
    return kept


def divisions_table(rows: Iterable[dict[Any, Any]], scale: Scale) -> pd.DataFrame:
    """Divisions in order of frame and parent, as a table."""
    ordered = sorted(rows, key=lambda row: (row["frame"], row["parent_id"]))
    return make_table("divisions", ordered, scale)


def propose_divisions(regions: pd.DataFrame, *, least_frames: int = 3) -> pd.DataFrame:
    """Propose divisions from how masks change.

    Three signs are looked for: an object whose mask is in two parts of similar size for several frames;
    a new object beside one that shrinks to about half; two new objects where one ends.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` or `measure_volumes`.
    least_frames : int
        Frames that the parts, or a new object, must last.

    Returns
    -------
    DataFrame
        Sorted by frame; `COLUMNS["divisions"]` says what each column means. Proposals: a person decides.

    Raises
    ------
    MeasureError
        A column is missing, or the frames do not follow in time.
    """
    scale = complete_scale(regions)
    if scale.axis != "t":
        raise MeasureError("The table is of slices in depth; divisions need frames in time.")
    tracks = _read(regions)
    found = list(_pairs(tracks, int(regions["frame"].min()) if len(regions) else 0, least_frames))
    if "second_part" in regions.columns:
        found += [split for track in tracks for split in _splits(track, least_frames)]
    return divisions_table(_best(found), scale)


def mark_divisions(regions: pd.DataFrame, marks: Iterable[tuple[int, int, Sequence[int]]]) -> pd.DataFrame:
    """Divisions that a person marked.

    Parameters
    ----------
    regions : DataFrame
        Of the objects; gives the units.
    marks : iterable of (int, int, sequence of int)
        Parent id, first frame on which the daughters are apart, and the ids of the daughters: two, one,
        or none where they have no ids yet; the parent's own id where it goes on as a daughter.

    Returns
    -------
    DataFrame
        As from `propose_divisions`, with score 1.
    """
    rows = []
    for parent, frame, daughters in marks:
        if len(daughters) > 2:
            raise MeasureError(
                f"Object {parent} is marked with {len(daughters)} daughters on frame {frame}; "
                "give at most two."
            )
        row = {"parent_id": parent, "frame": frame, "score": 1.0, "source": "marked", "reason": "marked"}
        rows.append(row | {f"daughter_{k}": daughter for k, daughter in enumerate(daughters, start=1)})
    return divisions_table(rows, complete_scale(regions))


def add_proposals(marked: pd.DataFrame, proposed: pd.DataFrame) -> pd.DataFrame:
    """Divisions that a person marked and, of those proposed, the ones about other objects.

    Parameters
    ----------
    marked, proposed : DataFrame
        From `mark_divisions` and `propose_divisions`.
    """
    known = read_divisions(marked)
    judged = {one.parent_id for one in known}.union(*(one.daughters for one in known))
    free = [judged.isdisjoint({one.parent_id, *one.daughters}) for one in read_divisions(proposed)]
    rows = [*marked.to_dict("records"), *proposed[np.array(free, dtype=bool)].to_dict("records")]
    return divisions_table(rows, complete_scale(marked))


@dataclass(frozen=True)
class Division:
    """One row of the division table.

    Attributes
    ----------
    parent_id, frame : int
        Who divides, and the first frame on which the parts are apart.
    daughters : tuple of int
        Ids of the daughters that have one; the parent's own where it goes on as one.
    """

    parent_id: int
    frame: int
    daughters: tuple[int, ...]


def read_divisions(divisions: pd.DataFrame) -> list[Division]:
    """Rows of the division table, in its order."""
    columns = [divisions[name].tolist() for name in ("parent_id", "frame", "daughter_1", "daughter_2")]
    return [
        Division(int(parent), int(frame), tuple(int(one) for one in daughters if pd.notna(one)))
        for parent, frame, *daughters in zip(*columns, strict=True)
    ]


def parents_of(divisions: pd.DataFrame) -> dict[int, int]:
    """Parent of each daughter that has an id of its own: {daughter: parent}."""
    return {
        daughter: division.parent_id
        for division in read_divisions(divisions)
        for daughter in division.daughters
        if daughter != division.parent_id
    }
