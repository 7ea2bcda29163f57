"""Tables on disk: a CSV with its description beside it."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.growing import Growing
from napari_sam2.analysis.tables import ABOUT, describe

_ROWS = 8192
"""Rows that are held before they go into the file."""


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".json")


@contextmanager
def growing_table(path: str | Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Write a table part by part, so that it need not fit into memory.

    ::

        with growing_table("regions.csv") as add:
            for part in parts:                  # at least one, all with the same columns
                add(part)

    Both files are written beside their place and renamed when the block ends well.

    Parameters
    ----------
    path : path
        Where the CSV goes; its folder must exist.

    Raises
    ------
    MeasureError
        A part was not made by this package.
    OSError
        The folder cannot be written.
    """
    path = Path(path)
    about = ""
    partial = [one.with_name(one.name + ".part") for one in (path, _beside(path))]
    try:
        with partial[0].open("w", encoding="utf-8", newline="") as file:

            def add(part: pd.DataFrame) -> None:
                nonlocal about
                begins = not about
                if begins:
                    about = json.dumps(describe(part), indent=1, ensure_ascii=False) + "\n"
                part.to_csv(file, index=False, lineterminator="\n", header=begins)

            yield add
        partial[1].write_text(about, encoding="utf-8", newline="\n")
        os.replace(partial[1], _beside(path))
        os.replace(partial[0], path)
    finally:
        for one in partial:
            one.unlink(missing_ok=True)


class RowStream:
    """Rows of a table on their way into its file, and what of them is needed again.

    Parameters
    ----------
    add : callable
        From `growing_table`.
    make : callable
        From columns, perhaps none, to a table.
    keep : callable
        From a table to the part of it that stays in memory.
    """

    def __init__(
        self,
        add: Callable[[pd.DataFrame], None],
        make: Callable[[dict[str, NDArray[Any]]], pd.DataFrame],
        keep: Callable[[pd.DataFrame], pd.DataFrame],
    ) -> None:
        self._add, self._make, self._keep = add, make, keep
        self._rows, self._kept = Growing(), Growing()
        self._attrs: dict[Any, Any] = {}

    def put(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take the rows of a frame."""
        self._rows.add(columns)
        if len(self._rows) >= _ROWS:
            self._write()

    def end(self) -> pd.DataFrame:
        """Write what is left and return what was kept."""
        if len(self._rows) or not self._attrs:
            self._write()
        kept = pd.DataFrame(self._kept.take(), copy=False)
        kept.attrs = self._attrs
        return kept

    def _write(self) -> None:
        part = self._make(self._rows.take())
        self._attrs = part.attrs
        self._add(part)
        kept = self._keep(part)
        self._kept.add({str(name): kept[name].to_numpy() for name in kept})


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as CSV, with its description beside it as `<name>.csv.json`.

    Both files are written beside their place and renamed. NaN is an empty field. Plain
    `pandas.read_csv(path)` opens the CSV.

    Parameters
    ----------
    table : DataFrame
        From `measure_regions` and its neighbours.
    path : path
        Where the CSV goes; its folder must exist.

    Returns
    -------
    Path
        Of the CSV.

    Raises
    ------
    MeasureError
        The table was not made by this package.
    OSError
        The folder cannot be written.
    """
    with growing_table(path) as add:
        add(table)
    return Path(path)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote, its types and its description included.

    Raises
    ------
    MeasureError
        A file is missing, or they do not belong together.
    """
    path = Path(path)
    beside = _beside(path)
    for file in (path, beside):
        if not file.is_file():
            raise MeasureError(f"There is no file {file}; a table is a CSV with its description beside it.")
    try:
        about = json.loads(beside.read_text(encoding="utf-8"))
        types = {column["name"]: column["dtype"] for column in about.pop("columns")}
        table = pd.read_csv(path, dtype=types, encoding="utf-8")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MeasureError(
            f"{path} and {beside.name} do not belong together or are damaged: {error}."
        ) from error
    table = table.fillna({name: "" for name, kind in types.items() if kind == "str"})
    if list(table.columns) != list(types):
        raise MeasureError(
            f"{path} does not have the columns that {beside.name} lists; write the table again."
        )
    table.attrs[ABOUT] = about
    return table
