"""Columns of the track table and of the table of mean squared displacements."""

from napari_sam2.analysis.column import OBJECT_ID, Column

TRACKS = (
    OBJECT_ID,
    Column("first_frame", "1", "First frame on which the object is present.", "min frame", "int64"),
    Column("last_frame", "1", "Last frame on which the object is present.", "max frame", "int64"),
    Column("start", "{time}", "Time (or depth) of the first frame.", "first frame × step"),
    Column("end", "{time}", "Time (or depth) of the last frame.", "last frame × step"),
    Column("duration", "{time}", "Time (or depth) from the first to the last frame.", "end − start"),
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
        "straightness",
        "1",
        "1 for a straight path, towards 0 for one that comes back. NaN at rest and for a single frame.",
        "net displacement / path length",
    ),
    Column(
        "mean_speed",
        "{length}/{time}",
        "Mean speed along the path. NaN for a single frame.",
        "path length / duration",
        axis="t",
    ),
    Column(
        "median_speed",
        "{length}/{time}",
        "Median of the speeds between frames present that follow each other. NaN for a single frame.",
        "median of |r(k+1) − r(k)| / (t(k+1) − t(k))",
        axis="t",
    ),
    Column(
        "max_speed",
        "{length}/{time}",
        "Largest of those speeds. NaN for a single frame.",
        "max |r(k+1) − r(k)| / (t(k+1) − t(k))",
        axis="t",
    ),
    Column(
        "directional_persistence",
        "1",
        "1 when every step goes on straight, 0 when directions are random, −1 when every step turns back. "
        "NaN without two moving steps in a row.",
        "mean cosine of the turning angles between steps over neighbouring frames",
        axis="t",
    ),
    Column(
        "mean_turning_angle",
        "rad",
        "Mean angle between a step and the next, 0 to π.",
        "mean of arccos(Δ(k) · Δ(k+1) / |Δ(k)| |Δ(k+1)|)",
        axis="t",
    ),
    Column(
        "diffusion_coefficient",
        "{length}²/{time}",
        "Diffusion coefficient, if the object diffuses; may come out negative for one at rest. NaN for "
        "fewer than five frames.",
        "slope of MSD over time / 2 d, d dimensions, least squares with free intercept over the first "
        "quarter of the lags (Qian et al. 1991; Saxton 1997)",
        axis="t",
    ),
    Column(
        "anomalous_exponent",
        "1",
        "α: 1 for free diffusion, below for confined, above for directed motion, 2 for straight. NaN for "
        "fewer than five frames or at rest.",
        "slope of log MSD over log lag over the same lags (MSD ~ t^α)",
        axis="t",
    ),
    Column(
        "anomalous_exponent_low",
        "1",
        "Lower end of the 95 % confidence interval of α.",
        "α − 1.96 × its standard error under free diffusion, correlated lags included (Qian et al. 1991; "
        "Michalet 2010)",
        axis="t",
    ),
    Column(
        "anomalous_exponent_high",
        "1",
        "Upper end of the 95 % confidence interval of α.",
        "α + 1.96 × that standard error",
        axis="t",
    ),
    Column(
        "fit_lags",
        "1",
        "Number of lags in both fits.",
        "quarter of the steps, 3 to 20; 0 without",
        "int64",
        "t",
    ),
    Column("mean_size", "{size}", "Mean area (volume in 3-D).", "mean over the frames present"),
    Column(
        "growth_rate",
        "{size}/{time}",
        "Change of area (volume in 3-D) with time. NaN for a single frame.",
        "slope of the least-squares line",
        axis="t",
    ),
    Column(
        "relative_growth_rate",
        "1/{time}",
        "Exponential growth of area (volume in 3-D): ln 2 over it is the doubling time. NaN for a single "
        "frame.",
        "slope of the least-squares line through ln size",
        axis="t",
    ),
    Column(
        "intensity_mean_{channel}",
        "intensity",
        "Mean of the object's mean intensity.",
        "mean over the frames present",
    ),
    Column(
        "intensity_slope_{channel}",
        "intensity/{time}",
        "Change of the object's mean intensity with time (or depth). NaN for a single frame.",
        "slope of the least-squares line",
    ),
)

MSD = (
    OBJECT_ID,
    Column("lag", "1", "Lag in frames.", "n", "int64"),
    Column("lag_time", "{time}", "Lag in time.", "n × step"),
    Column(
        "msd",
        "{length}²",
        "Mean squared displacement of the centroid. NaN when no two frames present are so far apart.",
        "mean of |r(k+n) − r(k)|² over all k with both frames present (Qian et al. 1991)",
    ),
    Column("windows", "1", "Number of displacements in the mean; they overlap.", "count", "int64"),
)
