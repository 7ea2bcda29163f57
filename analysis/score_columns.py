"""Columns of the score table: how well a result agrees with a truth."""

from napari_sam2.analysis.column import Column

_CTC = "Cell Tracking Challenge (py-ctcmetrics)"

SCORES = (
    Column("frames", "1", "Number of frames compared.", "count", "int64"),
    Column("truth_objects", "1", "Number of objects in the truth.", "count", "int64"),
    Column("result_objects", "1", "Number of objects in the result.", "count", "int64"),
    Column(
        "SEG",
        "1",
        "Mean overlap (IoU) of each true mask with the mask that covers more than half of it, else 0.",
        f"Maška et al. 2014; {_CTC}",
    ),
    Column(
        "DET",
        "1",
        "How few corrections of detections turn the result into the truth; NaN where a side has no link.",
        f"Matula et al. 2015; {_CTC}",
    ),
    Column(
        "TRA",
        "1",
        "How few corrections of detections and links do; NaN where a side has no link.",
        f"1 − min(AOGM, AOGM₀) / AOGM₀, Matula et al. 2015; {_CTC}",
    ),
    Column(
        "LNK",
        "1",
        "How few corrections of links alone do; NaN where a side has no link.",
        f"1 − min(AOGM-A, AOGM-A₀) / AOGM-A₀, Matula et al. 2015; {_CTC}",
    ),
    Column(
        "IDF1", "1", "Share of masks that carry the right identity.", "Ristani et al. 2016 (py-ctcmetrics)"
    ),
    Column(
        "HOTA",
        "1",
        "Detection and association in one number, for masks matched by more than half of the true mask.",
        "Luiten et al. 2021, at this one matching (py-ctcmetrics)",
    ),
    Column("CHOTA", "1", "HOTA that also follows descent.", "Kaiser et al. 2024 (py-ctcmetrics)"),
    Column(
        "J",
        "1",
        "Region similarity: mean IoU of each true object and its match, from the first frame that shows "
        "either to the last of the stack; 1 where both are absent. NaN for volumes.",
        "Perazzi et al. 2016 (DAVIS)",
    ),
    Column(
        "F",
        "1",
        "Contour accuracy over the same frames: F measure of the outlines within 0.8 % of the frame's "
        "diagonal. NaN for volumes.",
        "Perazzi et al. 2016 (DAVIS)",
    ),
    Column("J&F", "1", "Both in one number.", "(J + F) / 2"),
)
