"""What can be exported: results or label images of any kind, opened with all that is known of them."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_sam2.analysis import measure_regions, measure_volumes, read_table
from napari_sam2.analysis.exports import read_ctc, read_davis, read_sav
from napari_sam2.analysis.exports.ctc_reading import find_ctc_table
from napari_sam2.analysis.exports.davis import holds_davis
from napari_sam2.errors import InputError
from napari_sam2.label_planes import LabelPlanes
from napari_sam2.spacetime import Volumes
from napari_sam2.spacetime.folder import voxel_size

if TYPE_CHECKING:
    from napari_sam2.frames import Frames

Path_ = str | PathLike[str]

_DEPTH = "the frames follow depth, and this format holds tracks in time; choose another format"


@dataclass(frozen=True, eq=False)
class Exportable:
    """Masks, tables and what is known of them; made by `open_exportable`.

    Attributes
    ----------
    where : Path
        What it was opened from.
    axis : str
        "t" or "z": of volumes in time, whose frames are volumes, "t".
    sizes : mapping
        pixel_size, unit, step and step_unit, as writers take them.
    parents : mapping of int to int
        From child to parent.
    names : mapping of int to str
        What a person called the objects.
    frames : Frames or None
        The image that was segmented.
    """

    where: Path
    axis: str
    sizes: Mapping[str, Any]
    parents: Mapping[int, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    frames: "Frames | None" = None
    _labels: Any = None

    @property
    def labels(self) -> Any:
        """The label images, a sequence.

        Raises
        ------
        InputError
            There are only tables.
        """
        if self._labels is None:
            raise InputError(f"{self.where} holds tables and no labels.tif; give the label images instead")
        return self._labels

    @property
    def flat_labels(self) -> Any | None:
        """The label images, where there are some and they are no volumes."""
        flat = self._labels is not None and np.asarray(self._labels[0]).ndim == 2
        return self._labels if flat else None

    def tracks_only(self) -> "Exportable":
        """Itself; raises InputError where frames follow depth."""
        if self.axis == "z":
            raise InputError(_DEPTH)
        return self

    def regions(self) -> pd.DataFrame:
        """The region table: that of the results, else measured now; of volumes, the volume table."""
        for table in (self.where / "regions.csv", self.where / "volumes.csv"):
            if table.is_file():
                return read_table(table)
        if self.flat_labels is None:
            sizes = dict(self.sizes)
            size = sizes.pop("pixel_size")
            # One number is that of a cube.
            voxel_size = [size] * 3 if isinstance(size, int | float) else size
            return measure_volumes(self.labels, voxel_size=voxel_size, **sizes)
        names = None if self.frames is None else self.frames.channel_names
        return measure_regions(self.labels, self.frames, axis=self.axis, channel_names=names, **self.sizes)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables of the results, by name; none where it was no folder of results."""
        paths = sorted(self.where.glob("*.csv")) if self.where.is_dir() else []
        return {
            path.stem: read_table(path) for path in paths if path.with_name(path.name + ".json").is_file()
        }


def open_exportable(
    source: Path_,
    opened: ExitStack,
    *,
    image: Path_ | None = None,
    axis: str | None = None,
    pixel_size: float | tuple[float, float] | None = None,
    step: float | None = None,
) -> Exportable:
    """Open results or label images.

    Parameters
    ----------
    source : path
        A folder of results, with ``labels.tif`` or a table of its objects; label images as `open_frames`
        reads them; a Cell Tracking Challenge folder, an SA-V file, or a folder of palette PNGs.
    opened : ExitStack
        Lets go of the files.
    image : path, optional
        The image that was segmented. Sizes are taken from it where it is given, else from the labels.
    axis, pixel_size, step : optional
        As for `open_frames`.

    Raises
    ------
    InputError, MeasureError
        A file cannot be used.
    """
    from napari_sam2.frames import open_frames

    source = Path(source)
    if axis is None and (source / "volumes.csv").is_file() and not (source / "regions.csv").is_file():
        axis = "zt"
    if axis == "zt" and image is not None:
        raise InputError("of volumes in time only the masks and tables are exported; leave the image out")
    asked: dict[str, Any] = {"axis": axis, "pixel_size": pixel_size, "step": step}
    known: dict[str, Any] = {
        "where": source,
        "axis": "z" if axis == "z" else "t",
        "sizes": _plain_sizes(pixel_size, step),
    }
    frames = None if image is None else opened.enter_context(open_frames(image, **asked))
    if not source.exists():
        raise InputError(f"there is no file or folder {source}; check the path")
    if find_ctc_table(source) is not None:
        known["_labels"], known["parents"] = read_ctc(source)
    elif source.suffix.lower() == ".json":
        known["_labels"] = masklets = read_sav(source)
        known["sizes"] = _plain_sizes(pixel_size, masklets.step if step is None else step)
    elif source.is_dir() and holds_davis(source):
        known["_labels"], _ = read_davis(source)
    else:
        is_results = (source / "labels.tif").is_file() or (source / "regions.csv").is_file()
        if is_results:
            known |= {"parents": _read_parents(source), "names": _read_names(source)}
        file = source / "labels.tif" if is_results else source
        if file.exists():
            label_frames = opened.enter_context(open_frames(file, **asked))
            planes = LabelPlanes(label_frames)
            volumes = label_frames.axis == "zt"
            known["_labels"] = Volumes(planes, label_frames.n_slices) if volumes else planes
            known |= _sizes_of(label_frames)
    if frames is not None:
        known |= {"frames": frames, **_sizes_of(frames)}
    return Exportable(**known)


def _plain_sizes(pixel_size: float | tuple[float, float] | None, step: float | None) -> dict[str, Any]:
    """What a person says, in the usual units."""
    units = {"unit": "pixel" if pixel_size is None else "µm", "step_unit": "frame" if step is None else "s"}
    return {"pixel_size": pixel_size, "step": step, **units}


def _sizes_of(frames: "Frames") -> dict[str, Any]:
    sizes = {key: getattr(frames, key) for key in ("pixel_size", "unit", "step", "step_unit")}
    if frames.axis == "zt":
        return {"axis": "t", "sizes": {**sizes, "pixel_size": voxel_size(frames)}}
    return {"axis": frames.axis, "sizes": sizes}


def _read_parents(folder: Path) -> dict[int, int]:
    """From child to parent, as the lineage table of the results has it."""
    path = folder / "lineage.csv"
    if not path.is_file():
        return {}
    cells = read_table(path).set_index("cell_id")
    born = cells[cells["parent_cell"].notna()]
    pairs = zip(born["object_id"], cells["object_id"].loc[born["parent_cell"]], strict=True)
    return {int(child): int(parent) for child, parent in pairs if child != parent}


def _read_names(folder: Path) -> dict[int, str]:
    """What a person called the objects, the last name given to each."""
    path = folder / "session.json"
    if not path.is_file():
        return {}
    try:
        edits = json.loads(path.read_text(encoding="utf-8"))["edits"]
        flat = [one for edit in edits for one in edit.get("edits", [edit])]
        return {edit["object_id"]: edit["name"] for edit in flat if edit["kind"] == "rename_object"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error}); export the label images instead") from error
