"""The lineage table: cells between divisions, their parents, generations and cycle times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_sam2.analysis.divisions import Division, read_divisions
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.objects import Ints
from napari_sam2.analysis.scale import Scale
from napari_sam2.analysis.tables import complete_scale, frame_range, make_table
from napari_sam2.analysis.tracks import check_regions


@dataclass(eq=False)
class _Cell:
    cell_id: int
    object_id: int
    first_frame: int
    last_frame: int
    parent: "_Cell | None" = None
    birth: int | None = None
    death: int | None = None
    daughters: int = 0

    def ancestors(self) -> "list[_Cell]":
        """The cell, its parent, and so on to the root."""
        line = [self]
        while line[-1].parent is not None:
            line.append(line[-1].parent)
        return line

    def row(self, scale: Scale, stack_first: int, stack_last: int) -> dict[str, Any]:
        line = self.ancestors()
        born = "first frame" if self.first_frame == stack_first else "appears"
        ends = "last frame" if self.last_frame == stack_last else "vanishes"
        seen = self.birth is not None and self.death is not None
        return {
            "cell_id": self.cell_id,
            "object_id": self.object_id,
            "first_frame": self.first_frame,
            "last_frame": self.last_frame,
            "parent_cell": self.parent.cell_id if self.parent else np.nan,
            "root_cell": line[-1].cell_id,
            "generation": len(line) - 1,
            "daughters": self.daughters,
            "born": born if self.birth is None else "division",
            "ends": ends if self.death is None else "division",
            "birth_time": self.first_frame * scale.step,
            "cycle_time": ((self.death or 0) - (self.birth or 0)) * scale.step if seen else np.nan,
        }


def _problems(
    division: Division, frames_of: Mapping[int, Ints], parent_of: Mapping[int, int]
) -> Iterator[str]:
    """What keeps a division from fitting the objects, and the parents that are known already."""
    parent, frame = division.parent_id, division.frame
    where = f"the division of object {parent} on frame {frame}"
    for object_id in sorted({parent, *division.daughters} - set(frames_of)):
        yield f"{where} names object {object_id}, which is not in the region table"
    if parent in frames_of and frames_of[parent][0] >= frame:
        yield f"{where} comes before the object, which begins on frame {frames_of[parent][0]}"
    for daughter in sorted(set(division.daughters) - {parent}):
        if daughter in frames_of and frames_of[daughter][0] < frame:
            yield f"{where} has daughter {daughter}, which begins on frame {frames_of[daughter][0]}"
        if daughter in parent_of:
            yield f"object {daughter} has two parents, {parent_of[daughter]} and {parent}"


def _check(divisions: list[Division], frames_of: Mapping[int, Ints]) -> None:
    """See that divisions fit the objects and each other; all problems at once."""
    problems: list[str] = []
    parent_of: dict[int, int] = {}
    for division in divisions:
        problems += _problems(division, frames_of, parent_of)
        parent_of |= dict.fromkeys(set(division.daughters) - {division.parent_id}, division.parent_id)
    if problems:
        text = "; ".join(problems) + "."
        raise MeasureError(text[0].upper() + text[1:])


def _frames_of(rows: pd.DataFrame) -> dict[int, Ints]:
    """Frames of each object, from a sorted region table."""
    ids, frames = rows["object_id"].to_numpy(np.int64), rows["frame"].to_numpy(np.int64)
    return {
        int(ids[which[0]]): frames[which] for which in rows.groupby("object_id", sort=True).indices.values()
    }


def explain_misfits(regions: pd.DataFrame, divisions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set aside the divisions that do not fit the objects.

    Parameters
    ----------
    regions, divisions : DataFrame
        As for `measure_lineage`.

    Returns
    -------
    (DataFrame, DataFrame)
        All divisions, what does not fit said in their reason; and those that `measure_lineage` takes.
    """
    frames_of = _frames_of(check_regions(regions))
    parent_of: dict[int, int] = {}
    reasons, fits = [], []
    for division, reason in zip(read_divisions(divisions), divisions["reason"], strict=True):
        problems = list(_problems(division, frames_of, parent_of))
        fits.append(not problems)
        reasons.append(
            "; ".join([reason, *([f"not in the lineage: {'; '.join(problems)}"] * bool(problems))])
        )
        if not problems:
            parent_of |= dict.fromkeys(set(division.daughters) - {division.parent_id}, division.parent_id)
    explained = divisions.assign(reason=pd.Series(reasons, divisions.index, dtype=divisions["reason"].dtype))
    return explained, explained[np.array(fits, dtype=bool)]


def measure_lineage(regions: pd.DataFrame, divisions: pd.DataFrame) -> pd.DataFrame:
    """Cells between divisions, with generation and cycle time.

    An object that goes on after a division is two cells: one before, one after.

    Parameters
    ----------
    regions : DataFrame
        From `measure_regions` or `measure_volumes`; says on which frames the objects are.
    divisions : DataFrame
        From `propose_divisions`, `mark_divisions` or `link_objects`.

    Returns
    -------
    DataFrame
        One row for each cell, sorted by object id, then by time. `COLUMNS["lineage"]` says what each
        column means.

    Raises
    ------
    MeasureError
        Divisions that do not fit the objects, all of them in one message.
    """
    scale = complete_scale(regions)
    frames_of = _frames_of(check_regions(regions))
    known = sorted(read_divisions(divisions), key=lambda division: division.frame)
    _check(known, frames_of)
    divides: dict[int, list[int]] = {}
    for division in known:
        divides.setdefault(division.parent_id, []).append(division.frame)

    cells: list[_Cell] = []
    cells_of: dict[int, list[_Cell]] = {}
    for object_id, its_frames in frames_of.items():
        for piece in np.split(its_frames, np.searchsorted(its_frames, divides.get(object_id, []))):
            if len(piece):
                cells.append(_Cell(len(cells) + 1, object_id, int(piece[0]), int(piece[-1])))
                cells_of.setdefault(object_id, []).append(cells[-1])

    for division in known:
        parent, frame = division.parent_id, division.frame
        divided = [cell for cell in cells_of[parent] if cell.first_frame < frame][-1]
        goes_on = [cell for cell in cells_of[parent] if cell.first_frame >= frame][:1]
        born = [cells_of[one][0] for one in division.daughters if one != parent] + goes_on
        for cell in born:
            cell.birth, cell.parent = frame, divided
        divided.death, divided.daughters = frame, len(born)

    begin, end = frame_range(regions)
    return make_table("lineage", [cell.row(scale, begin, end) for cell in cells], scale)
