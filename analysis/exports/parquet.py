"""Parquet tables whose schema says the unit, meaning and formula of each column and all parameters."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.exports.files import Path_, whole_file
from napari_sam2.analysis.extras import need
from napari_sam2.analysis.tables import describe

_KEY = "napari_sam2"


def write_parquet(table: pd.DataFrame, path: Path_) -> Path:
    """Write a table as Parquet.

    The schema's metadata has what `describe` tells, as JSON under ``napari_sam2``; each field has its
    ``unit``, ``meaning`` and ``formula``. Plain `pandas.read_parquet` opens it.

    Parameters
    ----------
    table : DataFrame
        From `measure_regions` and its neighbours.
    path : path
        Is replaced when the whole file has been written.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MeasureError
        The table was not made by this package, or the package pyarrow is missing.
    OSError
        It cannot be written.
    """
    need("pyarrow", "Writing Parquet", "exports")
    import pyarrow
    from pyarrow import parquet

    about = describe(table)
    told = {column["name"]: column for column in about["columns"]}
    arrow = pyarrow.Table.from_pandas(table, preserve_index=False)
    fields = [
        field.with_metadata({key: told[field.name][key] for key in ("unit", "meaning", "formula")})
        for field in arrow.schema
    ]
    metadata = {**arrow.schema.metadata, _KEY: json.dumps(about, ensure_ascii=False)}
    arrow = arrow.cast(pyarrow.schema(fields, metadata=metadata))
    with whole_file(path) as partial:
        parquet.write_table(arrow, partial)
    return Path(path)


def read_parquet(path: Path_) -> pd.DataFrame:
    """Read a table that `write_parquet` wrote, its types and its description included.

    Raises
    ------
    MeasureError
        It is no Parquet file, not one of this package, or the package pyarrow is missing.
    OSError
        It cannot be read.
    """
    need("pyarrow", "Reading Parquet", "exports")
    import pyarrow
    from pyarrow import parquet

    try:
        arrow = parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise MeasureError(f"{path} is not a Parquet file ({error}).") from error
    about: dict[str, Any] = json.loads((arrow.schema.metadata or {}).get(_KEY.encode(), b"{}"))
    if "columns" not in about:
        raise MeasureError(
            f"{path} does not say what it was measured with; open it with pandas.read_parquet instead."
        )
    types = {column["name"]: column["dtype"] for column in about.pop("columns")}
    table: pd.DataFrame = arrow.to_pandas(ignore_metadata=True).astype(types)
    table.attrs[_KEY] = about
    return table
