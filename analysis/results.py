"""Every table there is of a result, and its page, into a folder."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.contacts import contact_columns, contact_intervals
from napari_sam2.analysis.divisions import add_proposals, mark_divisions, propose_divisions
from napari_sam2.analysis.events import measure_activity, measure_intervals, measure_presence
from napari_sam2.analysis.growing import Growing
from napari_sam2.analysis.lineage import explain_misfits, measure_lineage
from napari_sam2.analysis.objects import find_objects
from napari_sam2.analysis.outline import Outline
from napari_sam2.analysis.quality import measure_quality
from napari_sam2.analysis.regions import check_ring, index_scores, region_columns, region_table
from napari_sam2.analysis.scale import Scale, read_scale, voxel_size
from napari_sam2.analysis.stack import LazyStack, Stack
from napari_sam2.analysis.summary import Result, write_summary
from napari_sam2.analysis.table_files import growing_table, write_table
from napari_sam2.analysis.tables import ABOUT, make_table
from napari_sam2.analysis.tracks import measure_msd, measure_tracks
from napari_sam2.analysis.volumes import measure_volumes

TABLES = {
    "t": (
        "regions",
        "tracks",
        "msd",
        "divisions",
        "lineage",
        "presence",
        "intervals",
        "activity",
        "contacts",
        "contact_intervals",
        "quality",
    ),
    "z": ("regions", "tracks", "volumes", "quality"),
}
"""The tables of a result over time and of one over depth: always all of them, if only their heads."""
PAGE = "summary.png"

_MOST_LAGS = 100
"""Lags of the table of mean squared displacements; longer ones are averages of a few windows."""
_ROWS = 8192
"""Rows that are held before they go into the file."""
_NEEDED = (
    "object_id",
    "frame",
    "time",
    "depth",
    "area",
    "frame_share",
    "equivalent_diameter",
    "parts",
    "second_part",
    "centroid_y",
    "centroid_x",
    "bbox_y0",
    "bbox_x0",
    "bbox_y1",
    "bbox_x1",
    "touches_border",
    "contact_fraction",
    "predicted_iou",
    "object_score",
)
"""Columns of the region table that the other tables are made from; with the mean intensities they are all
that stays in memory."""


def _one_frame(
    index: int, labels_yx: NDArray[Any], image_yxc: NDArray[Any] | None, *, scale: Scale, **how: Any
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Columns of the regions and of the contacts of a frame."""
    objects = find_objects(labels_yx)
    if len(objects) == 0:
        return {}, {}
    outline = Outline(objects, labels_yx)
    regions = region_columns(index, objects, outline, image_yxc, scale=scale, **how)
    return regions, contact_columns(index, objects, outline, scale) if scale.axis == "t" else {}


class _Stream:
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


