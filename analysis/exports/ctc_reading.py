"""Cell Tracking Challenge folders, read and checked: results and ground truth."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.ctc import LARGEST_LABEL
from napari_sam2.analysis.exports.files import Path_
from napari_sam2.analysis.exports.labels import ReadLabels, survey_into
from napari_sam2.analysis.exports.problems import Problems, in_words

_MASKS = {
    "res_track.txt": re.compile(r"mask(\d+)\.tiff?"),
    "man_track.txt": re.compile(r"man_track(\d+)\.tiff?"),
}


@dataclass(frozen=True)
class _Row:
    """A line of the table."""

    line: int
    label: int
    first: int
    last: int
    parent: int


def find_ctc_table(path: Path_) -> Path | None:
    """The table of tracks that belongs to a path, or None where there is none.

    Parameters
    ----------
    path : path
        The table itself, the folder it is in, or the folder of a ground truth with ``TRA`` in it.
    """
    path = Path(path)
    if path.name in _MASKS and path.is_file():
        return path
    places = [folder / name for folder in (path, path / "TRA") for name in _MASKS]
    return next((place for place in places if place.is_file()), None)


def read_ctc(folder: Path_) -> tuple[ReadLabels, dict[int, int]]:
    """Read a Cell Tracking Challenge folder.

    Parameters
    ----------
    folder : path
        With ``res_track.txt`` and ``mask*.tif``, or with ``man_track.txt`` and ``man_track*.tif``, in it
        or in its folder ``TRA``.

    Returns
    -------
    labels : ReadLabels
        (frames, y, x) or (frames, z, y, x); read from the files a frame at a time.
    parents : dict of int to int
        From child to parent. A track that was cut at a gap is, in this format, the only child of what
        came before.

    Raises
    ------
    MeasureError
        Table and masks are not there, broken, or contradict each other; with every problem of both.
    """
    table = find_ctc_table(folder)
    if table is None:
        raise MeasureError(
            f"There is no res_track.txt and no man_track.txt in {folder}; give a folder of the Cell Tracking "
            "Challenge, such as 01_RES or 01_GT."
        )
    problems = Problems(str(table.parent))
    files = _find_masks(table, problems)
    rows = _read_table(table, problems)
    labels = _open_masks(files)
    found = survey_into(
        problems, labels, dims=(2, 3), largest=LARGEST_LABEL, holder="a Cell Tracking Challenge folder"
    )
    _check_lineage(rows, table.name, problems)
    _compare(rows, found.frames_of, len(files), table.name, problems)
    problems.raise_if_any()
    parents = {row.label: row.parent for row in rows.values() if row.parent}
    return ReadLabels((len(files), *found.shape), labels.dtype, labels._read), parents


def _find_masks(table: Path, problems: Problems) -> list[Path]:
    numbered: dict[int, Path] = {}
    for path in sorted(table.parent.iterdir()):
        match = _MASKS[table.name].fullmatch(path.name)
        if match and int(match[1]) in numbered:
            problems.add(f"{numbered[int(match[1])].name} and {path.name} are of the same frame; remove one")
        elif match:
            numbered[int(match[1])] = path
    missing = set(range(max(numbered, default=0) + 1)) - set(numbered)
    if missing:
        problems.add(f"There is no mask of {in_words('frame', missing)}")
    return [path for _, path in sorted(numbered.items())]


def _open_masks(files: list[Path]) -> ReadLabels:
    def read(index: int) -> NDArray[Any]:
        try:
            return np.asarray(tifffile.imread(files[index]))
        except Exception as error:  # each kind of damage has its own
            raise MeasureError(f"{files[index].name} cannot be read as TIFF ({error}).") from error

    return ReadLabels((len(files),), np.dtype(np.uint16), read)


def _read_table(table: Path, problems: Problems) -> dict[int, _Row]:
    """Rows by label; what is wrong with a line alone is noted and the line left out."""
    rows: dict[int, _Row] = {}
    text = table.read_text(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        where = f"Line {number} of {table.name}"
        if len(words) != 4 or not all(re.fullmatch(r"[+-]?\d+", word) for word in words):
            problems.add(
                f"{where} is {line.strip()!r}; a line is four whole numbers: label, first frame, last frame, "
                "parent or 0"
            )
            continue
        row = _Row(number, *map(int, words))
        if not 1 <= row.label <= LARGEST_LABEL:
            problems.add(f"{where} has the label {row.label}; labels are 1 to {LARGEST_LABEL}")
        elif row.label in rows:
            problems.add(f"{where} has the label {row.label} of line {rows[row.label].line}; give each once")
        elif not 0 <= row.first <= row.last:
            problems.add(f"{where} lets track {row.label} go from frame {row.first} to {row.last}")
            rows[row.label] = row
        else:
            rows[row.label] = row
    if not text.strip():
        problems.add(f"{table.name} has no tracks")
    return rows


def _check_lineage(rows: Mapping[int, _Row], name: str, problems: Problems) -> None:
    for row in rows.values():
        where = f"Line {row.line} of {name}"
        parent = rows.get(row.parent)
        if row.parent and parent is None:
            problems.add(f"{where} gives track {row.label} the parent {row.parent}, which is no track")
        elif parent is row:
            problems.add(f"{where} makes track {row.label} its own parent")
        elif parent is not None and parent.last >= row.first:
            problems.add(
                f"{where} lets track {row.label} begin on frame {row.first}, when its parent {parent.label} "
                f"is still there, up to frame {parent.last}"
            )


def _compare(
    rows: Mapping[int, _Row],
    frames_of: Mapping[int, list[int]],
    n_frames: int,
    name: str,
    problems: Problems,
) -> None:
    """Table against masks, on the frames whose masks are sound."""
    readable = set(range(n_frames)) - problems.frames
    strangers = frames_of.keys() - rows.keys()
    if strangers:
        of_them = sorted({frame for label in strangers for frame in frames_of[label]})
        problems.add(
            f"The masks of {in_words('frame', of_them)} have {in_words('label', strangers)}, not in {name}"
        )
    for row in rows.values():
        where = f"Line {row.line} of {name}"
        if row.last >= n_frames:
            problems.add(
                f"{where} lets track {row.label} end on frame {row.last}; there are {n_frames} masks"
            )
        said = readable.intersection(range(row.first, row.last + 1))
        there = set(frames_of.get(row.label, ()))
        if said - there:
            absent = in_words("frame", said - there)
            problems.add(f"{where} has track {row.label}, whose label is not in the mask of {absent}")
        if there - said:
            left = in_words("frame", there - said)
            problems.add(f"{where} leaves out {left}, where label {row.label} is in the mask")
