"""Columns of the track table."""

from napari_sam2.analysis.column import OBJECT_ID, Column

TRACKS = (
    OBJECT_ID,
    Column("first_frame", "1", "First frame on which the object is present.", "min frame", "int64"),
    Column("last_frame", "1", "Last frame on which the object is present.", "max frame", "int64"),
    Column("frames_present", "1", "Number of frames on which the object is present.", "count", "int64"),
    Column(
        "gaps", "1", "Number of times the object vanishes and comes back.", "runs of missing frames", "int64"
    ),
    Column(
        "frames_missing",
        "1",
        "Number of frames between first and last on which the object is absent.",
        "last − first + 1 − frames present",
        "int64",
    ),
    Column("duration", "{time}", "Time from the first to the last frame.", "(last − first) × step"),
    Column(
        "path_length",
        "{length}",
        "Length of the centroid's path; over a gap the path is straight. NaN for a single frame.",
        "Σ |r(k+1) − r(k)| over the frames present",
    ),
    Column(
        "net_displacement",
        "{length}",
        "Straight distance from the first to the last centroid. NaN for a single frame.",
        "|r(last) − r(first)|",
    ),
    Column(
        "mean_speed",
        "{length}/{time}",
        "Mean speed along the path. NaN for a single frame.",
        "path length / duration",
        axis="t",
    ),
)
