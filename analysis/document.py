"""The page that lists every column of every table, made from the declarations.

`python -m napari_sam2.analysis.document docs/measurements.md` writes it.
"""

import sys
from pathlib import Path

from napari_sam2.analysis.columns import COLUMNS
from napari_sam2.analysis.results import PAGE, TABLES

_TABLES = {
    "regions": ("measure_regions", "One row for each object on each frame (or slice)."),
    "volumes": (
        "measure_volumes",
        "One row for each object of a stack of slices, and time if there are several.",
    ),
    "tracks": ("measure_tracks", "One row for each object, summed up over its frames."),
    "msd": ("measure_msd", "One row for each object and lag."),
    "divisions": (
        "propose_divisions, mark_divisions, link_objects",
        "One row for each division. Proposals have a score and a reason; a person decides.",
    ),
    "links": ("link_objects", "One row for each object on each frame, with its id through all frames."),
    "lineage": ("measure_lineage", "One row for each cell: an object between two divisions."),
    "activity": ("measure_activity", "One row for each object on each frame of footage."),
    "intervals": ("measure_intervals", "One row for each stay of an object on screen."),
    "presence": ("measure_presence", "One row for each object of footage."),
    "contacts": (
        "measure_contacts",
        "One row for each two objects that touch, or whose boxes overlap, on a frame.",
    ),
    "contact_intervals": ("contact_intervals", "One row for each interval during which two objects touch."),
    "quality": ("measure_quality", "One row for each object on each frame: which masks to look at."),
    "scores": ("score_labels", "One row: how well a result agrees with a truth."),
}

_HEAD = """# Measurements

Every column of every table that `napari_sam2.analysis` makes. This page is made from the declarations
in the code; the same text is written beside each CSV, as `<name>.csv.json`, with the version, the units
and the parameters of that very table.

- **length** and **time** stand for the units the table was measured in, **size** for the unit of area (of
  volume for 3-D tables). When the size of a pixel is unknown, lengths are in pixels; when the step between
  frames is unknown, frames are counted.
- Columns that end in `_px` are in pixels, whatever the size of a pixel. The others respect pixels that
  are not square and voxels that are deeper than wide.
- `{channel}` stands for the name of each image channel; without an image these columns are absent.
- A number that is not defined is NaN, an empty field in a CSV. It is never 0.
- Positions are of pixel centres: the centre of the first pixel is at 0. y runs down, x to the right.
- I is an intensity, n the number of pixels of the object, r(k) its centroid on frame k, t(k) the time.
- Where scikit-image defines a number, it is the same number, with two exceptions that scikit-image fills
  in: the orientation of an object without a longest direction is NaN here, and a flat object has a convex
  volume.
"""

_REFERENCES = (
    "Benkrid & Crookes 2000. Design and FPGA implementation of a perimeter estimator. Irish Machine Vision "
    "and Image Processing Conference.",
    "Cox 1927. A method of assigning numerical and percentage values to the degree of roundness of sand "
    "grains. J. Paleontol. 1:179.",
    "Houle & Toussaint 1988. Computing the width of a set. IEEE TPAMI 10:761.",
    "Jaqaman et al. 2008. Robust single-particle tracking in live-cell time-lapse sequences. Nat. Methods "
    "5:695.",
    "Kaiser et al. 2024. CHOTA: a higher order accuracy metric for cell tracking. ECCV Workshops.",
    "Lewiner et al. 2003. Efficient implementation of marching cubes' cases with topological guarantees. "
    "J. Graphics Tools 8:1.",
    "Luiten et al. 2021. HOTA: a higher order metric for evaluating multi-object tracking. IJCV 129:548.",
    "Maška et al. 2014. A benchmark for comparison of cell tracking algorithms. Bioinformatics 30:1609.",
    "Matula et al. 2015. Cell tracking accuracy measurement based on comparison of acyclic oriented graphs. "
    "PLoS ONE 10:e0144959.",
    "Michalet 2010. Mean square displacement analysis of single-particle trajectories with localization "
    "error. Phys. Rev. E 82:041914.",
    "Ohser, Nagel & Schladitz 2002. The Euler number of discretized sets. Lecture Notes in Physics 600:275.",
    "Perazzi et al. 2016. A benchmark dataset and evaluation methodology for video object segmentation. "
    "CVPR.",
    "Qian, Sheetz & Elson 1991. Single particle tracking: analysis of diffusion and flow in two-dimensional "
    "systems. Biophys. J. 60:910.",
    "Ravi et al. 2024. SAM 2: segment anything in images and videos. arXiv:2408.00714.",
    "Ristani et al. 2016. Performance measures and a data set for multi-target, multi-camera tracking. ECCV "
    "Workshops.",
    "Saxton 1997. Single-particle tracking: the distribution of diffusion coefficients. Biophys. J. 72:1744.",
    "Wadell 1935. Volume, shape, and roundness of quartz particles. J. Geol. 43:250.",
)


_FILES = f"""## Which files there are

`napari-sam2 track`, `napari-sam2 measure` and `napari_sam2.analysis.write_results` write a table NAME as
`NAME.csv` with its description, `NAME.csv.json`, and the page `{PAGE}`. A table without a row is written
too, so that a script finds the same files each time. `links` and `scores` are made when they are asked for.

| frames follow | tables |
|---|---|
"""
_FOLLOW = {"t": "time", "z": "depth", "zt": "time, and are volumes"}
_AFTER_FILES = """
- `divisions` holds the divisions that a person marked and those that the masks propose for other objects.
  `lineage` is made from the marked ones; only where nobody marked any is it made from the proposals. A mark
  that does not fit the masks stays in `divisions`, says why in its reason, and is left out of the lineage.
- `msd` goes up to lags of 100 frames; `measure_msd` makes any.
- `quality` is the review list: sort it by `problems`.
- Formats of other tools, Parquet among them, are in [formats.md](formats.md).
"""


def _files() -> str:
    rows = [
        f"| {_FOLLOW[axis]} | {', '.join(f'[{name}](#{name})' for name in names)} |"
        for axis, names in TABLES.items()
    ]
    return _FILES + "\n".join(rows) + "\n" + _AFTER_FILES


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def measurements_page() -> str:
    """The text of `docs/measurements.md`."""
    lines = [_HEAD, _files()]
    for name, columns in COLUMNS.items():
        made_by, said = _TABLES[name]
        makers = ", ".join(f"`{maker}`" for maker in made_by.split(", "))
        lines += [f"## {name}", "", f"{said} Made by {makers}.", ""]
        lines += ["| column | unit | meaning | formula or source |", "|---|---|---|---|"]
        for column in columns:
            unit = column.unit.format(length="length", time="time", size="size")
            only = {None: "", "t": " Only over time.", "z": " Only over depth."}[column.axis]
            cells = (f"`{column.name}`", unit, column.meaning + only, column.formula)
            lines.append("| " + " | ".join(map(_cell, cells)) + " |")
        lines.append("")
    lines += ["## References", "", *(f"- {reference}" for reference in _REFERENCES), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(measurements_page(), encoding="utf-8", newline="\n")
