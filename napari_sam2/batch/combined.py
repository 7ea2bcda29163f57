"""One table of all items: their tables one below the other, each row with the name of its item."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam2 import __version__
from napari_sam2.analysis import read_table
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.extras import need
from napari_sam2.outputs import whole_file

if TYPE_CHECKING:
    import pyarrow

TABLES = ("regions", "volumes", "tracks")
"""Those that are combined; which of them an item has depends on its axis."""

_OWN = (
    ("item", "Name of the item, and of the folder with its results."),
    ("unit", "Unit of length of this row."),
    ("step_unit", "Unit of time, or of depth, of this row."),
)


def check_parquet() -> None:
    """Refuse to begin what would end without its table.

    Raises
    ------
    MeasureError
        The package pyarrow is missing; the sentence says what to install.
    """
    need("pyarrow", "The table of all items", "exports")


def combine(results: Path, names: Sequence[str]) -> list[Path]:
    """Write ``regions.parquet``, ``volumes.parquet`` and ``tracks.parquet`` of the items of these names.

    An item is read at a time, so the tables may be larger than the memory. Columns that some items lack,
    such as those of a second channel, are null there. The schema says unit and meaning of each column; where
    items differ in their units, it sends to the columns ``unit`` and ``step_unit``.

    Parameters
    ----------
    results : Path
        The folder with the folders of the items.
    names : sequence of str
        In the order of the rows.

    Returns
    -------
    list of Path
        What was written; no table that no item has.

    Raises
    ------
    MeasureError
        A table is damaged.
    InputError
        It cannot be written.
    """
    written = []
    for table in TABLES:
        files = {name: file for name in names if (file := results / name / f"{table}.csv").is_file()}
        out = results / f"{table}.parquet"
        if files:
            _combine(files, table, out)
            written.append(out)
    return written


def _combine(files: Mapping[str, Path], table: str, out: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = _columns([_about(file) for file in files.values()])
    schema = _schema(table, columns)
    with whole_file(out) as partial, parquet.ParquetWriter(partial, schema) as writer:
        for name, file in files.items():
            rows = read_table(file)
            about = rows.attrs["napari_sam2"]
            own = {"item": name, "unit": about["unit"], "step_unit": about["step_unit"]}
            arrays = [
                pyarrow.array([own[field.name]] * len(rows), field.type)
                if field.name in own
                else pyarrow.array(rows[field.name], field.type, from_pandas=True)
                if field.name in rows
                else pyarrow.nulls(len(rows), field.type)
                for field in schema
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _about(file: Path) -> dict[str, Any]:
    beside = file.with_name(file.name + ".json")
    try:
        about: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MeasureError(
            f"{beside} is damaged ({error}); remove the folder {file.parent} and run the batch again"
        ) from error
    return about


def _columns(abouts: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Every column that an item has, described as there; its unit only where all items agree."""
    columns = {
        name: {"name": name, "unit": "", "meaning": meaning, "formula": "", "dtype": "str"}
        for name, meaning in _OWN
    }
    for about in abouts:
        for column in about["columns"]:
            known = columns.setdefault(column["name"], dict(column))
            if known["unit"] != column["unit"]:
                known["unit"] = "differs: see the columns unit and step_unit"
    return list(columns.values())


def _schema(table: str, columns: Sequence[dict[str, str]]) -> "pyarrow.Schema":
    import pyarrow

    types = {
        "int64": pyarrow.int64(),
        "float64": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "boolean": pyarrow.bool_(),
    }
    fields = [
        pyarrow.field(
            column["name"],
            types.get(column["dtype"].lower(), pyarrow.string()),
            metadata={key: column[key] for key in ("unit", "meaning", "formula")},
        )
        for column in columns
    ]
    about = {"table": table, "software": "napari-sam2", "version": __version__, "columns": columns}
    return pyarrow.schema(fields, metadata={"napari_sam2": json.dumps(about, ensure_ascii=False)})
