"""Every table there is of a result, and its page, into a folder."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from napari_sam2.analysis.contacts import contact_columns, contact_intervals
from napari_sam2.analysis.divisions import add_proposals, mark_divisions, propose_divisions
from napari_sam2.analysis.events import measure_activity, measure_intervals, measure_presence
from napari_sam2.analysis.lineage import explain_misfits, measure_lineage
from napari_sam2.analysis.objects import find_objects
from napari_sam2.analysis.outline import Outline
from napari_sam2.analysis.quality import measure_quality
from napari_sam2.analysis.regions import check_ring, index_scores, region_columns, region_table
from napari_sam2.analysis.scale import Scale, read_scale, size_of_voxel
from napari_sam2.analysis.stack import LazyStack, Stack
from napari_sam2.analysis.summary import Result, write_summary
from napari_sam2.analysis.table_files import RowStream, growing_table, write_table
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
    "zt": ("volumes", "tracks", "msd", "divisions", "lineage"),
}
"""The tables of frames over time, of slices over depth, and of volumes over time: always all of them, if only
their heads."""
PAGE = "summary.png"

_MOST_LAGS = 100
"""Lags of the table of mean squared displacements; longer ones are averages of a few windows."""
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


class _Folder:
    """Where tables go, each with what decided the masks in its description."""

    def __init__(self, path: str | Path, parameters: Mapping[str, Any] | None) -> None:
        self.path, self.parameters = Path(path), dict(parameters or {})
        self.path.mkdir(exist_ok=True)

    def file(self, name: str) -> Path:
        return self.path / f"{name}.csv"

    def put(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Write a table and return it."""
        table.attrs[ABOUT]["parameters"] |= self.parameters
        write_table(table, self.file(name))
        return table

    def put_tracks(self, regions: pd.DataFrame) -> None:
        self.put("tracks", measure_tracks(regions))

    def put_descent(
        self, regions: pd.DataFrame, marks: Iterable[tuple[int, int, Sequence[int]]]
    ) -> pd.DataFrame:
        """Write how objects move and who descends from whom; the lineage.

        It is made from the marked divisions where there are some, else from the proposals.
        """
        self.put("msd", measure_msd(regions, max_lag=_MOST_LAGS))
        marked, proposed = mark_divisions(regions, marks), propose_divisions(regions)
        known, fitting = explain_misfits(regions, marked if len(marked) else proposed)
        self.put("divisions", add_proposals(known, proposed) if len(marked) else known)
        return self.put("lineage", measure_lineage(regions, fitting))

    def finish(self, result: Result) -> Result:
        """Draw the page."""
        write_summary(result, self.path / PAGE)
        return result


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
    place = _Folder(folder, parameters)
    about = {"ring": list(ring), "frames": [min(chosen, default=0), max(chosen, default=0)]}
    about |= place.parameters
    needed = [*_NEEDED, *(f"intensity_mean_{channel}" for channel in stack.channels)]
    whole = len(chosen) + (len(stack) if axis == "z" else 0)

    def show(done: int) -> None:
        if progress is not None:
            progress(done, whole)

    with growing_table(place.file("regions")) as add_regions, ExitStack() as over_time:
        rows = RowStream(
            add_regions,
            lambda data: region_table(data, scale, stack.channels, given, about),
            lambda table: table[[name for name in needed if name in table]],
        )
        pairs = None
        if axis == "t":
            pairs = RowStream(
                over_time.enter_context(growing_table(place.file("contacts"))),
                lambda data: make_table("contacts", data, scale, parameters=about),
                lambda table: table[table["contact_length_px"] > 0],
            )
        one = partial(_one_frame, channels=stack.channels, scale=scale, ring=ring)
        for done, (region, pair) in enumerate(stack.measure(one, chosen, workers), start=1):
            rows.put(region)
            if pairs is not None:
                pairs.put(pair)
            show(done)
        regions = rows.end().sort_values(["object_id", "frame"], ignore_index=True)
        contacts = pairs.end() if pairs is not None else None

    place.put_tracks(regions)
    place.put("quality", measure_quality(regions))
    if contacts is not None:
        place.put("contact_intervals", contact_intervals(contacts))
        place.put("presence", measure_presence(regions))
        place.put("intervals", measure_intervals(regions))
        place.put("activity", measure_activity(regions))
        return place.finish(Result(title, regions, place.put_descent(regions, marks), picture_yx))
    volumes = measure_volumes(
        [labels],
        None if images is None else [images],
        voxel_size=size_of_voxel(pixel_size, unit, step, step_unit),
        unit=unit,
        channel_names=channel_names,
        progress=lambda done, _: show(len(chosen) + done),
        ring=ring,
    )
    return place.finish(Result(title, regions, None, picture_yx, place.put("volumes", volumes)))


def write_volume_results(
    labels: Sequence[LazyStack],
    images: Sequence[LazyStack] | None,
    folder: str | Path,
    *,
    voxel_size: Sequence[float] | None = None,
    unit: str = "pixel",
    step: float | None = None,
    step_unit: str = "frame",
    channel_names: Sequence[str] | None = None,
    marks: Iterable[tuple[int, int, Sequence[int]]] = (),
    title: str = "result",
    picture_yx: NDArray[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    ring: tuple[int, int] = (2, 4),
) -> Result:
    """Measure volumes over time and write every table and the page into a folder.

    Parameters
    ----------
    labels, images, voxel_size, unit, step, step_unit, channel_names, progress, ring
        As for `measure_volumes`.
    folder, marks, title, picture_yx, parameters
        As for `write_results`.

    Returns
    -------
    Result
        What the page shows.

    Raises
    ------
    MeasureError
        As for `measure_volumes`.
    OSError
        The folder cannot be written.
    """
    volumes = measure_volumes(
        labels,
        images,
        voxel_size=voxel_size,
        unit=unit,
        step=step,
        step_unit=step_unit,
        channel_names=channel_names,
        progress=progress,
        ring=ring,
    )
    place = _Folder(folder, parameters)
    place.put("volumes", volumes)
    place.put_tracks(volumes)
    return place.finish(Result(title, volumes, place.put_descent(volumes, marks), picture_yx))
