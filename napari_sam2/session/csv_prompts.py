"""Prompts from a CSV, one point or box a row; all its problems are told at once."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_sam2.errors import InputError
from napari_sam2.session import checks
from napari_sam2.session.session import Session

COLUMNS = ("object_id", "frame", "kind", "y", "x", "y1", "x1", "label")
"""Columns, in any order. `kind` is point or box; y, x, y1, x1 are a box's corners; `label` is 1 for a
point inside the object, which an empty cell means too, and 0 for one outside."""
VOLUME_COLUMNS = ("object_id", "t", "z", *COLUMNS[2:])
"""Columns for volumes in time: `t` is the volume, `z` the slice in it, both from 0."""

_MOST_TOLD = 10


def add_csv_prompts(session: Session, path: Path) -> None:
    """Add the prompts of a CSV to a session, as one step of undo.

    Raises
    ------
    InputError
        With the problems of all lines; the session is then as before.
    """
    rows = _Rows(session)
    for line, row in _read(path, VOLUME_COLUMNS if session.frames.axis == "zt" else COLUMNS):
        rows.take(line, row)
    problems = rows.problems + rows.objects_only_outside()
    if problems:
        more = len(problems) - _MOST_TOLD
        raise InputError("; ".join(problems[:_MOST_TOLD] + [f"and {more} more"] * (more > 0)))
    with session.group():
        for (object_id, frame), told in rows.told.items():
            if told.box is not None:
                session.add_box(object_id, frame, told.box)
            if told.points:
                session.add_points(object_id, frame, told.points, told.labels)


def _read(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row that holds something."""
    n_rows = 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, columns)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    n_rows += 1
                    cells += [""] * (len(header) - len(cells))
                    yield reader.line_num, dict(zip([*header, ""], map(str.strip, cells), strict=False))
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError("it is not UTF-8 text; save it as CSV (UTF-8)") from error
    except csv.Error as error:
        raise InputError(f"it is not a CSV file ({error}); save it as CSV") from error
    if n_rows == 0:
        raise InputError("it has a header but no prompts; add a row for each point or box")


def _check_header(header: list[str], columns: tuple[str, ...]) -> None:
    of = "a prompts file for volumes in time" if columns == VOLUME_COLUMNS else "a prompts file"
    expected = f"the columns of {of} are {', '.join(columns)}"
    if not any(header):
        raise InputError(f"it is empty; {expected}")
    for problem, names in {
        "lacks": [name for name in columns if name not in header],
        "has unknown": [name for name in header if name not in columns],
        "repeats": [name for name in columns if header.count(name) > 1],
    }.items():
        if names:
            raise InputError(f"it {problem} columns {', '.join(map(repr, names))}; {expected}")


@dataclass
class _Told:
    """What the rows of one object and frame say together."""

    line: int
    points: list[tuple[float, float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None


class _Rows:
    """The rows taken so far: what they say by object and frame, and what is wrong with them."""

    def __init__(self, session: Session) -> None:
        self.told: dict[tuple[int, int], _Told] = {}
        self.problems: list[str] = []
        self._session = session
        self._doubtful: set[int | None] = set()  # objects of rows with a problem

    def take(self, line: int, row: dict[str, str]) -> None:
        """Check a row and keep what it says, or its problems."""
        where = f"line {line}"
        known_problems = len(self.problems)
        _, height, width = self._session.frames.shape
        size = height, width
        object_id = self._ask(where, lambda: checks.object_id(_whole(row, "object_id")))
        frame = self._ask(where, lambda: self._frame(row, where))
        kind = self._ask(where, lambda: _kind(row))
        point: Any = None
        label: Any = None
        box: Any = None
        if kind == "point":
            point = self._ask(where, lambda: checks.position(_numbers(row, "y", "x"), size, where))
            label = self._ask(where, lambda: checks.label(_whole(row, "label") if row["label"] else 1, where))
        elif kind == "box":
            box = self._ask(where, lambda: checks.box(_numbers(row, "y", "x", "y1", "x1"), size, where))
        if len(self.problems) > known_problems:
            self._doubtful.add(object_id)
            return
        told = self.told.setdefault((object_id, frame), _Told(line))
        if kind == "point":
            told.points.append(point)
            told.labels.append(label)
        elif told.box is None:
            told.box = box
        else:
            there = self._spoken(frame)
            self.problems.append(
                f"{where}: object {object_id} has a box on frame {there} already; give one box a frame"
            )

    def objects_only_outside(self) -> list[str]:
        """A problem for each object of which only its outside is told on its first frame."""
        problems = []
        for object_id in sorted({object_id for object_id, _ in self.told} - self._doubtful):
            known = self._session.objects.get(object_id)
            earlier = set() if known is None else known.prompts.keys() | known.locks.keys()
            first = min(earlier | {frame for of, frame in self.told if of == object_id})
            told = self.told.get((object_id, first))
            if first not in earlier and told is not None and told.box is None and not any(told.labels):
                problems.append(
                    f"line {told.line}: object {object_id} has only points outside it on its first frame, "
                    f"{self._spoken(first)}; add a point inside it (label 1) or a box there"
                )
        return problems

    def _frame(self, row: dict[str, str], where: str) -> int:
        frames = self._session.frames
        if frames.axis != "zt":
            return checks.frame(_whole(row, "frame"), len(frames), where)
        volume = _within(row, "t", len(frames) // frames.n_slices)
        return volume * frames.n_slices + _within(row, "z", frames.n_slices)

    def _spoken(self, frame: int) -> str:
        frames = self._session.frames
        if frames.axis != "zt":
            return f"{frame}"
        return "t={}, z={}".format(*divmod(frame, frames.n_slices))

    def _ask(self, where: str, check: Callable[[], Any]) -> Any:
        try:
            return check()
        except InputError as error:
            words = str(error)
            self.problems.append(words if words.startswith(where) else f"{where}: {words}")
            return None


def _whole(row: dict[str, str], name: str) -> int:
    """A whole number; spreadsheets and pandas may have written it as 1.0."""
    try:
        number = float(row[name])
        if number.is_integer():
            return int(number)
    except ValueError:
        pass
    raise InputError(f"{name} {row[name]!r} is not a whole number")


def _within(row: dict[str, str], name: str, count: int) -> int:
    """A position that exists on one of the axes of volumes in time."""
    number = _whole(row, name)
    if not 0 <= number < count:
        raise InputError(f"{name} {number} does not exist; the image has {name} 0 to {count - 1}")
    return number


def _kind(row: dict[str, str]) -> str:
    kind = row["kind"]
    if kind not in ("point", "box"):
        raise InputError(f"kind {kind!r} is not known; use point or box")
    if row.get(""):
        raise InputError("there are more cells than columns; leave out the last ones")
    if kind == "point" and (row["y1"] or row["x1"]):
        raise InputError("a point has no y1 and x1; leave them empty or make it a box")
    if kind == "box" and row["label"] not in ("", "1", "1.0"):
        raise InputError("a box always means inside; leave its label empty")
    return kind


def _numbers(row: dict[str, str], *names: str) -> list[float]:
    missing = [name for name in names if not row[name]]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise InputError(f"a {row['kind']} needs {', '.join(names)}, but {', '.join(missing)} {verb} empty")
    numbers = []
    for name in names:
        try:
            numbers.append(float(row[name]))
        except ValueError:
            raise InputError(f"{name} {row[name]!r} is not a number") from None
    return numbers