def _divisions(
    regions: pd.DataFrame, marks: Iterable[tuple[int, int, Sequence[int]]]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The division table, and the lineage by the person's word where there is one, else as proposed."""
    marked = mark_divisions(regions, marks)
    known = marked if len(marked) else propose_divisions(regions)
    explained, fitting = explain_misfits(regions, known)
    yield "divisions", add_proposals(explained, propose_divisions(regions)) if len(marked) else explained
    yield "lineage", measure_lineage(regions, fitting)


def _over_time(
    regions: pd.DataFrame, contacts: pd.DataFrame, marks: Iterable[tuple[int, int, Sequence[int]]]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables that make sense of time only, each made when it is asked for."""
    yield "msd", measure_msd(regions, max_lag=_MOST_LAGS)
    yield from _divisions(regions, marks)
    yield "presence", measure_presence(regions)
    yield "intervals", measure_intervals(regions)
    yield "activity", measure_activity(regions)
    yield "contact_intervals", contact_intervals(contacts)


def write_results(
    labels: LazyStack,
    images: LazyStack | None,
    folder: str | Path,
    *,
    pixel_size: float | Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    axis: str = "t",
    channel_names: Sequence[str] | None = None,
    scores: pd.DataFrame | None = None,
    frames: Sequence[int] | None = None,
    marks: Iterable[tuple[int, int, Sequence[int]]] = (),
    title: str = "result",
    picture_yx: NDArray[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    ring: tuple[int, int] = (2, 4),
    workers: int = 1,
) -> Result:
    """Measure label images and write every table and the page into a folder.

    `TABLES` names the tables. Frames are read once (slices three times, as bodies need their surfaces and
    then their intensities), and rows go to the disk as they are found: in memory stay the columns of the
    region table that the other tables are made from, about a quarter of it, as tracks need each object's
    positions on all frames.

    Parameters
    ----------
    labels, images, pixel_size, unit, step, step_unit, axis, channel_names, scores, frames, ring, workers
        As for `measure_regions`.
    folder : path
        Is made if it is not there; files of the same names are replaced.
    marks : iterable of (int, int, sequence of int)
        Divisions that a person marked, as for `mark_divisions`: the lineage is made from those that fit
        the objects. Without any it is made from the proposals.
    title : str
        Of the page.
    picture_yx : array (y, x) or (y, x, 3), optional
        Shown behind the trajectories.
    parameters : mapping, optional
        Whatever else decided the masks; goes into the description of each table.
    progress : callable, optional
        Called with how much is done and how much there is to do.

    Returns
    -------
    Result
        What the page shows; its region table has the columns that stayed in memory.

    Raises
    ------
    MeasureError
        As for `measure_regions`.
    OSError
        The folder cannot be written.
    """
    scale = read_scale(pixel_size, unit, step, step_unit, axis)
    check_ring(ring)
    given = None if scores is None else index_scores(scores)
    stack = Stack(labels, images, channel_names)
    chosen = stack.chosen(frames)
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    about = {"ring": list(ring), "frames": [min(chosen, default=0), max(chosen, default=0)]}
    about |= dict(parameters or {})
    needed = [*_NEEDED, *(f"intensity_mean_{channel}" for channel in stack.channels)]
    whole = len(chosen) + (len(stack) if axis == "z" else 0)

    def show(done: int, _: int) -> None:
        if progress is not None:
            progress(done, whole)

    contacts = pd.DataFrame()
    with ExitStack() as files:
        rows = _Stream(
            files.enter_context(growing_table(folder / "regions.csv")),
            lambda data: region_table(data, scale, stack.channels, given, about),
            lambda table: table[[name for name in needed if name in table]],
        )
        pairs = None
        if axis == "t":
            pairs = _Stream(
                files.enter_context(growing_table(folder / "contacts.csv")),
                lambda data: make_table("contacts", data, scale, parameters=about),
                lambda table: table[table["contact_length_px"] > 0],
            )
        one = partial(_one_frame, channels=stack.channels, scale=scale, ring=ring)
        for done, (region, pair) in enumerate(stack.measure(one, chosen, workers), start=1):
            rows.put(region)
            if pairs is not None:
                pairs.put(pair)
            show(done, whole)
        regions = rows.end()
        if pairs is not None:
            contacts = pairs.end()

    def put(name: str, table: pd.DataFrame) -> None:
        table.attrs[ABOUT]["parameters"] |= dict(parameters or {})
        write_table(table, folder / f"{name}.csv")

    put("tracks", measure_tracks(regions))
    put("quality", measure_quality(regions))
    lineage = volumes = None
    if axis == "t":
        for name, table in _over_time(regions, contacts, marks):
            put(name, table)
            if name == "lineage":
                lineage = table
    else:
        size = voxel_size(pixel_size, unit, step, step_unit)
        volumes = measure_volumes(
            [labels],
            None if images is None else [images],
            voxel_size=size,
            unit=unit,
            channel_names=channel_names,
            progress=lambda done, _: show(len(chosen) + done, whole),
            ring=ring,
        )
        put("volumes", volumes)
    result = Result(title, regions, lineage, picture_yx, volumes)
    write_summary(result, folder / PAGE)
    return result
