"""A run on volumes in time: into a label store, and from there into the files of a folder of results."""

import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2.analysis import remarks_on, write_volume_results
from napari_sam2.analysis.exports.ome_tiff import write_ome_tiff
from napari_sam2.errors import ImageWarning
from napari_sam2.label_store import LabelStore
from napari_sam2.outputs import whole_file, writing
from napari_sam2.overlay import write_overlay
from napari_sam2.session import Session
from napari_sam2.spacetime.tracking import VolumeTracking
from napari_sam2.spacetime.volumes import Volumes

if TYPE_CHECKING:
    from napari_sam2.frames import Frames

Progress = Callable[[str, int, int], None]


def follow_into(tracking: VolumeTracking, path: Path, resumed: bool, progress: Progress | None) -> LabelStore:
    """Find all masks and write them into the store at `path`, going on with what an earlier run found."""
    done_path = path / "volumes_done"
    begun = int(done_path.read_text()) if resumed and done_path.exists() else 0
    if not begun:
        shutil.rmtree(path, ignore_errors=True)
    store = LabelStore.on_disk(path, tracking.session.frames.shape)
    for done in tracking.follow(store, begun):
        with whole_file(done_path) as partial:
            partial.write_text(f"{done}")
        if progress is not None:
            progress("tracking", done, len(tracking))
    return store


def write_all(
    session: Session,
    store: LabelStore,
    parameters: Mapping[str, Any],
    folder: Path,
    progress: Progress | None,
) -> tuple[int, int, tuple[str, ...]]:
    """Write all files of a folder of results; how many objects and volumes with one there are, remarks."""
    frames = session.frames
    labels = Volumes(store, frames.n_slices)
    with writing(folder / "labels.tif"):
        write_ome_tiff(labels, folder / "labels.tif", pixel_size=voxel_size(frames), **_sizes(frames))
    marks = [(mother, frame // frames.n_slices, daughters) for mother, frame, daughters in session.divisions]
    found = measure(frames, store, parameters, folder, progress, marks)
    # The picture is of one slice through time: the one with most of the objects' pixels.
    areas_tz = np.array([np.count_nonzero(plane) for plane in map(store.__getitem__, range(len(store)))])
    z = int(areas_tz.reshape(len(labels), -1).sum(0).argmax())
    prompts = {
        (object_id, frame // frames.n_slices): given.prompt()
        for object_id, tracked in session.objects.items()
        for frame, given in tracked.prompts.items()
        if frame % frames.n_slices == z
    }
    through_time = frames.single("t", z), labels.through_time(z)
    write_overlay(*through_time, folder / "overlay.png", prompts=prompts, note=f"slice {z} of each volume")
    session.save(folder / "session.json")
    return found


def measure(
    frames: "Frames",
    labels: Sequence[Any],
    parameters: Mapping[str, Any],
    folder: Path,
    progress: Progress | None,
    marks: Sequence[Any] = (),
) -> tuple[int, int, tuple[str, ...]]:
    """Write the tables and the page; how many objects, and volumes with one, there are; and remarks.

    Parameters
    ----------
    frames : Frames
        The slices of volumes in time.
    labels : sequence of int arrays (y, x)
        Of each slice.
    parameters : mapping
        What decided the masks, as the tables tell it.
    folder : Path
        Where the tables go.
    progress : callable or None
        Called with what is being done, how many slices of it are done, and how many there are.
    marks : sequence
        Divisions that the person marked, as `napari_sam2.analysis.mark_divisions` takes them.
    """

    def show(done: int, whole: int) -> None:
        if progress is not None:
            progress("measuring", done, whole)

    if frames.pixel_size is not None and frames.depth is None:
        warnings.warn(
            f"the distance of the slices of {frames.name} is not known in {frames.unit}, so lengths are in "
            "voxels; give depth, height and width of a pixel",
            ImageWarning,
            stacklevel=2,
        )
    with writing(folder):
        volumes = write_volume_results(
            Volumes(labels, frames.n_slices),
            Volumes(frames, frames.n_slices),
            folder,
            voxel_size=voxel_size(frames),
            channel_names=frames.channel_names,
            marks=marks,
            title=frames.name,
            picture_yx=frames.rgb(frames.n_slices // 2).transpose(1, 2, 0),
            parameters=parameters,
            progress=show,
            **_sizes(frames),
        ).regions
    return volumes["object_id"].nunique(), volumes["frame"].nunique(), tuple(remarks_on(volumes))


def voxel_size(frames: "Frames") -> tuple[float, float, float] | None:
    """(z, y, x) in the frames' unit; None where one of them is not known."""
    if frames.depth is None or frames.pixel_size is None:
        return None
    return frames.depth, *frames.pixel_size


def _sizes(frames: "Frames") -> dict[str, Any]:
    return {"unit": frames.unit, "step": frames.step, "step_unit": frames.step_unit}
