"""Columns of the tables about who descends from whom."""

from napari_sam2.analysis.column import Column

_SCORE = (
    "mean of likeness (smaller / larger daughter), conservation (1 − |sum of daughters − parent| / parent) "
    "and nearness (1 − distance / limit), in sizes and centroids on the frames beside the division"
)

DIVISIONS = (
    Column("parent_id", "1", "Id of the object that divides.", "label image", "int64"),
    Column("frame", "1", "First frame on which the parts are apart.", "position", "int64"),
    Column(
        "daughter_1",
        "1",
        "Id of a daughter: the parent's own where its id goes on; empty where the daughters have none yet.",
        "label image",
        "Int64",
    ),
    Column("daughter_2", "1", "Id of the other daughter; empty where it has none.", "label image", "Int64"),
    Column(
        "score",
        "1",
        "How sure the division is, 0 to 1; 1 where a person marked it.",
        f"new objects: {_SCORE}; a mask in parts: mean size of the second part against the first",
    ),
    Column(
        "source", "1", "'marked' by a person, proposed from the 'masks', or 'linked'.", "where from", "str"
    ),
    Column("reason", "1", "What speaks for it, in words.", "the rule that found it", "str"),
)

LINKS = (
    Column("frame", "1", "Frame index.", "position", "int64"),
    Column("object_id", "1", "The object's label value on that frame alone.", "label image", "int64"),
    Column(
        "track_id",
        "1",
        "The object's id through all frames.",
        "linear assignment with gap closing and splitting (Jaqaman et al. 2008; laptrack)",
        "int64",
    ),
)

LINEAGE = (
    Column("cell_id", "1", "Number of the cell: one object between two divisions.", "count", "int64"),
    Column("object_id", "1", "The object's label value.", "label image", "int64"),
    Column("first_frame", "1", "First frame of the cell.", "min frame", "int64"),
    Column("last_frame", "1", "Last frame of the cell.", "max frame", "int64"),
    Column("parent_cell", "1", "Cell that divided into this one; empty without.", "divisions", "Int64"),
    Column("root_cell", "1", "First cell of the family.", "parents followed to the first", "int64"),
    Column("generation", "1", "Number of divisions since the root.", "generation of the parent + 1", "int64"),
    Column(
        "daughters", "1", "Number of cells that it divides into, as far as they have ids.", "count", "int64"
    ),
    Column(
        "born", "1", "'division', 'first frame' of the stack, or 'appears' later.", "how it begins", "str"
    ),
    Column("ends", "1", "'division', 'last frame' of the stack, or 'vanishes' before.", "how it ends", "str"),
    Column("birth_time", "{time}", "Time of its first frame.", "first frame × step"),
    Column(
        "cycle_time",
        "{time}",
        "Time from its birth by division to its own division; NaN when either was not seen.",
        "(frame of its division − frame of its birth) × step",
    ),
)
