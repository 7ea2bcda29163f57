"""One page that shows a result, and one document for a folder of results."""

import base64
import html
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_sam2.analysis import plots
from napari_sam2.analysis.errors import MeasureError
from napari_sam2.analysis.table_files import read_table
from napari_sam2.analysis.tables import complete_scale, describe, frame_range
from napari_sam2.analysis.tracks import measure_tracks

_OBJECTS = ("regions.csv", "volumes.csv")
_KINDS = (".png", ".pdf", ".html")
_PIECE = 5000
"""Points of a line that are drawn at once."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a page shows.

    Attributes
    ----------
    name : str
        Title of the page.
    regions : DataFrame
        From `measure_regions` or `measure_volumes`.
    lineage : DataFrame, optional
        From `measure_lineage`; with divisions it takes the place of the timeline.
    image_yx : array (y, x) or (y, x, 3), optional
        Shown behind the trajectories.
    volumes : DataFrame, optional
        From `measure_volumes`, of slices in depth: the bodies whose sizes are shown.
    """

    name: str
    regions: pd.DataFrame
    lineage: pd.DataFrame | None = None
    image_yx: NDArray[Any] | None = None
    volumes: pd.DataFrame | None = None


def draw_summary(result: Result) -> Figure:
    """Draw a result on one A4 page: trajectories, distributions, change, lineage or timeline."""
    regions = result.regions
    scale = complete_scale(regions)
    figure = Figure(figsize=(11.7, 8.3), layout="constrained")
    first, last = frame_range(regions)
    about = describe(regions)
    n_objects = regions["object_id"].nunique()
    frames = "frames" if scale.axis == "t" else "slices"
    sizes = " x ".join(f"{size:g}" for size in scale.pixel_size)
    size_text = "lengths in pixels" if scale.unit == "pixel" else f"pixel {sizes} {scale.unit}"
    figure.suptitle(
        f"{result.name}: {n_objects} object{'s' * (n_objects != 1)} on {frames} {first} to {last}\n"
        f"{size_text}, step {scale.step:g} {scale.step_unit}; {about['software']} {about['version']}",
        fontsize=10,
    )
    if len(regions) == 0:
        figure.text(0.5, 0.5, "no objects", ha="center")
        return figure
    axes = figure.subplot_mosaic(
        [["where", "where", "size"], ["where", "where", "move"], ["change", "when", "when"]]
    )
    size = "volume" if "volume" in regions.columns else "area"
    tracks = measure_tracks(regions)
    plots.plot_trajectories(axes["where"], regions, result.image_yx)
    if result.volumes is not None:
        plots.plot_distribution(axes["size"], result.volumes, "volume")
        plots.plot_distribution(axes["move"], result.volumes, "sphericity")
    else:
        plots.plot_distribution(axes["size"], regions, size)
        plots.plot_distribution(axes["move"], tracks, "mean_speed" if scale.axis == "t" else "path_length")
    plots.plot_over_frames(axes["change"], regions, size)
    if result.lineage is not None and result.lineage["parent_cell"].notna().any():
        plots.plot_lineage(axes["when"], result.lineage)
    else:
        plots.plot_timeline(axes["when"], regions)
    return figure


def _picture(result: Result, dpi: int) -> bytes:
    file = io.BytesIO()
    # In one piece, the path of an object through a long video takes hundreds of megabytes to draw.
    with rc_context({"agg.path.chunksize": _PIECE}):
        draw_summary(result).savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def _html(results: Sequence[Result]) -> bytes:
    parts = ["<!doctype html><html><head><meta charset='utf-8'><title>napari-sam2</title><style>"]
    parts.append("body{font-family:sans-serif;margin:2em}img{max-width:100%}table{border-collapse:collapse}")
    parts.append("td,th{border:1px solid #ccc;padding:2px 6px;text-align:right}</style></head><body>")
    for result in results:
        encoded = base64.b64encode(_picture(result, dpi=110)).decode()
        tracks = measure_tracks(result.regions)
        about = describe(tracks)
        heads = {str(one["name"]): f"{one['name']} ({one['unit']})" for one in about.pop("columns")}
        table = tracks.rename(columns=heads).to_html(index=False, float_format="{:.4g}".format, na_rep="")
        parts.append(
            f"<h1>{html.escape(result.name)}</h1><img alt='summary' src='data:image/png;base64,{encoded}'>"
        )
        parts.append(f"<details><summary>{len(tracks)} tracks</summary>{table}</details>")
        settings = html.escape(json.dumps(about, ensure_ascii=False, indent=1))
        parts.append(f"<details><summary>how it was measured</summary><pre>{settings}</pre></details>")
    parts.append("</body></html>")
    return "\n".join(parts).encode()


def _pdf(results: Sequence[Result]) -> bytes:
    file = io.BytesIO()
    with PdfPages(file) as pages:
        for result in results:
            pages.savefig(draw_summary(result))
    return file.getvalue()


def _png(results: Sequence[Result]) -> bytes:
    return _picture(results[0], dpi=150)


def write_summary(results: Result | Sequence[Result], path: str | Path) -> Path:
    """Write one page for each result.

    Parameters
    ----------
    results : Result or sequence of Result
        Several need a PDF or HTML file.
    path : path
        Ends in .png, .pdf or .html; written beside and renamed.

    Raises
    ------
    MeasureError
        Another ending, several results for a picture, or none.
    OSError
        The folder cannot be written.
    """
    path = Path(path)
    results = [results] if isinstance(results, Result) else list(results)
    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise MeasureError(
            f"A summary cannot be written as {path.name}; end its name in .png, .pdf or .html."
        )
    if not results:
        raise MeasureError("There is no result to summarise; give at least one.")
    if kind == ".png" and len(results) > 1:
        raise MeasureError(f"{len(results)} results do not fit into one picture; write a .pdf or .html file.")
    content = {".png": _png, ".pdf": _pdf, ".html": _html}[kind](results)
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def read_objects(folder: Path) -> pd.DataFrame:
    """The region table of a folder of results; of volumes over time, the volume table."""
    there = [folder / name for name in _OBJECTS if (folder / name).is_file()]
    return read_table(there[0] if there else folder / _OBJECTS[0])


def _read_if_there(path: Path) -> pd.DataFrame | None:
    return read_table(path) if path.is_file() else None


def read_results(folder: str | Path) -> list[Result]:
    """Results in a folder and in its subfolders: each holds `regions.csv`, or `volumes.csv` over time.

    Returns
    -------
    list of Result
        Named after their folders, in alphabetical order.

    Raises
    ------
    MeasureError
        No such folder, no result in it, or a damaged table.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MeasureError(f"There is no folder {folder}.")
    found = sorted({path.parent for name in _OBJECTS for path in folder.rglob(name)})
    if not found:
        raise MeasureError(f"{folder} holds no result: there is no regions.csv in it or in its subfolders.")
    return [
        Result(
            folder.resolve().name if one == folder else one.relative_to(folder).as_posix(),
            regions,
            lineage=_read_if_there(one / "lineage.csv"),
            volumes=_read_if_there(one / "volumes.csv") if "area" in regions else None,
        )
        for one, regions in ((one, read_objects(one)) for one in found)
    ]
