"""`napari-sam2 measure`: tables from label images that exist already."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_sam2.cli.options import AS_READ, Image, Out, Overwrite, Progress, Reading, Workers
from napari_sam2.cli.progress import bars

Labels = Annotated[
    Path,
    Parameter(
        help="Label images of the same frames: the value of a pixel is the object's id, 0 is background."
    ),
]


def measure(
    image: Image,
    labels: Labels,
    /,
    *,
    out: Out,
    reading: Reading = AS_READ,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    progress: Progress = None,
) -> None:
    """Measure the objects of label images that you have already.

    No model is needed. For example:

        napari-sam2 measure movie.tif labels.tif --out tables
        napari-sam2 measure movie.tif labels.tif --out tables --pixel-size 0.65 --step 30

    Written into the folder, frames over time:

        regions.csv            one row for each object on each frame: area,
                               position, shape, intensity of each channel
        tracks.csv             one row for each object: first and last frame,
                               gaps, path length, displacement, speed, growth
        msd.csv                mean squared displacements
        divisions.csv          proposed from the masks, with score and reason
        lineage.csv            cells between divisions: parent, generation
        presence.csv           each object's time on screen, entries, exits
        intervals.csv          each stay of an object on screen
        activity.csv           whether it moves, frame by frame
        contacts.csv           objects that touch or are close, frame by frame
        contact_intervals.csv  from when to when they touch
        quality.csv            the masks to look at, and why
        summary.png            trajectories, sizes, speeds, lineage or presence

    Slices over depth give regions, tracks, quality, the page and volumes.csv, with
    one row for each body; volumes over time (--axis zt) give volumes, tracks, msd,
    divisions, lineage and the page.

    Beside each table, NAME.csv.json says what each column means, its unit, and
    the version and parameters it was made with.
    """
    from napari_sam2.frames import open_frames
    from napari_sam2.label_planes import LabelPlanes
    from napari_sam2.run import measure_to_folder

    with (
        reading.open(image) as frames,
        open_frames(labels, axis=reading.axis) as label_frames,
        bars("frame", progress) as show,
    ):
        planes = LabelPlanes(label_frames)
        results = measure_to_folder(
            frames, planes, out, overwrite=overwrite, inputs=[labels], workers=workers, progress=show
        )
    print(f"{results.n_objects} objects measured on {results.n_frames} frames: {results.folder}")
    for remark in results.remarks:
        print(remark)
