"""What a declared column is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One declared column.

    Attributes
    ----------
    name : str
        `{channel}` in it stands for the name of each image channel.
    unit : str
        `{length}`, `{time}` and `{size}` (area, or volume in 3-D) stand for the table's units; "1" is a
        plain number.
    meaning : str
        What the number says, in one sentence.
    formula : str
        How it is computed, or where it comes from.
    dtype : str
        "int64", "float64", "bool" or "str"; "Int64" and "boolean" may be empty.
    axis : str or None
        "t" or "z" where the column exists only for a time-lapse or only for a stack of slices.
    """

    name: str
    unit: str
    meaning: str
    formula: str
    dtype: str = "float64"
    axis: str | None = None


_POWERS = {1: "", 2: "²", 3: "³"}


def in_both(name: str, power: int, meaning: str, formula: str) -> tuple[Column, Column]:
    """One size as two columns: `name_px` in pixels and `name` in physical units.

    Parameters
    ----------
    name, meaning, formula : str
        As in `Column`; a full stop is added to the meaning.
    power : int
        1 for a length, 2 for an area, 3 for a volume.
    """
    mark = _POWERS[power]
    return (
        Column(f"{name}_px", f"pixel{mark}", f"{meaning}, in pixels.", formula),
        Column(name, f"{{length}}{mark}", f"{meaning}, in physical units.", formula),
    )


OBJECT_ID = Column("object_id", "1", "The object's label value.", "label image", "int64")
